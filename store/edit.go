package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

// The methods of this file change state by hand. Each takes the stream's lease for itself, so that a
// stream that is being run is refused with *engine.HeldError, and a run that lost its lease is
// fenced off.

func (db *DB) edit(ctx context.Context, s engine.StreamKey, fn func(t *tx, id int64) error) error {
	l, err := db.Acquire(ctx, s, Self(db.opt.Now()))
	if err != nil {
		return err
	}
	err = db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		return fn(t, id)
	})
	return errors.Join(err, db.Release(context.WithoutCancel(ctx), l))
}

// Reset forgets the stream's round, chains, bookmarks and marks: the next run walks it as if it had
// never been walked, and appends to what its outputs hold.
func (db *DB) Reset(ctx context.Context, s engine.StreamKey) error {
	if err := db.known(ctx, s); err != nil {
		return err
	}
	return db.edit(ctx, s, func(t *tx, id int64) error { return t.forget(id) })
}

// ResetChain forgets the position of one chain, its keys and verdict, and with bookmark the bookmark
// of that base as well. The chain stays listed and the round is open again.
func (db *DB) ResetChain(ctx context.Context, s engine.StreamKey, chain string, bookmark *string) error {
	return db.editChain(ctx, s, chain, func(t *tx, id int64) error {
		if _, err := t.exec("DELETE FROM runner_key WHERE chain = (SELECT id FROM runner_chain WHERE stream = ? AND key = ?)", id, chain); err != nil {
			return err
		}
		if bookmark != nil {
			if _, err := t.exec("DELETE FROM runner_bookmark WHERE stream = ? AND base = ?", id, *bookmark); err != nil {
				return err
			}
		}
		return t.putState(id, chain, nil)
	})
}

// SetState puts a chain at a state, from which the next run goes on: the chain is not done and the
// round is open. The state must be JSON; what it means is the caller's to check.
func (db *DB) SetState(ctx context.Context, s engine.StreamKey, chain string, state json.RawMessage) error {
	if !json.Valid(state) {
		return fmt.Errorf("%s/%s: the state to set is not JSON", s.Connector, s.Stream)
	}
	return db.editChain(ctx, s, chain, func(t *tx, id int64) error { return t.putState(id, chain, state) })
}

// SetBookmark stores where the next walk of the base begins: watermark, kept position.
func (db *DB) SetBookmark(ctx context.Context, s engine.StreamKey, b engine.Bookmark) error {
	for _, v := range []json.RawMessage{b.Watermark, b.Kept, b.Recent, b.Asked} {
		if v != nil && !json.Valid(v) {
			return fmt.Errorf("%s/%s: the value to set is not JSON", s.Connector, s.Stream)
		}
	}
	return db.edit(ctx, s, func(t *tx, id int64) error {
		t.db.cache.forget()
		if err := t.dropImages(id); err != nil {
			return err
		}
		return t.putBookmark(id, &b)
	})
}

func (db *DB) editChain(ctx context.Context, s engine.StreamKey, chain string, fn func(t *tx, id int64) error) error {
	if err := db.known(ctx, s); err != nil {
		return err
	}
	if _, ok, err := db.Chain(ctx, s, chain); err != nil {
		return err
	} else if !ok {
		return fmt.Errorf("%s/%s: no chain %q is stored", s.Connector, s.Stream, chain)
	}
	return db.edit(ctx, s, func(t *tx, id int64) error {
		t.db.cache.forget()
		if err := t.dropImages(id); err != nil {
			return err
		}
		return fn(t, id)
	})
}

func (t *tx) putState(id int64, chain string, state json.RawMessage) error {
	n, err := t.exec(`UPDATE runner_chain SET state = ?, done = 0, verdict = '', reason = '', entered = 0, pages = CASE WHEN ?1 IS NULL THEN 0 ELSE pages END,
		records = CASE WHEN ?1 IS NULL THEN 0 ELSE records END, updated = ? WHERE stream = ? AND key = ?`, text(state), nanos(t.db.opt.Now()), id, chain)
	if err != nil || n == 0 {
		return errors.Join(err, errNoChain(n))
	}
	_, err = t.exec("UPDATE runner_stream SET open = 1 WHERE id = ?", id)
	return err
}

func errNoChain(n int64) error {
	if n > 0 {
		return nil
	}
	return errors.New("the chain is not stored any more")
}

// dropImages forgets what the stream's rows were before: an edit is not to be rewound.
func (t *tx) dropImages(id int64) error {
	_, err := t.exec("DELETE FROM runner_before WHERE output IN (SELECT output FROM runner_stream_output WHERE stream = ?)", id)
	return err
}

func (db *DB) known(ctx context.Context, s engine.StreamKey) error {
	id, err := db.id(ctx, s)
	if err == nil && id == 0 {
		err = fmt.Errorf("%s/%s: nothing is stored for this stream", s.Connector, s.Stream)
	}
	return err
}
