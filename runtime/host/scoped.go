package host

import (
	"context"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

// scoped is the ledger under another connector name, so that two jobs of one connector with different
// configurations do not go on from one checkpoint.
type scoped struct {
	*store.DB
	name string
	late *backlog
}

// Key is what a stream is called in the file.
func (l scoped) Key(s engine.StreamKey) engine.StreamKey {
	s.Connector = l.name
	return s
}

func (l scoped) run(r engine.Run) engine.Run {
	r.Connector = l.name
	return r
}

// Acquire takes the stream under the ledger's name; what takes a lease then needs no translation.
func (l scoped) Acquire(ctx context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error) {
	return l.late.acquire(ctx, l.Key(s), o)
}

// Release is store.DB's, tried again later where it cannot be written.
func (l scoped) Release(ctx context.Context, lease engine.Lease) error {
	return l.late.release(ctx, lease)
}

// Round is store.DB's under the ledger's name.
func (l scoped) Round(ctx context.Context, s engine.StreamKey) (engine.Round, error) {
	return l.DB.Round(ctx, l.Key(s))
}

// Chains is store.DB's under the ledger's name.
func (l scoped) Chains(ctx context.Context, s engine.StreamKey, after int64, limit int, pending bool) ([]engine.Chain, error) {
	return l.DB.Chains(ctx, l.Key(s), after, limit, pending)
}

// Keys is store.DB's under the ledger's name.
func (l scoped) Keys(ctx context.Context, s engine.StreamKey, chain string, fn func([]uint64) error) error {
	return l.DB.Keys(ctx, l.Key(s), chain, fn)
}

// Delivered is store.DB's under the ledger's name.
func (l scoped) Delivered(ctx context.Context, s engine.StreamKey) (int64, error) {
	return l.DB.Delivered(ctx, l.Key(s))
}

// Bookmark is store.DB's under the ledger's name.
func (l scoped) Bookmark(ctx context.Context, s engine.StreamKey, base string) (engine.Bookmark, error) {
	return l.DB.Bookmark(ctx, l.Key(s), base)
}

// Marks is store.DB's under the ledger's name.
func (l scoped) Marks(ctx context.Context, s engine.StreamKey) ([]engine.Mark, error) {
	return l.DB.Marks(ctx, l.Key(s))
}

// StartRun is store.DB's under the ledger's name.
func (l scoped) StartRun(ctx context.Context, r engine.Run) error {
	return l.DB.StartRun(ctx, l.run(r))
}

// EndRun is store.DB's under the ledger's name, tried again later where it cannot be written.
func (l scoped) EndRun(ctx context.Context, r engine.Run) error {
	return l.late.endRun(ctx, l.run(r))
}
