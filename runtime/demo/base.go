package demo

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// shape says which content a set begins with.
type shape struct {
	records int
	seed    uint64
	ties    int // so many records share a timestamp; 0 or 1: none do
}

// generate makes the records of a shape, in order of their ids.
func generate(s shape) []*record {
	r := rand.New(rand.NewPCG(s.seed, uint64(s.records)))
	recs := make([]*record, s.records)
	ties := max(s.ties, 1)
	at := epoch
	for i := range recs {
		at += int64(60+r.IntN(1140)) * 1e6
		created := at
		if i%ties > 0 {
			created = recs[i-1].created
		}
		recs[i] = &record{ord: i, id: idOf(i), created: created, updated: at + int64(r.IntN(72*3600))*1e6 + int64(i%1e6)}
	}
	byUpdate := slices.Clone(recs)
	slices.SortFunc(byUpdate, order{field: "updated"}.compare)
	for i, rec := range byUpdate {
		if i%ties > 0 {
			rec.updated = byUpdate[i-1].updated
		}
		rec.updateID = updateLow + int64(i)*7
	}
	for _, rec := range recs {
		rec.render(s.seed)
	}
	return recs
}

// bases keeps what generate made, because many worlds begin with the same content. At most
// maxBase records are kept; worlds hold on to their own.
type bases struct {
	mu    sync.Mutex
	made  map[shape]*base
	order []shape
	held  int
}

const maxBase = 1_000_000

// base is one generated content, made once however many ask for it at the same time.
type base struct {
	once sync.Once
	recs []*record
}

func (b *bases) get(s shape) []*record {
	b.mu.Lock()
	e := b.made[s]
	if e == nil {
		if b.made == nil {
			b.made = map[shape]*base{}
		}
		e = &base{}
		b.made[s] = e
		b.order = append(b.order, s)
		b.held += s.records
		for b.held > maxBase && len(b.order) > 1 {
			delete(b.made, b.order[0])
			b.held -= b.order[0].records
			b.order = b.order[1:]
		}
	}
	b.mu.Unlock()
	e.once.Do(func() { e.recs = generate(s) })
	return e.recs
}
