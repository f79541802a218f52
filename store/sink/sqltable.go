package sink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// sqlTable is the table of one output.
//
// Each row has a seq, which grows with every row that is written; a row that replaces another of its
// key takes a new one: of its key among the records of one stream and one partition, whatever the window
// that it came in. So the rows after a mark are those with a greater seq. What a replaced row was
// is kept in runner_sink_undo until undoMarks further marks were made: taking the table back to a
// mark is deleting the rows after it and putting back those replaced since.
type sqlTable struct {
	name  string
	first string // the stream that opened it
	undo  bool
	seq   int64
	moved bool  // the table of the mark was not there when it was opened
	grown int64 // rows behind a closed mark, when it was opened
	pages []sqlPage
	text  strings.Builder // records and keys of pages
	marks []int64         // seq after each of the last writes, oldest first
	args  []any
	many  *sql.Stmt // of the connection that is the sink's own
	one   *sql.Stmt
}

// sqlPage is a page that is not written yet.
type sqlPage struct {
	stream string
	chain  string
	at     time.Time
	rows   []sqlRow
}

// sqlRow are the lengths of a record and its key, one after the other in the text.
type sqlRow struct{ record, key int }

const (
	undoMarks = 1000 // how many writes can be taken back
	manyRows  = 100  // rows a statement

	// sqlUnique is what no two rows share. A chain's name is a JSON object; the window in it changes from
	// run to run.
	sqlUnique = "(key, stream, CASE WHEN json_valid(chain) THEN json_remove(chain, '$.window') ELSE chain END) WHERE key IS NOT NULL"
	// sqlRowColumns are those that a replaced row is put back with.
	sqlRowColumns = "seq, key, record, chain, at, stream"
)

func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// open makes the table when there is none and takes it back to m.
func (t *sqlTable) open(ctx context.Context, db *sql.DB, m *sqliteMark, fresh bool) error {
	tx, err := db.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	exec := func(query string, args ...any) {
		if err == nil {
			_, err = tx.ExecContext(ctx, query, args...)
		}
	}
	exec("CREATE TABLE IF NOT EXISTS runner_sink (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID")
	exec("CREATE TABLE IF NOT EXISTS runner_sink_undo (name TEXT NOT NULL, seq INTEGER NOT NULL, key TEXT, record TEXT NOT NULL, chain TEXT NOT NULL, at TEXT NOT NULL, replaced_by INTEGER NOT NULL, stream TEXT NOT NULL DEFAULT '')")
	exec("CREATE INDEX IF NOT EXISTS runner_sink_undo_by ON runner_sink_undo (name, replaced_by)")
	if err != nil {
		return err
	}
	known := true
	if err = tx.QueryRowContext(ctx, "SELECT name, seq FROM runner_sink WHERE name = ? COLLATE NOCASE", t.name).Scan(&t.name, &t.seq); errors.Is(err, sql.ErrNoRows) {
		known, err = false, nil
	}
	if err != nil {
		return err
	}
	var there bool
	if err = tx.QueryRowContext(ctx, "SELECT count(*) > 0 FROM sqlite_master WHERE name = ? COLLATE NOCASE", t.name).Scan(&there); err != nil {
		return err
	}
	if !known && there {
		return errForeignTable(t.name)
	}
	if t.moved = !there && m != nil && m.Seq > 0; t.moved {
		m, t.seq = nil, 0
		exec("DELETE FROM runner_sink_undo WHERE name = ?", t.name)
	}
	table := quoteName(t.name)
	exec("CREATE TABLE IF NOT EXISTS " + table + " (seq INTEGER PRIMARY KEY, key TEXT, record TEXT NOT NULL, chain TEXT NOT NULL, at TEXT NOT NULL, stream TEXT NOT NULL DEFAULT '')")
	if err == nil {
		err = widen(ctx, tx, t.name, "runner_sink_undo")
	}
	if err == nil {
		err = t.index(ctx, tx)
	}
	switch {
	case err != nil:
	case fresh:
		exec("DELETE FROM " + table)
		exec("DELETE FROM runner_sink_undo WHERE name = ?", t.name)
		t.seq = 0
	case m != nil && t.seq < m.Seq:
		return &ShortError{Have: t.seq, Want: m.Seq}
	case m != nil && m.Closed:
		err = tx.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE seq > ?", m.Seq).Scan(&t.grown)
	case m != nil && t.seq > m.Seq:
		exec("DELETE FROM "+table+" WHERE seq > ? AND seq <= ?", m.Seq, t.seq)
		exec("INSERT INTO "+table+" ("+sqlRowColumns+") SELECT "+sqlRowColumns+" FROM runner_sink_undo WHERE name = ?1 AND replaced_by > ?2 AND seq <= ?2", t.name, m.Seq)
		exec("DELETE FROM runner_sink_undo WHERE name = ? AND replaced_by > ?", t.name, m.Seq)
		t.seq = m.Seq
	}
	if err == nil { // rows that were put in by hand have numbers too
		err = tx.QueryRowContext(ctx, "SELECT max(?, coalesce(max(seq), 0)) FROM "+table, t.seq).Scan(&t.seq)
	}
	exec("INSERT INTO runner_sink (name, seq) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET seq = excluded.seq", t.name, t.seq)
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if !t.undo {
		return nil
	}
	// A temporary trigger leaves nothing behind in the file's schema.
	_, err = db.ExecContext(ctx, "CREATE TEMP TRIGGER "+quoteName("keep_"+t.name)+" AFTER UPDATE ON main."+table+` WHEN NEW.seq > OLD.seq BEGIN
		INSERT INTO runner_sink_undo (name, seq, key, record, chain, at, stream, replaced_by) VALUES (`+quoteText(t.name)+`, OLD.seq, OLD.key, OLD.record, OLD.chain, OLD.at, OLD.stream, NEW.seq); END`)
	if err != nil {
		return err
	}
	if t.many, err = db.PrepareContext(ctx, t.insert(manyRows)); err != nil {
		return err
	}
	t.one, err = db.PrepareContext(ctx, t.insert(1))
	return err
}

