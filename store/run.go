package store

import (
	"context"
	"encoding/json"

	"github.com/lastpage/lastpage/engine"
)

// StartRun notes that a run has begun and lets go of what is too old to keep: runs beyond KeepRuns
// of the connector, pages of runs beyond KeepJournals of each stream. What is left to delete after a
// bounded piece of work is deleted along with the commits to come.
func (db *DB) StartRun(ctx context.Context, r engine.Run) error {
	return db.write(ctx, func(t *tx) error {
		streams := r.Streams
		if streams == nil {
			streams = []string{}
		}
		list, err := json.Marshal(streams)
		if err != nil {
			return err
		}
		_, err = t.exec(`INSERT INTO runner_run (id, connector, streams, started, ended, verdict, reason, report) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET streams = excluded.streams`,
			r.ID, r.Connector, string(list), nanos(r.Started), nanos(r.Ended), r.Verdict, r.Reason, text(r.Report))
		if err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM runner_run WHERE seq IN (SELECT seq FROM runner_run WHERE connector = ?1 AND seq <=
			(SELECT seq FROM runner_run WHERE connector = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2) LIMIT 100)`, r.Connector, t.db.opt.KeepRuns)
		if err != nil {
			return err
		}
		for _, name := range r.Streams {
			id, err := t.id(engine.StreamKey{Connector: r.Connector, Stream: name})
			if err != nil {
				return err
			}
			if _, err := t.exec("INSERT OR IGNORE INTO runner_visit (stream, run) VALUES (?, ?)", id, r.ID); err != nil {
				return err
			}
			if err := t.findGarbage(id); err != nil {
				return err
			}
		}
		return t.sweep(5000)
	})
}

// EndRun notes how a run ended.
func (db *DB) EndRun(ctx context.Context, r engine.Run) error {
	return db.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE runner_run SET ended = ?, verdict = ?, reason = ?, report = ? WHERE id = ?",
			nanos(r.Ended), r.Verdict, r.Reason, text(r.Report), r.ID)
		return err
	})
}

// Runs calls fn with up to limit runs, newest first; connector "" means of any.
func (db *DB) Runs(ctx context.Context, connector string, limit int, fn func(engine.Run) error) error {
	query := "SELECT id, connector, streams, started, ended, verdict, reason, report FROM runner_run "
	args := []any{limit}
	if connector != "" {
		query += "WHERE connector = ? "
		args = []any{connector, limit}
	}
	return db.each(ctx, query+"ORDER BY seq DESC LIMIT ?", args, func(scan func(...any) error) error {
		var r engine.Run
		var streams string
		if err := scan(&r.ID, &r.Connector, &streams, timeField{&r.Started}, timeField{&r.Ended}, &r.Verdict, &r.Reason, jsonField{&r.Report}); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(streams), &r.Streams); err != nil {
			return err
		}
		return fn(r)
	})
}
