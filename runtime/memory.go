package runtime

import (
	"context"
	"database/sql"
	"slices"
	"sync"

	"github.com/lastpage/lastpage/engine"
)

// memory is a Ledger that ends with its process: one stream, whatever it is called. Secrets go to a
// ledger that lasts, when there is one.
type memory struct {
	secrets Ledger // nil: a secret that the API rotates is gone with the process
	whole   bool   // a position that is handed over carries the whole walk

	mu     sync.Mutex
	round  engine.Round
	chains []engine.Chain // by Ordinal, from 1 without a gap
	keys   []uint64       // delivered before, by an earlier process
	fresh  []uint64       // delivered by this one
	entry  *engine.PageEntry
	lost   bool // a secret was rotated and not kept
}

// all are the keys that were delivered, the newest last.
func (m *memory) all() []uint64 { return slices.Concat(m.keys, m.fresh) }

func (m *memory) Acquire(_ context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error) {
	return engine.Lease{Stream: s, Epoch: 1, Owner: o}, nil
}

func (m *memory) Renew(context.Context, engine.Lease) error { return nil }

func (m *memory) Release(context.Context, engine.Lease) error { return nil }

func (m *memory) Round(context.Context, engine.StreamKey) (engine.Round, error) { return m.round, nil }

func (m *memory) PutRound(_ context.Context, _ engine.Lease, r engine.Round) error {
	m.round = r
	return nil
}

func (m *memory) AddChains(_ context.Context, _ engine.Lease, chains []engine.Chain) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.chains = append(m.chains, chains...)
	return nil
}

func (m *memory) Chains(_ context.Context, _ engine.StreamKey, after int64, limit int, pending bool) ([]engine.Chain, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []engine.Chain
	for _, c := range m.chains {
		if c.Ordinal > after && len(list) < limit && !(pending && c.Done) {
			list = append(list, c)
		}
	}
	return list, nil
}

func (m *memory) Keys(_ context.Context, _ engine.StreamKey, _ string, fn func([]uint64) error) error {
	return fn(m.keys)
}

func (m *memory) Bookmark(context.Context, engine.StreamKey, string) (engine.Bookmark, error) {
	return engine.Bookmark{}, nil
}

func (m *memory) Commit(_ context.Context, _ engine.Lease, commits []engine.Commit, _ []engine.Mark, _ func(*sql.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range commits {
		if c.Entry != nil {
			m.entry = c.Entry
		}
		m.fresh = append(m.fresh, c.Keys...)
		if i := slices.IndexFunc(m.chains, func(o engine.Chain) bool { return o.Key == c.Chain.Key }); i >= 0 {
			m.chains[i] = c.Chain
		} else {
			m.chains = append(m.chains, c.Chain)
		}
	}
	return nil
}

func (m *memory) Marks(context.Context, engine.StreamKey) ([]engine.Mark, error) { return nil, nil }

func (m *memory) Delivered(context.Context, engine.StreamKey) (int64, error) { return 0, nil }

func (m *memory) Writers(context.Context, string) ([]engine.StreamKey, error) { return nil, nil }

func (m *memory) Rewind(context.Context, engine.Lease, string) (bool, error) { return false, nil }

func (m *memory) Enter(context.Context, engine.Lease, string) (int, error) { return 1, nil }

func (m *memory) Forget(context.Context, engine.Lease) error { return nil }

func (m *memory) StartRun(context.Context, engine.Run) error { return nil }

func (m *memory) EndRun(context.Context, engine.Run) error { return nil }

func (m *memory) Secret(ctx context.Context, name string) (string, error) {
	if m.secrets == nil {
		return "", nil
	}
	return m.secrets.Secret(ctx, name)
}

func (m *memory) PutSecret(ctx context.Context, name, value string) error {
	if m.secrets == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.lost = m.lost || value != ""
		return nil
	}
	return m.secrets.PutSecret(ctx, name, value)
}

func (m *memory) Path() string { return "" }

// collector is a Sink that keeps one page's records.
type collector struct{ records [][]byte }

func (c *collector) Target(string) string { return "" }

func (c *collector) Open(context.Context, string, []byte, bool) error { return nil }

func (c *collector) Write(_ context.Context, _, _ string, records [][]byte, _ []string) error {
	for _, r := range records {
		c.records = append(c.records, clone(r))
	}
	return nil
}

func (c *collector) Mark(context.Context, string) (string, []byte, error) { return "", nil, nil }

func (c *collector) Durable(string) bool { return true }

func (c *collector) Keyless() bool { return true }

func (c *collector) Notes() [][2]string { return nil }

func (c *collector) Close(context.Context) error { return nil }