// index keeps the table's rows apart by key. Its name is none that a stream's table can have; one of that
// name that a renamed table took along is of no use there.
func (t *sqlTable) index(ctx context.Context, tx *sql.Tx) error {
	name := quoteName("runner_row_" + t.name)
	var on string
	err := tx.QueryRowContext(ctx, "SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND name = ? COLLATE NOCASE", "runner_row_"+t.name).Scan(&on)
	if errors.Is(err, sql.ErrNoRows) {
		_, err = tx.ExecContext(ctx, "DROP INDEX IF EXISTS "+quoteName(t.name+"_row")) // of older versions
	} else if err == nil && !strings.EqualFold(on, t.name) {
		_, err = tx.ExecContext(ctx, "DROP INDEX "+name)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, "CREATE UNIQUE INDEX IF NOT EXISTS "+name+" ON "+quoteName(t.name)+" "+sqlUnique)
	}
	return err
}

type errForeignTable string

func (e errForeignTable) Error() string { return "table " + string(e) + " is not this sink's" }

// widen gives tables that were made without it the column `stream`.
func widen(ctx context.Context, tx *sql.Tx, tables ...string) error {
	for _, name := range tables {
		var there int
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info(?) WHERE name = 'stream'", name).Scan(&there); err != nil {
			return err
		}
		if there > 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, "ALTER TABLE "+quoteName(name)+" ADD COLUMN stream TEXT NOT NULL DEFAULT ''"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DROP INDEX IF EXISTS "+quoteName(name+"_key")); err != nil {
			return err
		}
	}
	return nil
}

// insert is the statement that writes rows: ?1 is the chain, ?2 the time, ?3 the seq before the first
// row, ?4 the stream, then each row's key and record.
func (t *sqlTable) insert(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + quoteName(t.name) + " (" + sqlRowColumns + ") VALUES ")
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "(?3+%d,?%d,?%d,?1,?2,?4)", i+1, 2*i+5, 2*i+6)
	}
	b.WriteString(" ON CONFLICT " + sqlUnique + " DO UPDATE SET seq = excluded.seq, record = excluded.record, chain = excluded.chain, at = excluded.at")
	return b.String()
}

// hold keeps a copy of a page until it is written.
func (t *sqlTable) hold(stream, chain string, at time.Time, records [][]byte, keys []string) {
	n := 0
	for i, r := range records {
		n += len(r)
		if keys != nil {
			n += len(keys[i])
		}
	}
	t.text.Grow(n)
	p := sqlPage{stream: stream, chain: strings.Clone(chain), at: at, rows: make([]sqlRow, len(records))}
	for i, r := range records {
		t.text.Write(r)
		p.rows[i].record = len(r)
		if keys != nil {
			t.text.WriteString(keys[i])
			p.rows[i].key = len(keys[i])
		}
	}
	t.pages = append(t.pages, p)
	t.seq += int64(len(records))
}

// write puts the pages into the table and notes how far it goes.
func (t *sqlTable) write(ctx context.Context, tx *sql.Tx) error {
	many, one := t.many, t.one
	if many == nil {
		var err error
		if many, err = tx.PrepareContext(ctx, t.insert(manyRows)); err != nil {
			return err
		}
		defer many.Close()
		if one, err = tx.PrepareContext(ctx, t.insert(1)); err != nil {
			return err
		}
		defer one.Close()
	} else {
		many, one = tx.StmtContext(ctx, many), tx.StmtContext(ctx, one)
	}
	seq := t.seq
	for _, p := range t.pages {
		seq -= int64(len(p.rows))
	}
	text := t.text.String()
	for _, p := range t.pages {
		at, chain, stream := any(p.at.UTC().Format("2006-01-02T15:04:05.000Z")), any(p.chain), any(p.stream)
		for rows := p.rows; len(rows) > 0; {
			n, stmt := manyRows, many
			if len(rows) < manyRows {
				n, stmt = 1, one
			}
			args := append(t.args[:0], chain, at, seq, stream)
			for _, r := range rows[:n] {
				record, key := text[:r.record], any(nil)
				if r.key > 0 { // a record without its key stands for itself
					key = text[r.record : r.record+r.key]
				}
				text = text[r.record+r.key:]
				args = append(args, key, record)
			}
			seq += int64(n)
			if _, err := stmt.ExecContext(ctx, args...); err != nil {
				return err
			}
			t.args = args
			rows = rows[n:]
		}
	}
	clear(t.args)
	t.pages = t.pages[:0]
	t.text.Reset()
	if _, err := tx.ExecContext(ctx, "UPDATE runner_sink SET seq = ? WHERE name = ?", t.seq, t.name); err != nil {
		return err
	}
	return t.forget(ctx, tx)
}

// forget drops what was replaced too many writes ago to be asked for again.
func (t *sqlTable) forget(ctx context.Context, tx *sql.Tx) error {
	if !t.undo {
		return nil
	}
	t.marks = append(t.marks, t.seq)
	if len(t.marks) < 2*undoMarks {
		return nil
	}
	old := t.marks[undoMarks-1]
	t.marks = append(t.marks[:0], t.marks[undoMarks:]...)
	if _, err := tx.ExecContext(ctx, "DELETE FROM runner_sink_undo WHERE name = ? AND replaced_by <= ?", t.name, old); err != nil {
		return fmt.Errorf("table %s: %w", t.name, err)
	}
	return nil
}
