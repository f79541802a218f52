package host

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver that package store uses too
)

// keepRuns is how many ended runs are remembered.
const keepRuns = 2000

const bookSchema = `
CREATE TABLE IF NOT EXISTS host_job (
	name TEXT PRIMARY KEY,
	due INTEGER NOT NULL,
	retry INTEGER NOT NULL,
	retries INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS host_run (
	seq INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	open INTEGER NOT NULL,
	run TEXT NOT NULL,
	plan BLOB
);
CREATE INDEX IF NOT EXISTS host_run_open ON host_run (seq) WHERE open = 1;`

// book is what the host remembers of jobs and runs, in two tables of the ledger's file.
type book struct {
	db *sql.DB
}

// memo is what is remembered of a job.
type memo struct {
	Due     time.Time // when it was due last
	Retry   time.Time // when it is tried again, zero: not
	Retries int       // in a row so far
}

// openBook opens the tables in the file at path, which exists.
func openBook(ctx context.Context, path string) (*book, error) {
	set := url.Values{"_journal_mode": {"WAL"}, "_busy_timeout": {"10000"}, "_txlock": {"immediate"}, "_synchronous": {"NORMAL"}}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+set.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, bookSchema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &book{db}, nil
}

func (b *book) close() error { return b.db.Close() }

// jobs reads what is remembered of every job.
func (b *book) jobs(ctx context.Context) (map[string]memo, error) {
	rows, err := b.db.QueryContext(ctx, "SELECT name, due, retry, retries FROM host_job")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string]memo{}
	for rows.Next() {
		var name string
		var due, retry int64
		var m memo
		if err := rows.Scan(&name, &due, &retry, &m.Retries); err != nil {
			return nil, err
		}
		m.Due, m.Retry = moment(due), moment(retry)
		out[name] = m
	}
	return out, rows.Err()
}

func (b *book) putJob(ctx context.Context, name string, m memo) error {
	_, err := b.db.ExecContext(ctx, "INSERT OR REPLACE INTO host_job (name, due, retry, retries) VALUES (?, ?, ?, ?)", name, nanos(m.Due), nanos(m.Retry), m.Retries)
	return err
}

// put stores a run. What it needs to go on (plan, sealed) is kept until it is over.
func (b *book) put(ctx context.Context, s *RunStatus, open bool, plan []byte) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if !open {
		plan = nil
	}
	_, err = b.db.ExecContext(ctx, `INSERT INTO host_run (id, open, run, plan) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET open = excluded.open, run = excluded.run, plan = excluded.plan`, s.ID, open, text, plan)
	if err != nil || open {
		return err
	}
	_, err = b.db.ExecContext(ctx, `DELETE FROM host_run WHERE open = 0 AND seq <= (SELECT max(seq) FROM host_run) - ?`, keepRuns)
	return err
}

// open calls fn with every run that is not over, oldest first.
func (b *book) open(ctx context.Context, fn func(s RunStatus, plan []byte) error) error {
	return b.each(ctx, "SELECT run, plan FROM host_run WHERE open = 1 ORDER BY seq", nil, fn)
}

// list calls fn with up to limit runs that began before the one named before ("": the newest), newest
// first, of one job or connector when those are named.
func (b *book) list(ctx context.Context, job, connector, before string, limit int, fn func(RunStatus) error) error {
	query := `SELECT run, NULL FROM host_run WHERE (?1 = '' OR json_extract(run, '$.job') = ?1) AND (?2 = '' OR json_extract(run, '$.connector') = ?2)
		AND (?3 = '' OR seq < (SELECT seq FROM host_run WHERE id = ?3)) ORDER BY seq DESC LIMIT ?4`
	return b.each(ctx, query, []any{job, connector, before, limit}, func(s RunStatus, _ []byte) error { return fn(s) })
}

// get returns a run; ok is false when there is none of that id.
func (b *book) get(ctx context.Context, id string) (s RunStatus, ok bool, err error) {
	err = b.each(ctx, "SELECT run, NULL FROM host_run WHERE id = ?", []any{id}, func(r RunStatus, _ []byte) error {
		s, ok = r, true
		return nil
	})
	return s, ok, err
}

func (b *book) each(ctx context.Context, query string, args []any, fn func(RunStatus, []byte) error) error {
	rows, err := b.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var text, plan []byte
		var s RunStatus
		if err := rows.Scan(&text, &plan); err != nil {
			return err
		}
		if err := json.Unmarshal(text, &s); err != nil {
			return err
		}
		if err := fn(s, plan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
