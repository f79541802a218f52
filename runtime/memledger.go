package runtime

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// leaseTime is how long a lease of a MemoryLedger lives that is not renewed.
const leaseTime = 6 * renewEvery

// MemoryLedger is a Ledger that ends with its process: for tests, for sources that are read whole each
// time, and for those who keep positions themselves. It may be shared by any number of runs. The zero
// value is empty and ready.
type MemoryLedger struct {
	mu      sync.Mutex
	streams map[engine.StreamKey]*shelf
	secrets map[string]string
	runs    []engine.Run
}

// shelf is what is kept of one stream.
type shelf struct {
	epoch  int64
	owner  engine.Owner
	until  time.Time // when the lease ends unless it is renewed; zero: nobody holds it
	round  engine.Round
	chains []*row          // by ordinal
	byKey  map[string]*row // the same
	marks  []engine.Mark
	books  map[string]engine.Bookmark // by base
}

type row struct {
	engine.Chain
	keys    [][]uint64
	entered int
	records int64 // delivered
}

// of returns the stream's shelf; l.mu is held.
func (l *MemoryLedger) of(s engine.StreamKey) *shelf {
	k := l.streams[s]
	if k == nil {
		if l.streams == nil {
			l.streams = map[engine.StreamKey]*shelf{}
		}
		k = &shelf{books: map[string]engine.Bookmark{}}
		l.streams[s] = k
	}
	return k
}

// held returns the shelf of a lease that is the newest; l.mu is held.
func (l *MemoryLedger) held(e engine.Lease) (*shelf, error) {
	k := l.of(e.Stream)
	if k.epoch != e.Epoch {
		return nil, engine.ErrFenced
	}
	return k, nil
}

func (k *shelf) row(key string) *row { return k.byKey[key] }

func (k *shelf) add(c engine.Chain) *row {
	r := &row{Chain: c}
	k.chains = slices.Insert(k.chains, k.from(c.Ordinal), r)
	if k.byKey == nil {
		k.byKey = map[string]*row{}
	}
	k.byKey[c.Key] = r
	return r
}

// from is the index of the first chain whose ordinal is not below n.
func (k *shelf) from(n int64) int {
	at, _ := slices.BinarySearchFunc(k.chains, n, func(r *row, n int64) int { return cmp.Compare(r.Ordinal, n) })
	return at
}

// Acquire implements Ledger.
func (l *MemoryLedger) Acquire(_ context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, now := l.of(s), time.Now()
	if now.Before(k.until) {
		return engine.Lease{}, &engine.HeldError{Stream: s, Owner: k.owner, Until: k.until}
	}
	k.epoch++
	k.owner, k.until = o, now.Add(leaseTime)
	return engine.Lease{Stream: s, Epoch: k.epoch, Owner: o}, nil
}

// Renew implements Ledger.
func (l *MemoryLedger) Renew(_ context.Context, e engine.Lease) error {
	return l.hold(e, time.Now().Add(leaseTime))
}

// Release implements Ledger.
func (l *MemoryLedger) Release(_ context.Context, e engine.Lease) error {
	if err := l.hold(e, time.Time{}); !errors.Is(err, engine.ErrFenced) {
		return err
	}
	return nil // it is somebody else's by now
}

func (l *MemoryLedger) hold(e engine.Lease, until time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err == nil {
		k.until = until
	}
	return err
}

// Round implements Ledger.
func (l *MemoryLedger) Round(_ context.Context, s engine.StreamKey) (engine.Round, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(s).round, nil
}

// PutRound implements Ledger.
func (l *MemoryLedger) PutRound(_ context.Context, e engine.Lease, r engine.Round) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	if r.Number > k.round.Number {
		k.chains, k.byKey = nil, nil
	}
	k.round = r
	return nil
}

