package store

import (
	"context"
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

// Round returns the stream's newest round, the zero Round when there is none.
func (db *DB) Round(ctx context.Context, s engine.StreamKey) (engine.Round, error) {
	var r engine.Round
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return r, err
	}
	_, err = db.read(ctx, "SELECT round, open, listed, now, data FROM runner_stream WHERE id = ?", []any{id},
		&r.Number, &r.Open, &r.Listed, timeField{&r.Now}, jsonField{&r.Data})
	return r, err
}

// PutRound begins a round, or changes the newest one when r has its number. A new round drops the
// chains, keys and states of the older one; bookmarks and marks stay. Begin it after the stream's
// outputs were opened and their marks committed: there is no Rewind to before it.
func (db *DB) PutRound(ctx context.Context, l engine.Lease, r engine.Round) error {
	return db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		var newest int64
		if _, err := t.get("SELECT round FROM runner_stream WHERE id = ?", []any{id}, &newest); err != nil {
			return err
		}
		if r.Number < newest || r.Number < 1 {
			return fmt.Errorf("%s/%s: round %d is over, the newest is %d", l.Stream.Connector, l.Stream.Stream, r.Number, newest)
		}
		if r.Number > newest {
			if err := t.dropChains(id); err != nil {
				return err
			}
		}
		return t.setRound(id, r)
	})
}

func (t *tx) setRound(id int64, r engine.Round) error {
	_, err := t.exec("UPDATE runner_stream SET round = ?, open = ?, listed = ?, now = ?, data = ? WHERE id = ?",
		r.Number, r.Open, r.Listed, nanos(r.Now), text(r.Data), id)
	return err
}

// dropChains forgets the chains of a stream with their keys, and what they were before.
func (t *tx) dropChains(id int64) error {
	for _, q := range []string{
		"DELETE FROM runner_before WHERE output IN (SELECT output FROM runner_stream_output WHERE stream = ?)",
		"DELETE FROM runner_key WHERE chain IN (SELECT id FROM runner_chain WHERE stream = ?)",
		"DELETE FROM runner_chain WHERE stream = ?",
	} {
		if _, err := t.exec(q, id); err != nil {
			return err
		}
	}
	clear(t.db.cache.before)
	return nil
}

// Forget drops the stream's round, chains, keys, marks and bookmarks. Its journal and runs stay.
func (db *DB) Forget(ctx context.Context, l engine.Lease) error {
	return db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		return t.forget(id)
	})
}

func (t *tx) forget(id int64) error {
	if err := t.dropChains(id); err != nil {
		return err
	}
	for _, q := range []string{
		"DELETE FROM runner_bookmark WHERE stream = ?",
		"DELETE FROM runner_output WHERE id IN (SELECT output FROM runner_stream_output WHERE stream = ?1) AND NOT EXISTS (SELECT 1 FROM runner_stream_output o WHERE o.output = runner_output.id AND o.stream <> ?1)",
		"DELETE FROM runner_stream_output WHERE stream = ?",
		"UPDATE runner_stream SET round = 0, open = 0, listed = 0, now = 0, data = NULL WHERE id = ?",
	} {
		if _, err := t.exec(q, id); err != nil {
			return err
		}
	}
	t.db.cache.forget()
	return nil
}
