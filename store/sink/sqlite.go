package sink

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

// sqlite:PATH writes one table a stream.
var sqliteKind = Kind{
	Name:      "sqlite",
	Target:    "PATH",
	Doc:       "a table a stream with the columns seq, key, record (JSON text), chain, at, stream; a record with a key replaces the one with the same key in its partition; {stream} in the path is replaced: a database a stream",
	Guarantee: "exactly once: in the checkpoint's own transaction when it is the state file, else rows after the last checkpoint are taken back on resume",
	Options: []Option{
		{"table", "{stream}", "name of the table; {stream} is replaced"},
		{"fsync", "page", "page: a page survives a power cut once it is committed; never: left to the system"},
	},
	Open: func(_ context.Context, target string, set Settings, opt Options) (Sink, error) {
		many := strings.Contains(target, "{stream}")
		s, err := newSQLite(target, set, opt)
		switch {
		case err != nil:
			return nil, fmt.Errorf("sqlite:%s: %w", target, err)
		case many:
			opt.Ledger = "" // a transaction of the ledger is of one file
			return &sqlites{target: target, byPath: map[string]*sqlite{}, make: func(target string) (*sqlite, error) { return newSQLite(target, set, opt) }}, nil
		}
		return s, nil
	},
}

func newSQLite(target string, set Settings, opt Options) (*sqlite, error) {
	if target == "" || target == "-" {
		return nil, errors.New("the sink needs the path of a file")
	}
	sync, err := set.word("fsync", "page", "never")
	if err != nil {
		return nil, err
	}
	s := &sqlite{path: Resolve(target), name: target, table: "{stream}", full: sync == "page", now: opt.Now, tables: map[string]*sqlTable{}}
	if t, ok := set["table"]; ok {
		s.table = t
	}
	s.shared = opt.Ledger != "" && opt.Ledger == s.path
	return s, nil
}

// Resolve is a file's absolute path with symbolic links followed as far as it exists, also of a file that
// is still to be made.
func Resolve(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	for rest, at := "", abs; ; rest, at = filepath.Join(filepath.Base(at), rest), filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.Join(real, rest)
		}
		if at == filepath.Dir(at) {
			return abs
		}
	}
}

// sqlite gathers pages and writes them in one transaction: its own, in Mark, or the ledger's, in Tx.
type sqlite struct {
	notes
	path   string // absolute
	name   string // as given, for messages
	table  string // with {stream}
	full   bool
	shared bool // Tx writes, Mark does not
	now    func() time.Time
	db     *sql.DB
	tables map[string]*sqlTable // by name
	locks  tableLocks
	dirty  []*sqlTable // with pages that are not written, in order
}

type sqliteMark struct {
	Path  string `json:"path"`
	Table string `json:"table"`
	Seq   int64  `json:"seq"` // of the last row
	// Closed: the run ended in order, and rows behind Seq are somebody else's.
	Closed bool `json:"closed,omitempty"`
}

// Database is the file the sink writes to, absolute, symbolic links resolved.
func (s *sqlite) Database() string { return s.path }

func (s *sqlite) tableName(stream string) string { return place(s.table, stream) }

// Target is the file and the table, whose name SQLite reads without regard to capitals.
func (s *sqlite) Target(stream string) string {
	return s.path + "#" + strings.ToLower(s.tableName(stream))
}

func (s *sqlite) connect() error {
	if s.db != nil {
		return nil
	}
	sync := "NORMAL"
	if s.full {
		sync = "FULL"
	}
	set := url.Values{"_journal_mode": {"WAL"}, "_busy_timeout": {"10000"}, "_txlock": {"immediate"}, "_synchronous": {sync}}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: s.path}).EscapedPath()+"?"+set.Encode())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	s.db = db
	return nil
}

