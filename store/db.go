package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/lastpage/lastpage/engine"
)

// Options of a DB; the zero value is what `runner run` uses.
type Options struct {
	// Full makes every commit survive a power cut (synchronous=FULL, some 10 times slower). Without
	// it a commit survives the death of the process; after a power cut the file is consistent and
	// may lack the last commits, which are then done again.
	Full bool
	// ReadOnly opens the file for looking only; it must exist.
	ReadOnly bool
	// TTL is how long a lease lasts unless it is renewed; default 30 s.
	TTL time.Duration
	// Busy is how long to wait for another process that is writing; default 10 s.
	Busy time.Duration
	// Now is the clock of leases; default time.Now.
	Now func() time.Time
	// SecretKey seals the secrets that are kept (AES-256-GCM). Any text of enough entropy will do,
	// such as 32 random bytes in base64. "": they are kept as they are, in a file that only its
	// owner may read.
	SecretKey string
	// KeepRuns is how many runs of a connector are remembered; default 200.
	KeepRuns int
	// KeepJournals is of how many of a stream's last runs the pages are kept; default 5.
	KeepJournals int
	// KeepPages is how many pages of one run of a stream are kept, the newest; default 200,000.
	KeepPages int64
}

// DB is a ledger in one SQLite file. Its methods may be called from any goroutine; writes are done
// one after the other.
type DB struct {
	path    string // absolute
	name    string // as given, for messages
	opt     Options
	writer  *sql.DB
	conn    *sql.Conn // the only connection that writes; nil when read-only
	reader  *sql.DB
	turn    chan struct{} // holds one token: the right to use conn and what follows
	closed  bool
	stmts   map[string]*sql.Stmt
	cache   cache
	garbage garbage
}

// Open opens or creates the ledger at path and brings its schema up to date. A new file may be read
// and written by its owner only. Errors about the file are of type *Error.
func Open(ctx context.Context, path string, opt Options) (*DB, error) {
	if path == "" {
		return nil, errors.New("no state file is named; use --state FILE")
	}
	if opt.TTL <= 0 {
		opt.TTL = 30 * time.Second
	}
	if opt.Busy <= 0 {
		opt.Busy = 10 * time.Second
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.KeepRuns <= 0 {
		opt.KeepRuns = 200
	}
	if opt.KeepJournals <= 0 {
		opt.KeepJournals = 5
	}
	if opt.KeepPages <= 0 {
		opt.KeepPages = 200_000
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db := &DB{path: abs, name: path, opt: opt, turn: make(chan struct{}, 1), stmts: map[string]*sql.Stmt{}}
	db.cache.forget()
	if opt.ReadOnly {
		err = db.openReadOnly(ctx)
	} else {
		err = db.openWriter(ctx)
	}
	if err != nil {
		db.Close()
		return nil, db.explain(err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		db.path = real
	}
	return db, nil
}

func (db *DB) openWriter(ctx context.Context) error {
	f, err := os.OpenFile(db.path, os.O_RDWR|os.O_CREATE, 0o600)
	switch {
	case err == nil:
		f.Close()
	case errors.Is(err, fs.ErrPermission) && readable(db.path):
		return &Error{Path: db.name, Code: "read_only", What: "it cannot be written (no permission)",
			Try: "change its permissions, or name another file (--state FILE)", Err: err}
	default:
		return err
	}
	sync := "NORMAL"
	if db.opt.Full {
		sync = "FULL"
	}
	// Busy waiting is done in Go, so that it ends with the context: see begin.
	set := url.Values{"_journal_mode": {"WAL"}, "_busy_timeout": {"100"}, "_foreign_keys": {"on"}, "_txlock": {"immediate"}, "_synchronous": {sync}}
	if db.writer, err = sql.Open("sqlite3", dsn(db.path, set)); err != nil {
		return err
	}
	db.writer.SetMaxOpenConns(1)
	err = db.patiently(ctx, func() error {
		if db.conn, err = db.writer.Conn(ctx); err != nil {
			return err
		}
		if err := migrate(ctx, db.conn); err != nil {
			return errors.Join(err, db.conn.Close())
		}
		return nil
	})
	if err != nil {
		db.conn = nil
		return err
	}
	db.reader, err = sql.Open("sqlite3", dsn(db.path, url.Values{"_busy_timeout": {fmt.Sprint(db.opt.Busy.Milliseconds())}, "_query_only": {"on"}}))
	if err != nil {
		return err
	}
	db.reader.SetMaxIdleConns(4) // no upper bound: a walk over rows may ask for others on the way
	return nil
}

func (db *DB) openReadOnly(ctx context.Context) error {
	if _, err := os.Stat(db.path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return &Error{Path: db.name, Code: "missing", What: "it does not exist: nothing has been run with it yet", Err: err}
		}
		return err
	}
	// Where the folder cannot be written SQLite cannot share the file with a writer; then there is none.
	var err error
	for _, set := range []url.Values{{"mode": {"ro"}}, {"mode": {"ro"}, "immutable": {"1"}}} {
		set.Set("_busy_timeout", fmt.Sprint(db.opt.Busy.Milliseconds()))
		if db.reader, err = sql.Open("sqlite3", dsn(db.path, set)); err != nil {
			return err
		}
		var version int
		if version, err = db.readVersion(ctx); err == nil {
			if names, _ := fs.Glob(migrations, "migrations/*.sql"); version > len(names) {
				return errNewer{version, len(names)}
			} else if version == 0 {
				return &Error{Path: db.name, Code: "missing", What: "nothing has been run with it yet"}
			} else if version < len(names) {
				return &Error{Path: db.name, Code: "other", What: fmt.Sprintf("it was written by an older runner (schema %d)", version),
					Try: "any run or change with this runner brings it up to date"}
			}
			return nil
		}
		db.reader.Close()
		var code sqlite3.Error
		if !errors.As(err, &code) || code.Code != sqlite3.ErrCantOpen && code.Code != sqlite3.ErrReadonly {
			return err
		}
	}
	return err
}

func (db *DB) readVersion(ctx context.Context) (int, error) {
	conn, err := db.reader.Conn(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return schemaVersion(ctx, conn)
}

func dsn(path string, set url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + set.Encode()
}

func readable(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Path is the file behind the ledger: absolute, symbolic links resolved.
func (db *DB) Path() string { return db.path }

// Close waits for a write that is under way and closes the file. Calling it again does nothing.
func (db *DB) Close() error {
	db.turn <- struct{}{}
	defer func() { <-db.turn }()
	if db.closed {
		return nil
	}
	db.closed = true
	var errs []error
	for _, s := range db.stmts {
		errs = append(errs, s.Close())
	}
	if db.conn != nil {
		errs = append(errs, db.conn.Close())
	}
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Flush brings what is committed from the log into the file and onto the disk, so that little is left
// for Close to do. It leaves to Close what another process is reading.
func (db *DB) Flush(ctx context.Context) error {
	db.turn <- struct{}{}
	defer func() { <-db.turn }()
	if db.closed || db.conn == nil {
		return nil
	}
	_, err := db.conn.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	return db.explain(err)
}

// id returns the row number of a stream, 0 when the ledger does not know it.
func (db *DB) id(ctx context.Context, s engine.StreamKey) (int64, error) {
	if id, ok := db.cache.ids.Load(s); ok {
		return id.(int64), nil
	}
	var id int64
	err := db.reader.QueryRowContext(ctx, "SELECT id FROM runner_stream WHERE connector = ? AND stream = ?", s.Connector, s.Stream).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, db.explain(err)
	}
	db.cache.ids.Store(s, id)
	return id, nil
}
