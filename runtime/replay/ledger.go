package replay

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/lastpage/lastpage/engine"
)

// ledger is a runtime.Ledger in memory: the runs of one case share it.
type ledger struct {
	mu      sync.Mutex
	streams map[string]*shelf // by stream
	secrets map[string]string
}

// shelf is what is kept of one stream.
type shelf struct {
	epoch  int64
	round  engine.Round
	chains []*row // by ordinal
	marks  []engine.Mark
	books  map[string]engine.Bookmark // by base
}

type row struct {
	engine.Chain
	keys    [][]uint64
	entered int
}

func newLedger() *ledger {
	return &ledger{streams: map[string]*shelf{}, secrets: map[string]string{}}
}

// of returns the stream's shelf; l.mu is held.
func (l *ledger) of(s engine.StreamKey) *shelf {
	k := l.streams[s.Stream]
	if k == nil {
		k = &shelf{books: map[string]engine.Bookmark{}}
		l.streams[s.Stream] = k
	}
	return k
}

// held returns the shelf of a lease that is the newest; l.mu is held.
func (l *ledger) held(e engine.Lease) (*shelf, error) {
	k := l.of(e.Stream)
	if k.epoch != e.Epoch {
		return nil, engine.ErrFenced
	}
	return k, nil
}

func (k *shelf) row(key string) *row {
	for _, r := range k.chains {
		if r.Key == key {
			return r
		}
	}
	return nil
}

func (k *shelf) add(c engine.Chain) *row {
	r := &row{Chain: c}
	at, _ := slices.BinarySearchFunc(k.chains, c.Ordinal, func(r *row, n int64) int { return int(r.Ordinal - n) })
	k.chains = slices.Insert(k.chains, at, r)
	return r
}

func (l *ledger) Acquire(_ context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.of(s)
	k.epoch++
	return engine.Lease{Stream: s, Epoch: k.epoch, Owner: o}, nil
}

func (l *ledger) Renew(context.Context, engine.Lease) error   { return nil }
func (l *ledger) Release(context.Context, engine.Lease) error { return nil }

func (l *ledger) Round(_ context.Context, s engine.StreamKey) (engine.Round, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(s).round, nil
}

func (l *ledger) PutRound(_ context.Context, e engine.Lease, r engine.Round) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	if r.Number > k.round.Number {
		k.chains = nil
	}
	k.round = r
	return nil
}

func (l *ledger) AddChains(_ context.Context, e engine.Lease, chains []engine.Chain) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	for _, c := range chains {
		if k.row(c.Key) == nil {
			k.add(c)
		}
	}
	return nil
}

func (l *ledger) Chains(_ context.Context, s engine.StreamKey, after int64, limit int, pending bool) ([]engine.Chain, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []engine.Chain
	for _, r := range l.of(s).chains {
		if r.Ordinal > after && len(out) < limit && (!pending || !r.Done) {
			out = append(out, r.Chain)
		}
	}
	return out, nil
}

func (l *ledger) Keys(_ context.Context, s engine.StreamKey, chain string, fn func([]uint64) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(s).row(chain)
	if r == nil {
		return nil
	}
	for _, k := range r.keys {
		if err := fn(k); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledger) Bookmark(_ context.Context, s engine.StreamKey, base string) (engine.Bookmark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(s).books[base], nil
}

func (l *ledger) Commit(_ context.Context, e engine.Lease, commits []engine.Commit, marks []engine.Mark, also func(*sql.Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	if also != nil {
		return errors.New("a case has no database")
	}
	for _, c := range commits {
		r := k.row(c.Chain.Key)
		if r == nil {
			r = k.add(c.Chain)
		} else {
			if !bytes.Equal(r.State, c.Chain.State) {
				r.entered = 0
			}
			ordinal := r.Ordinal
			r.Chain = c.Chain
			r.Ordinal = ordinal
		}
		if len(c.Keys) > 0 {
			r.keys = append(r.keys, slices.Clone(c.Keys))
		}
		if c.Bookmark != nil {
			k.books[c.Bookmark.Base] = *c.Bookmark
		}
	}
	for _, m := range marks {
		if i := slices.IndexFunc(k.marks, func(o engine.Mark) bool { return o.Target == m.Target }); i >= 0 {
			k.marks[i] = m
		} else {
			k.marks = append(k.marks, m)
		}
	}
	return nil
}

func (l *ledger) Marks(_ context.Context, s engine.StreamKey) ([]engine.Mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.of(s).marks), nil
}

func (l *ledger) Rewind(context.Context, engine.Lease, string) (bool, error) { return false, nil }

func (l *ledger) Enter(_ context.Context, e engine.Lease, chain string) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return 0, err
	}
	r := k.row(chain)
	if r == nil {
		return 0, errors.New("chain " + chain + " is not listed")
	}
	r.entered++
	return r.entered, nil
}

func (l *ledger) Forget(_ context.Context, e engine.Lease) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	*k = shelf{epoch: k.epoch, books: map[string]engine.Bookmark{}}
	return nil
}

func (l *ledger) StartRun(context.Context, engine.Run) error { return nil }
func (l *ledger) EndRun(context.Context, engine.Run) error   { return nil }

func (l *ledger) Secret(_ context.Context, name string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.secrets[name], nil
}

func (l *ledger) PutSecret(_ context.Context, name, value string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets[name] = value
	return nil
}

func (l *ledger) Path() string { return "" }

// bookmarks returns the stream's bookmarks in order of their bases.
func (l *ledger) bookmarks(stream string) []engine.Bookmark {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.streams[stream]
	if k == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(k.books), func(a, b engine.Bookmark) int { return strings.Compare(a.Base, b.Base) })
}
