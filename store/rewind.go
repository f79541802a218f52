package store

import (
	"context"
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

const (
	beforeChain = iota
	beforeBookmark
	beforeOutput
)

// beforeName names a row whose image is kept.
type beforeName struct {
	kind   int
	stream int64
	name   string
}

// keepBefore keeps, once since the output was last known to be on disk, what the rows are that the
// commit will change.
func (t *tx) keepBefore(output, stream int64, commits []engine.Commit, marks []engine.Mark) error {
	kept := t.db.cache.before[output]
	if kept == nil {
		kept = map[beforeName]struct{}{}
		t.db.cache.before[output] = kept
	}
	keep := func(n beforeName, image string, args ...any) error {
		if _, ok := kept[n]; ok {
			return nil
		}
		_, err := t.exec("INSERT OR IGNORE INTO runner_before (output, kind, stream, name, image) VALUES (?, ?, ?, ?, ("+image+"))",
			append([]any{output, n.kind, n.stream, n.name}, args...)...)
		if err == nil {
			kept[n] = struct{}{}
		}
		return err
	}
	for i := range commits {
		key := commits[i].Chain.Key
		err := keep(beforeName{beforeChain, stream, key},
			`SELECT json_object('done', done, 'verdict', verdict, 'reason', reason, 'state', state, 'pages', pages, 'records', records,
			'entered', entered, 'updated', updated, 'keys', (SELECT coalesce(max(id), 0) FROM runner_key WHERE chain = runner_chain.id))
			FROM runner_chain WHERE stream = ? AND key = ?`, stream, key)
		if err != nil {
			return err
		}
		b := commits[i].Bookmark
		if b == nil {
			continue
		}
		err = keep(beforeName{beforeBookmark, stream, b.Base},
			"SELECT json_object('watermark', watermark, 'kept', kept, 'recent', recent, 'asked', asked, 'updated', updated) FROM runner_bookmark WHERE stream = ? AND base = ?", stream, b.Base)
		if err != nil {
			return err
		}
	}
	for i := range marks {
		err := keep(beforeName{beforeOutput, 0, marks[i].Target},
			"SELECT json_object('data', data) FROM runner_output WHERE target = ?", marks[i].Target)
		if err != nil {
			return err
		}
	}
	return nil
}

// dropBefore forgets the images of an output: all of it is on disk.
func (t *tx) dropBefore(output int64) error {
	kept, known := t.db.cache.before[output]
	if known && len(kept) == 0 {
		return nil
	}
	if _, err := t.exec("DELETE FROM runner_before WHERE output = ?", output); err != nil {
		return err
	}
	if len(kept) > 1000 {
		kept = nil // a map keeps its size
	}
	clear(kept)
	if kept == nil {
		kept = map[beforeName]struct{}{}
	}
	t.db.cache.before[output] = kept
	return nil
}

// Rewind takes the ledger back to the last commit whose mark of target was not Volatile, for when a
// power cut took the output's end with it: chains, their keys, bookmarks and marks become what they
// were, of every stream that writes to the target. moved is false when there is nothing to go back
// to. Streams of the target that someone else is running refuse it with *engine.HeldError.
func (db *DB) Rewind(ctx context.Context, l engine.Lease, target string) (moved bool, err error) {
	err = db.write(ctx, func(t *tx) error {
		id, err := t.held(l)
		if err != nil {
			return err
		}
		var output int64
		ok, err := t.get(`SELECT o.id FROM runner_output o JOIN runner_stream_output s ON s.output = o.id AND s.stream = ?
			JOIN runner_before b ON b.output = o.id AND b.kind = 2 AND b.name = o.target AND json_extract(b.image, '$.data') IS NOT NULL
			WHERE o.target = ?`, []any{id, target}, &output)
		if err != nil || !ok {
			return err
		}
		if err := t.othersGone(l, output); err != nil {
			return err
		}
		moved = true
		return t.restore(output)
	})
	return moved && err == nil, err
}

func (t *tx) othersGone(l engine.Lease, output int64) error {
	rows, err := t.db.conn.QueryContext(background, `SELECT s.connector, s.stream, l.epoch, l.owner, l.host, l.pid, l.boot, l.namespace, l.started, l.since, l.until
		FROM runner_stream_output o JOIN runner_stream s ON s.id = o.stream JOIN runner_lease l ON l.stream = s.id WHERE o.output = ?`, output)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var s engine.StreamKey
		var r lease
		if err := rows.Scan(append([]any{&s.Connector, &s.Stream}, r.fields()...)...); err != nil {
			return err
		}
		if s != l.Stream && r.owner.ID != l.Owner.ID && r.live(t.db.opt.Now(), l.Owner) {
			return &engine.HeldError{Stream: s, Owner: r.owner, Until: moment(r.until)}
		}
	}
	return rows.Err()
}

func (t *tx) restore(output int64) error {
	chain := "FROM runner_before b WHERE b.output = ?1 AND b.kind = 0 AND b.stream = runner_chain.stream AND b.name = runner_chain.key"
	for _, q := range []string{
		`DELETE FROM runner_key WHERE id IN (SELECT k.id FROM runner_before b JOIN runner_chain c ON c.stream = b.stream AND c.key = b.name
			JOIN runner_key k ON k.chain = c.id WHERE b.output = ?1 AND b.kind = 0 AND k.id > coalesce(json_extract(b.image, '$.keys'), 0))`,
		`DELETE FROM runner_chain WHERE id IN (SELECT c.id FROM runner_before b JOIN runner_chain c ON c.stream = b.stream AND c.key = b.name
			WHERE b.output = ?1 AND b.kind = 0 AND b.image IS NULL)`,
		`UPDATE runner_chain SET (done, verdict, reason, state, pages, records, entered, updated) =
			(SELECT b.image ->> 'done', b.image ->> 'verdict', b.image ->> 'reason', b.image ->> 'state', b.image ->> 'pages', b.image ->> 'records', b.image ->> 'entered', b.image ->> 'updated' ` + chain + `)
			WHERE id IN (SELECT c.id FROM runner_before b JOIN runner_chain c ON c.stream = b.stream AND c.key = b.name WHERE b.output = ?1 AND b.kind = 0)`,
		`UPDATE runner_stream SET open = 1 WHERE id IN (SELECT c.stream FROM runner_before b JOIN runner_chain c ON c.stream = b.stream AND c.key = b.name
			WHERE b.output = ?1 AND b.kind = 0 AND c.done = 0)`,
		`DELETE FROM runner_bookmark WHERE EXISTS (SELECT 1 FROM runner_before b WHERE b.output = ?1 AND b.kind = 1 AND b.stream = runner_bookmark.stream
			AND b.name = runner_bookmark.base)`,
		`INSERT INTO runner_bookmark (stream, base, watermark, kept, recent, asked, updated)
			SELECT b.stream, b.name, b.image ->> 'watermark', b.image ->> 'kept', b.image ->> 'recent', b.image ->> 'asked', b.image ->> 'updated'
			FROM runner_before b WHERE b.output = ?1 AND b.kind = 1 AND b.image IS NOT NULL`,
		`UPDATE runner_output SET data = (SELECT b.image ->> 'data' FROM runner_before b WHERE b.output = ?1 AND b.kind = 2 AND b.name = runner_output.target)
			WHERE target IN (SELECT name FROM runner_before WHERE output = ?1 AND kind = 2)`,
		"DELETE FROM runner_before WHERE output = ?1",
	} {
		if _, err := t.exec(q, output); err != nil {
			return fmt.Errorf("rewind: %w", err)
		}
	}
	t.db.cache.forget()
	return nil
}