// AddChains implements Ledger.
func (l *MemoryLedger) AddChains(_ context.Context, e engine.Lease, chains []engine.Chain) error {
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

// Chains implements Ledger.
func (l *MemoryLedger) Chains(_ context.Context, s engine.StreamKey, after int64, limit int, pending bool) ([]engine.Chain, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []engine.Chain
	k := l.of(s)
	for _, r := range k.chains[k.from(after+1):] {
		if len(out) == limit {
			break
		}
		if !pending || !r.Done {
			out = append(out, r.Chain)
		}
	}
	return out, nil
}

// Keys implements Ledger.
func (l *MemoryLedger) Keys(_ context.Context, s engine.StreamKey, chain string, fn func([]uint64) error) error {
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

// Delivered implements Ledger.
func (l *MemoryLedger) Delivered(_ context.Context, s engine.StreamKey) (n int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.of(s).chains {
		n += r.records
	}
	return n, nil
}

// Bookmark implements Ledger.
func (l *MemoryLedger) Bookmark(_ context.Context, s engine.StreamKey, base string) (engine.Bookmark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(s).books[base], nil
}

// Commit implements Ledger.
func (l *MemoryLedger) Commit(_ context.Context, e engine.Lease, commits []engine.Commit, marks []engine.Mark, also func(*sql.Tx) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	if also != nil {
		return errors.New("a ledger in memory has no database")
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
		if c.Entry != nil {
			r.records += int64(c.Entry.New)
		}
		if len(c.Keys) > 0 {
			r.keys = append(r.keys, slices.Clone(c.Keys))
		}
		if c.Bookmark != nil {
			k.books[c.Bookmark.Base] = *c.Bookmark
		}
	}
	for _, m := range marks {
		for _, o := range l.streams { // an output that several streams share has one mark
			if i := slices.IndexFunc(o.marks, func(o engine.Mark) bool { return o.Target == m.Target }); i >= 0 {
				o.marks[i] = m
			}
		}
		if i := slices.IndexFunc(k.marks, func(o engine.Mark) bool { return o.Target == m.Target }); i < 0 {
			k.marks = append(k.marks, m)
		}
	}
	return nil
}

// Marks implements Ledger.
func (l *MemoryLedger) Marks(_ context.Context, s engine.StreamKey) ([]engine.Mark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.of(s).marks), nil
}

// Writers implements Ledger.
func (l *MemoryLedger) Writers(_ context.Context, target string) ([]engine.StreamKey, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []engine.StreamKey
	for s, k := range l.streams {
		if slices.ContainsFunc(k.marks, func(m engine.Mark) bool { return m.Target == target }) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b engine.StreamKey) int {
		return cmp.Or(strings.Compare(a.Connector, b.Connector), strings.Compare(a.Stream, b.Stream))
	})
	return out, nil
}

// Rewind implements Ledger.
func (l *MemoryLedger) Rewind(context.Context, engine.Lease, string) (bool, error) { return false, nil }

// Enter implements Ledger.
func (l *MemoryLedger) Enter(_ context.Context, e engine.Lease, chain string) (int, error) {
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

// Forget implements Ledger.
func (l *MemoryLedger) Forget(_ context.Context, e engine.Lease) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, err := l.held(e)
	if err != nil {
		return err
	}
	*k = shelf{epoch: k.epoch, owner: k.owner, until: k.until, books: map[string]engine.Bookmark{}}
	return nil
}

// StartRun implements Ledger.
func (l *MemoryLedger) StartRun(_ context.Context, r engine.Run) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = append(l.runs, r)
	if n := len(l.runs) - maxRuns; n > 0 {
		l.runs = slices.Delete(l.runs, 0, n)
	}
	return nil
}

// EndRun implements Ledger.
func (l *MemoryLedger) EndRun(_ context.Context, r engine.Run) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.runs {
		if l.runs[i].ID == r.ID {
			r.Streams = l.runs[i].Streams
			l.runs[i] = r
		}
	}
	return nil
}

// maxRuns is how many runs a MemoryLedger remembers.
const maxRuns = 1000

// Runs lists the newest runs, at most 1,000, the oldest first.
func (l *MemoryLedger) Runs() []engine.Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.runs)
}

// Secret implements Ledger.
func (l *MemoryLedger) Secret(_ context.Context, name string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.secrets[name], nil
}

// PutSecret implements Ledger.
func (l *MemoryLedger) PutSecret(_ context.Context, name, value string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.secrets == nil {
		l.secrets = map[string]string{}
	}
	l.secrets[name] = value
	return nil
}

// Path implements Ledger.
func (l *MemoryLedger) Path() string { return "" }

// Bookmarks returns the stream's bookmarks in order of their bases.
func (l *MemoryLedger) Bookmarks(s engine.StreamKey) []engine.Bookmark {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.streams[s]
	if k == nil {
		return nil
	}
	return slices.SortedFunc(maps.Values(k.books), func(a, b engine.Bookmark) int { return strings.Compare(a.Base, b.Base) })
}

// SetBookmark says where the stream's next walk of that base starts.
func (l *MemoryLedger) SetBookmark(s engine.StreamKey, b engine.Bookmark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(s).books[b.Base] = b
}
