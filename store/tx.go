package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/lastpage/lastpage/engine"
)

// tx is a write transaction on the one connection that writes. Statements run without the caller's
// context: each is short, and a context that ends in the middle would leave a goroutine behind.
type tx struct {
	db  *DB
	sql *sql.Tx // nil unless someone else takes part in the transaction
}

var errClosed = errors.New("the state file is closed")

var background = context.Background()

// write runs fn in a transaction of its own and commits when fn returns nil.
func (db *DB) write(ctx context.Context, fn func(*tx) error) error {
	return db.writeWith(ctx, nil, fn)
}

// writeWith is write with a last participant, who is handed the transaction after fn.
func (db *DB) writeWith(ctx context.Context, also func(*sql.Tx) error, fn func(*tx) error) (err error) {
	if db.conn == nil {
		return &Error{Path: db.name, Code: "read_only", What: "it is open for reading only"}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case db.turn <- struct{}{}:
	}
	defer func() { <-db.turn }()
	if db.closed {
		return errClosed
	}
	t := &tx{db: db}
	if err := db.patiently(ctx, func() error { return t.begin(also != nil) }); err != nil {
		return db.explain(err)
	}
	done := false
	defer func() {
		if !done {
			t.rollback()
			db.cache.forget()
		}
	}()
	if err := fn(t); err != nil {
		return db.explain(err)
	}
	if also != nil {
		if err := also(t.sql); err != nil {
			return err
		}
	}
	if err := t.commit(); err != nil {
		return db.explain(err)
	}
	done = true
	return nil
}

// patiently repeats fn while another process has the file locked, for at most Options.Busy.
func (db *DB) patiently(ctx context.Context, fn func() error) error {
	var deadline time.Time
	for {
		err := fn()
		var code sqlite3.Error
		if err == nil || !errors.As(err, &code) || code.Code != sqlite3.ErrBusy && code.Code != sqlite3.ErrLocked {
			return err
		}
		now := time.Now()
		if deadline.IsZero() {
			deadline = now.Add(db.opt.Busy)
		} else if now.After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (t *tx) begin(shared bool) (err error) {
	if shared {
		t.sql, err = t.db.conn.BeginTx(background, nil)
		return err
	}
	_, err = t.exec("BEGIN IMMEDIATE")
	return err
}

func (t *tx) commit() error {
	if t.sql != nil {
		return t.sql.Commit()
	}
	_, err := t.exec("COMMIT")
	return err
}

// rollback ends the transaction; SQLite may have ended it itself, on a full disk for example.
func (t *tx) rollback() {
	if t.sql != nil {
		t.sql.Rollback()
	}
	t.db.conn.ExecContext(background, "ROLLBACK")
}

// stmt prepares a statement once and keeps it.
func (t *tx) stmt(query string) (*sql.Stmt, error) {
	s, ok := t.db.stmts[query]
	if !ok {
		var err error
		if s, err = t.db.conn.PrepareContext(background, query); err != nil {
			return nil, err
		}
		t.db.stmts[query] = s
	}
	return s, nil
}

// exec returns the number of rows that changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	s, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(background, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// get scans the one row that query gives; ok is false when there is none.
func (t *tx) get(query string, args []any, dest ...any) (ok bool, err error) {
	s, err := t.stmt(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(background, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// id returns a stream's row number, which it gives when there is none yet.
func (t *tx) id(s engine.StreamKey) (int64, error) {
	if id, ok := t.db.cache.ids.Load(s); ok {
		return id.(int64), nil
	}
	if s.Connector == "" || s.Stream == "" {
		return 0, fmt.Errorf("a stream needs a connector and a name, not %q/%q", s.Connector, s.Stream)
	}
	if _, err := t.exec("INSERT OR IGNORE INTO runner_stream (connector, stream) VALUES (?, ?)", s.Connector, s.Stream); err != nil {
		return 0, err
	}
	var id int64
	_, err := t.get("SELECT id FROM runner_stream WHERE connector = ? AND stream = ?", []any{s.Connector, s.Stream}, &id)
	return id, err // not cached here: the row is gone again if the transaction is rolled back
}

// held returns the row number of the lease's stream, or engine.ErrFenced when the lease is not the newest.
func (t *tx) held(l engine.Lease) (int64, error) {
	id, err := t.id(l.Stream)
	if err != nil {
		return 0, err
	}
	var epoch int64
	if _, err := t.get("SELECT epoch FROM runner_lease WHERE stream = ?", []any{id}, &epoch); err != nil {
		return 0, err
	}
	if epoch != l.Epoch || epoch == 0 {
		return 0, fmt.Errorf("%s/%s: %w", l.Stream.Connector, l.Stream.Stream, engine.ErrFenced)
	}
	t.db.cache.ids.Store(l.Stream, id) // the lease was committed earlier, so the stream was
	return id, nil
}

// stream returns what is cached for the lease's stream, empty for a new lease.
func (t *tx) stream(id, epoch int64) *streamCache {
	c := t.db.cache.streams[id]
	if c == nil || c.epoch != epoch {
		c = &streamCache{epoch: epoch, outputs: map[string]int64{}}
		t.db.cache.streams[id] = c
		clear(t.db.cache.before) // another process may have been here
	}
	return c
}

// nanos is a time as the tables keep it; 0 is the zero time.
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

// text is JSON as the tables keep it: NULL for none.
func text(raw []byte) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}
