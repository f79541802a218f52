package demo

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"sync"
)

// order is how a listing is sorted: by a field, then by id; desc turns both round.
type order struct {
	field string // id created updated update_id
	desc  bool
}

// parseOrder reads "updated", "-updated", "updated|asc", "updated.desc"; false for other fields.
func parseOrder(s string) (order, bool) {
	o := order{field: strings.TrimPrefix(s, "-"), desc: strings.HasPrefix(s, "-")}
	for _, sep := range []string{"|", ".", " "} {
		if field, dir, ok := strings.Cut(o.field, sep); ok {
			o = order{field: field, desc: strings.EqualFold(dir, "desc")}
		}
	}
	switch o.field {
	case "id", "created", "updated", "update_id":
		return o, true
	}
	return o, false
}

// key is what o sorts r by.
func (o order) key(r *record) int64 {
	switch o.field {
	case "created":
		return r.created
	case "updated":
		return r.updated
	case "update_id":
		return r.updateID
	}
	return r.id
}

func (o order) compare(a, b *record) int {
	return o.compareKeys(o.key(a), a.id, o.key(b), b.id)
}

func (o order) compareKeys(ak, aid, bk, bid int64) int {
	c := cmp.Compare(ak, bk)
	if c == 0 {
		c = cmp.Compare(aid, bid)
	}
	if o.desc {
		return -c
	}
	return c
}

// after returns the index of the first record of view behind (key, id).
func (o order) after(view []*record, key, id int64) int {
	return sort.Search(len(view), func(i int) bool { return o.compareKeys(o.key(view[i]), view[i].id, key, id) > 0 })
}

// set is the records of one world. Views are snapshots: a change makes new ones.
type set struct {
	mu      sync.Mutex
	shape   shape
	recs    []*record // in order of id; never changed in place
	gone    []*record // deleted, with the update_id of their deletion
	made    int       // ordinals used
	clock   int64     // greatest updated
	update  int64     // greatest update_id
	views   map[order][]*record
	grouped map[int][][]*record
}

func newSet(s shape, recs []*record) *set {
	out := &set{shape: s, recs: recs, made: len(recs), clock: epoch, update: updateLow}
	for _, r := range recs {
		out.clock, out.update = max(out.clock, r.updated), max(out.update, r.updateID)
	}
	return out
}

// view returns the live records in order. The slice must not be changed.
func (s *set) view(o order) []*record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o == (order{field: "id"}) {
		return s.recs
	}
	v, ok := s.views[o]
	if !ok {
		v = slices.Clone(s.recs)
		slices.SortFunc(v, o.compare)
		if s.views == nil {
			s.views = map[order][]*record{}
		}
		s.views[o] = v
	}
	return v
}

// group deals the live records out to n parents; every fifth parent gets none.
func (s *set) group(n int) [][]*record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g, ok := s.grouped[n]; ok {
		return g
	}
	g := make([][]*record, n)
	for _, r := range s.recs {
		p := int(uint64(r.ord+1) * 0x9e3779b97f4a7c15 >> 33 % uint64(n))
		if p%5 == 4 {
			p-- // n = 1 has no fifth parent
		}
		g[p] = append(g[p], r)
	}
	if s.grouped == nil || len(s.grouped) > 8 {
		s.grouped = map[int][][]*record{}
	}
	s.grouped[n] = g
	return g
}

// changes returns live and deleted records that changed after update_id since, in that order.
func (s *set) changes(since int64) (live, gone []*record, now int64) {
	v := s.view(order{field: "update_id"})
	s.mu.Lock()
	defer s.mu.Unlock()
	i := sort.Search(len(v), func(i int) bool { return v[i].updateID > since })
	j := sort.Search(len(s.gone), func(j int) bool { return s.gone[j].updateID > since })
	return v[i:], s.gone[j:], s.update
}

func (s *set) changed() {
	s.views, s.grouped = nil, nil
}

// tick gives a change its times; s.mu is held.
func (s *set) tick() (updated, updateID int64) {
	s.clock += 1_000_000
	s.update += 7
	return s.clock, s.update
}

// insert makes n new records, newer than all others.
func (s *set) insert(n int) []*record {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := make([]*record, n)
	for i := range fresh {
		at, up := s.tick()
		r := &record{ord: s.made, id: idOf(s.made), created: at, updated: at, updateID: up}
		r.render(s.shape.seed)
		s.made++
		fresh[i] = r
	}
	s.recs = append(slices.Clip(s.recs), fresh...)
	s.changed()
	return fresh
}

// modify updates or deletes the records of those ids that are live, and returns how many were.
func (s *set) modify(ids []int64, remove bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	recs := slices.Clone(s.recs)
	n := 0
	for _, id := range ids {
		i, ok := slices.BinarySearchFunc(recs, id, func(r *record, id int64) int { return cmp.Compare(r.id, id) })
		if !ok {
			continue
		}
		n++
		r := *recs[i]
		r.updated, r.updateID = s.tick()
		r.revision++
		r.render(s.shape.seed)
		if remove {
			s.gone = append(slices.Clip(s.gone), &r)
			recs = slices.Delete(recs, i, i+1)
		} else {
			recs[i] = &r
		}
	}
	s.recs = recs
	s.changed()
	return n
}