func (s *sqlite) Open(ctx context.Context, stream string, mark []byte, fresh bool) error {
	name := s.tableName(stream)
	if s.tables[name] != nil {
		return nil
	}
	for other, t := range s.tables {
		if strings.EqualFold(other, name) {
			return &Error{Output: s.name, What: fmt.Sprintf("the tables of streams %s and %s are one: SQLite does not tell capitals from small letters", t.first, stream),
				Try: "give each a database of its own ({stream} in the path), or run them apart with ?table="}
		}
	}
	if l := strings.ToLower(name); name == "" || strings.HasPrefix(l, "sqlite_") || strings.HasPrefix(l, "runner_") {
		return &Error{Output: s.name, What: fmt.Sprintf("a table may not be named %q", name), Try: "name another with ?table="}
	}
	var m *sqliteMark
	if mark != nil && !fresh {
		m = &sqliteMark{}
		if err := json.Unmarshal(mark, m); err != nil {
			return fmt.Errorf("%s: its mark: %w", s.name, err)
		}
		if m.Path != s.path || !strings.EqualFold(m.Table, name) {
			return fmt.Errorf("%s: the mark is of another output, %s#%s", s.name, m.Path, m.Table)
		}
	}
	if !s.locks.take(s.path, name) {
		return &Error{Output: s.name, What: fmt.Sprintf("another run is writing to its table %s", name), Try: "wait for it to end, or name another table (?table=)"}
	}
	if err := s.connect(); err != nil {
		return s.explain(err)
	}
	t := &sqlTable{name: name, first: stream, undo: !s.shared}
	if err := t.open(ctx, s.db, m, fresh); err != nil {
		var short *ShortError
		if errors.As(err, &short) {
			short.Target, short.Path = s.Target(stream), s.name
			return short
		}
		return s.explain(err)
	}
	if t.moved {
		s.add("output_moved", fmt.Sprintf("table %s in %s is not there any more; a new one was begun", name, s.name))
	}
	if t.grown > 0 {
		s.add("output_grown", fmt.Sprintf("rows of table %s in %s that were written by somebody else since the last run ended: %d; they are kept", name, s.name, t.grown))
	}
	s.tables[name] = t
	return nil
}

func (s *sqlite) Write(_ context.Context, stream, chain string, records [][]byte, keys []string) error {
	t := s.tables[s.tableName(stream)]
	if t == nil {
		return fmt.Errorf("%s: table %s is not open", s.name, s.tableName(stream))
	}
	if len(t.pages) == 0 {
		s.dirty = append(s.dirty, t)
	}
	t.hold(stream, chain, s.now(), records, keys)
	return nil
}

func (s *sqlite) Mark(ctx context.Context, stream string) (string, []byte, error) {
	return s.mark(ctx, stream, false)
}

// Seal is the last Mark of a run that has ended in order.
func (s *sqlite) Seal(ctx context.Context, stream string) (string, []byte, error) {
	return s.mark(ctx, stream, true)
}

func (s *sqlite) mark(ctx context.Context, stream string, closed bool) (string, []byte, error) {
	t := s.tables[s.tableName(stream)]
	if t == nil {
		return "", nil, fmt.Errorf("%s: table %s is not open", s.name, s.tableName(stream))
	}
	if !s.shared && len(s.dirty) > 0 {
		tx, err := s.db.BeginTx(context.WithoutCancel(ctx), nil)
		if err != nil {
			return "", nil, s.explain(err)
		}
		if err := s.flush(ctx, tx); err != nil {
			tx.Rollback()
			return "", nil, s.explain(err)
		}
		if err := tx.Commit(); err != nil {
			return "", nil, s.explain(err)
		}
	}
	b, err := json.Marshal(sqliteMark{s.path, t.name, t.seq, closed})
	return s.Target(stream), b, err
}

// Tx writes what was handed over since the last commit in the ledger's transaction; nothing is left
// to do when Mark has done it.
func (s *sqlite) Tx(ctx context.Context, tx *sql.Tx) error { return s.explain(s.flush(ctx, tx)) }

func (s *sqlite) flush(ctx context.Context, tx *sql.Tx) error {
	for _, t := range s.dirty {
		if err := t.write(context.WithoutCancel(ctx), tx); err != nil {
			return err
		}
	}
	s.dirty = s.dirty[:0]
	return nil
}

// Holds reports whether there is a database.
func (s *sqlite) Holds(string) bool {
	info, err := os.Stat(s.path)
	return err == nil && info.Size() > 0
}

// Durable is in Sink: a page that is committed is on the disk, or was never promised to be.
func (s *sqlite) Durable(string) bool { return true }

// Close lets go of the file. Pages that were handed over and not committed are dropped.
func (s *sqlite) Close(context.Context) error {
	s.dirty = nil
	clear(s.tables)
	defer s.locks.end(s.path)
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return s.explain(err)
}

func (s *sqlite) explain(err error) error {
	var foreign errForeignTable
	if errors.As(err, &foreign) {
		return &Error{Output: s.name, What: fmt.Sprintf("the database has a table %s which is not this sink's", string(foreign)), Try: "name another with ?table="}
	}
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	say := func(what, try string) error { return &Error{Output: s.name, What: what, Try: try, Err: err} }
	switch e.Code {
	case sqlite3.ErrFull:
		return say("the disk is full", "nothing of the page was kept; free some space and run again: the run goes on from its last checkpoint")
	case sqlite3.ErrReadonly, sqlite3.ErrPerm:
		return say("it cannot be written (the file or its folder is read-only)", "change its permissions, or name another output")
	case sqlite3.ErrNotADB:
		return say("it is not an SQLite database", "name another file")
	case sqlite3.ErrCantOpen:
		return say("it cannot be opened ("+e.Error()+")", "check that its folder exists and can be written, or name another output")
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		return say("another process keeps it locked", "wait for it to finish, or look for one that hangs")
	}
	return say(e.Error(), "")
}
