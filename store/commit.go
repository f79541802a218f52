package store

import (
	"context"
	"database/sql"
	"encoding/binary"

	"github.com/lastpage/lastpage/engine"
)

// Commit stores the commits and the marks in one transaction, in which also, when it is not nil,
// runs last. The transaction is refused with engine.ErrFenced under a lease that is not the newest.
//
// A mark that is Volatile names output that a power cut may still take back. Until a mark of the
// same target comes that is not, what the chains and bookmarks were before is kept for Rewind.
func (db *DB) Commit(ctx context.Context, l engine.Lease, commits []engine.Commit, marks []engine.Mark, also func(*sql.Tx) error) error {
	return db.writeWith(ctx, also, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		c := t.stream(id, l.Epoch)
		for i := range marks {
			if !marks[i].Volatile {
				continue
			}
			output, err := t.output(c, id, marks[i].Target)
			if err != nil {
				return err
			}
			if err := t.keepBefore(output, id, commits, marks); err != nil {
				return err
			}
		}
		for i := range commits {
			if err := t.commitChain(id, c, &commits[i]); err != nil {
				return err
			}
		}
		for i := range marks {
			if err := t.putMark(c, id, &marks[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) commitChain(id int64, cache *streamCache, c *engine.Commit) error {
	var pages, records int64
	if c.Entry != nil {
		pages, records = 1, int64(c.Entry.New)
	}
	at := c.Chain.Updated
	if at.IsZero() {
		at = t.db.opt.Now()
	}
	moved := int64(0)
	var err error
	if !c.Chain.Done {
		// done is left out of the row and out of its index: that is two thirds of the cost.
		moved, err = t.exec(`UPDATE runner_chain SET state = ?3, verdict = ?4, reason = ?5, updated = ?6, pages = pages + ?7, records = records + ?8,
			entered = entered * (state IS ?3) WHERE stream = ?1 AND key = ?2 AND done = 0`,
			id, c.Chain.Key, text(c.Chain.State), c.Chain.Verdict, c.Chain.Reason, nanos(at), pages, records)
		if err != nil {
			return err
		}
	}
	if moved == 0 {
		_, err = t.exec(`INSERT INTO runner_chain (stream, key, ordinal, done, verdict, reason, state, pages, records, updated)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (stream, key) DO UPDATE SET done = excluded.done, verdict = excluded.verdict, reason = excluded.reason,
				state = excluded.state, pages = pages + excluded.pages, records = records + excluded.records, updated = excluded.updated,
				entered = entered * (state IS excluded.state)`,
			id, c.Chain.Key, c.Chain.Ordinal, c.Chain.Done, c.Chain.Verdict, c.Chain.Reason, text(c.Chain.State), pages, records, nanos(at))
		if err != nil {
			return err
		}
	}
	if len(c.Keys) > 0 {
		_, err = t.exec("INSERT INTO runner_key (chain, hashes) SELECT id, ?3 FROM runner_chain WHERE stream = ?1 AND key = ?2", id, c.Chain.Key, packKeys(c.Keys))
		if err != nil {
			return err
		}
	}
	if c.Bookmark != nil {
		if err := t.putBookmark(id, c.Bookmark); err != nil {
			return err
		}
	}
	if c.Entry != nil {
		return t.putPage(id, cache, c.Entry)
	}
	return nil
}

func packKeys(keys []uint64) []byte {
	b := make([]byte, 0, 8*len(keys))
	for _, k := range keys {
		b = binary.LittleEndian.AppendUint64(b, k)
	}
	return b
}

func unpackKeys(b []byte) []uint64 {
	keys := make([]uint64, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		keys = append(keys, binary.LittleEndian.Uint64(b))
	}
	return keys
}

// Keys calls fn with the key hashes of each commit of the chain in this round, oldest first.
func (db *DB) Keys(ctx context.Context, s engine.StreamKey, chain string, fn func([]uint64) error) error {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return err
	}
	return db.each(ctx, "SELECT hashes FROM runner_key WHERE chain = (SELECT id FROM runner_chain WHERE stream = ? AND key = ?) ORDER BY id", []any{id, chain},
		func(scan func(...any) error) error {
			var b sql.RawBytes
			if err := scan(&b); err != nil {
				return err
			}
			return fn(unpackKeys(b))
		})
}
