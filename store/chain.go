package store

import (
	"context"
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

// AddChains lists chains of the newest round; a chain that is listed already is left as it is.
func (db *DB) AddChains(ctx context.Context, l engine.Lease, chains []engine.Chain) error {
	return db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		for i := range chains {
			if err := t.addChain(id, &chains[i], 0, 0); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) addChain(id int64, c *engine.Chain, pages, records int64) error {
	_, err := t.exec(`INSERT INTO runner_chain (stream, key, ordinal, done, verdict, reason, state, pages, records, updated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stream, key) DO NOTHING`,
		id, c.Key, c.Ordinal, c.Done, c.Verdict, c.Reason, text(c.State), pages, records, nanos(c.Updated))
	return err
}

// Progress is a chain with what the ledger has counted in its round.
type Progress struct {
	engine.Chain
	Pages   int64 // committed
	Records int64 // delivered
	Entered int   // runs in a row that began at its state and have not moved it
}

// Delivered returns how many records the chains of the newest round have delivered.
func (db *DB) Delivered(ctx context.Context, s engine.StreamKey) (n int64, err error) {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return 0, err
	}
	_, err = db.read(ctx, "SELECT coalesce(sum(records), 0) FROM runner_chain WHERE stream = ?", []any{id}, &n)
	return n, err
}

const selectChain = "SELECT key, ordinal, done, verdict, reason, state, updated, pages, records, entered FROM runner_chain "

func (p *Progress) fields() []any {
	return []any{&p.Key, &p.Ordinal, &p.Done, &p.Verdict, &p.Reason, jsonField{&p.State}, timeField{&p.Updated}, &p.Pages, &p.Records, &p.Entered}
}

// Chains returns up to limit chains of the newest round with an Ordinal above after, in order of
// Ordinal; with pending only those that are not done. Its cost grows with limit alone.
func (db *DB) Chains(ctx context.Context, s engine.StreamKey, after int64, limit int, pending bool) ([]engine.Chain, error) {
	query := selectChain + "WHERE stream = ? AND ordinal > ? ORDER BY ordinal LIMIT ?"
	if pending {
		query = selectChain + "INDEXED BY runner_chain_pending WHERE stream = ? AND ordinal > ? AND done = 0 ORDER BY ordinal LIMIT ?"
	}
	var list []engine.Chain
	err := db.eachChain(ctx, s, query, []any{after, limit}, func(p Progress) error {
		list = append(list, p.Chain)
		return nil
	})
	return list, err
}

// Progress calls fn with every chain of the newest round, in order of Ordinal.
func (db *DB) Progress(ctx context.Context, s engine.StreamKey, fn func(Progress) error) error {
	return db.eachChain(ctx, s, selectChain+"WHERE stream = ? ORDER BY ordinal", nil, fn)
}

// Chain returns one chain of the newest round; ok is false when it is not listed.
func (db *DB) Chain(ctx context.Context, s engine.StreamKey, key string) (p Progress, ok bool, err error) {
	err = db.eachChain(ctx, s, selectChain+"WHERE stream = ? AND key = ?", []any{key}, func(found Progress) error {
		p, ok = found, true
		return nil
	})
	return p, ok, err
}

func (db *DB) eachChain(ctx context.Context, s engine.StreamKey, query string, args []any, fn func(Progress) error) error {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return err
	}
	return db.each(ctx, query, append([]any{id}, args...), func(scan func(...any) error) error {
		var p Progress
		if err := scan(p.fields()...); err != nil {
			return err
		}
		return fn(p)
	})
}

// Enter notes that a run begins at the chain's present state and returns how many runs in a row have
// done so since it last moved: 1 for the first. A run that is killed again and again by the same page
// shows in it.
func (db *DB) Enter(ctx context.Context, l engine.Lease, chain string) (times int, err error) {
	err = db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		ok, err := t.get("UPDATE runner_chain SET entered = entered + 1 WHERE stream = ? AND key = ? RETURNING entered", []any{id, chain}, &times)
		if err == nil && !ok {
			err = fmt.Errorf("%s/%s: chain %q is not listed", l.Stream.Connector, l.Stream.Stream, chain)
		}
		return err
	})
	return times, err
}
