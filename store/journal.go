package store

import (
	"context"

	"github.com/lastpage/lastpage/engine"
)

// visitShift separates a page's number within a visit from the visit's own number.
const visitShift = 32

// putPage writes the journal's row of one page. Row numbers grow with time within a visit, so that
// the row goes to the end of the table and needs no index.
func (t *tx) putPage(id int64, c *streamCache, e *engine.PageEntry) error {
	if c.visit == 0 || c.run != e.Run {
		if err := t.openVisit(id, c, e.Run); err != nil {
			return err
		}
	}
	at := e.At
	if at.IsZero() {
		at = t.db.opt.Now()
	}
	c.pages++
	_, err := t.exec(`INSERT INTO runner_page (id, chain, page, at, position, status, records, fresh, bytes, millis, attempts, retries, evidence, verdict, events)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.visit<<visitShift+c.pages, e.Chain, e.Page, nanos(at), text(e.Position), e.Status, e.Records, e.New, e.Bytes, e.Millis, e.Attempts,
		text(e.Retries), text(e.Evidence), e.Verdict, text(e.Events))
	if err != nil {
		return err
	}
	if c.pages%64 != 0 {
		return nil
	}
	if drop := c.pages - t.db.opt.KeepPages; drop > 0 {
		if _, err := t.exec("DELETE FROM runner_page WHERE id > ? AND id <= ?", c.visit<<visitShift, c.visit<<visitShift+drop); err != nil {
			return err
		}
	}
	return t.sweep(256)
}

func (t *tx) openVisit(id int64, c *streamCache, run string) error {
	if _, err := t.exec("INSERT OR IGNORE INTO runner_visit (stream, run) VALUES (?, ?)", id, run); err != nil {
		return err
	}
	if _, err := t.get("SELECT id FROM runner_visit WHERE stream = ? AND run = ?", []any{id, run}, &c.visit); err != nil {
		return err
	}
	c.run = run
	_, err := t.get("SELECT coalesce(max(id), ?1) - ?1 FROM runner_page WHERE id > ?1 AND id < ?2", []any{c.visit << visitShift, (c.visit + 1) << visitShift}, &c.pages)
	return err
}

// garbage lists visits whose pages are to be deleted; it belongs to whoever has the turn.
type garbage struct{ visits []int64 }

// findGarbage lists the stream's visits beyond the last KeepJournals.
func (t *tx) findGarbage(id int64) error {
	rows, err := t.db.conn.QueryContext(background, "SELECT id FROM runner_visit WHERE stream = ? ORDER BY id DESC LIMIT 1000 OFFSET ?", id, t.db.opt.KeepJournals)
	if err != nil {
		return err
	}
	defer rows.Close()
	g := &t.db.garbage
	known := make(map[int64]bool, len(g.visits))
	for _, v := range g.visits {
		known[v] = true
	}
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return err
		}
		if !known[v] {
			g.visits = append(g.visits, v)
		}
	}
	return rows.Err()
}

// sweep deletes up to limit pages of visits that are not kept.
func (t *tx) sweep(limit int64) error {
	g := &t.db.garbage
	for limit > 0 && len(g.visits) > 0 {
		v := g.visits[0]
		n, err := t.exec("DELETE FROM runner_page WHERE id IN (SELECT id FROM runner_page WHERE id > ? AND id < ? LIMIT ?)", v<<visitShift, (v+1)<<visitShift, limit)
		if err != nil {
			return err
		}
		if n < limit {
			if _, err := t.exec("DELETE FROM runner_visit WHERE id = ?", v); err != nil {
				return err
			}
			g.visits = g.visits[1:]
		}
		limit -= n + 1
	}
	return nil
}

// Pages calls fn with the journalled pages of a run of the stream, in the order of their commits;
// run "" means the last run that journalled a page of it.
func (db *DB) Pages(ctx context.Context, s engine.StreamKey, run string, fn func(engine.PageEntry) error) error {
	id, err := db.id(ctx, s)
	if err != nil || id == 0 {
		return err
	}
	query, args := "SELECT id, run FROM runner_visit WHERE stream = ? AND run = ?", []any{id, run}
	if run == "" {
		query, args = `SELECT id, run FROM runner_visit v WHERE stream = ? AND EXISTS (SELECT 1 FROM runner_page WHERE id > v.id << 32 AND id < (v.id + 1) << 32)
			ORDER BY id DESC LIMIT 1`, args[:1]
	}
	var visit int64
	ok, err := db.read(ctx, query, args, &visit, &run)
	if err != nil || !ok {
		return err
	}
	return db.each(ctx, `SELECT chain, page, at, position, status, records, fresh, bytes, millis, attempts, retries, evidence, verdict, events
		FROM runner_page WHERE id > ? AND id < ? ORDER BY id`, []any{visit << visitShift, (visit + 1) << visitShift}, func(scan func(...any) error) error {
		e := engine.PageEntry{Run: run}
		err := scan(&e.Chain, &e.Page, timeField{&e.At}, jsonField{&e.Position}, &e.Status, &e.Records, &e.New, &e.Bytes, &e.Millis, &e.Attempts,
			jsonField{&e.Retries}, jsonField{&e.Evidence}, &e.Verdict, jsonField{&e.Events})
		if err != nil {
			return err
		}
		return fn(e)
	})
}
