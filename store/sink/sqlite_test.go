package sink_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/store/sink"
)

// rows are seq, key, record and chain of a table, in order of seq.
func rows(t testing.TB, path, table string) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	check(t, err)
	defer db.Close()
	r, err := db.Query(`SELECT seq || ' ' || coalesce(key, '-') || ' ' || record || ' ' || chain FROM "` + table + `" ORDER BY seq`)
	check(t, err)
	defer r.Close()
	for r.Next() {
		var s string
		check(t, r.Scan(&s))
		list = append(list, s)
	}
	check(t, r.Err())
	return list
}

func count(t testing.TB, path, table string) int { return len(rows(t, path, table)) }

func put(t testing.TB, s sink.Sink, chain string, kv ...string) {
	t.Helper()
	var records [][]byte
	var keys []string
	for i := 0; i < len(kv); i += 2 {
		keys = append(keys, kv[i])
		records = append(records, []byte(kv[i+1]))
	}
	check(t, s.Write(t.Context(), "a", chain, records, keys))
}

func TestSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.db")
	s := open(t, "sqlite:"+path, "a", nil, false, sink.Options{})
	empty := mark(t, s, "a")
	put(t, s, `{"window":1}`, "k1", `{"v":1}`, "k2", `{"v":2}`, "", `{"v":3}`, "", `{"v":4}`)
	first := mark(t, s, "a")
	put(t, s, `{"window":2}`, "k1", `{"v":5}`, "k3", `{"v":6}`, "k3", `{"v":7}`)
	second := mark(t, s, "a")
	put(t, s, `{"window":2}`, "k1", `{"v":8}`, "k2", `{"v":9}`)
	mark(t, s, "a")
	put(t, s, `{"window":2}`, "k9", `{"v":10}`) // not marked
	check(t, s.Close(t.Context()))
	want := func(list ...string) {
		t.Helper()
		if got := rows(t, path, "a"); !reflect.DeepEqual(got, list) {
			t.Errorf("\n got %q\nwant %q", got, list)
		}
	}
	want(`3 - {"v":3} {"window":1}`, `4 - {"v":4} {"window":1}`, `7 k3 {"v":7} {"window":2}`, `8 k1 {"v":8} {"window":2}`, `9 k2 {"v":9} {"window":2}`)

	reopen := func(m []byte, fresh bool) {
		t.Helper()
		s := open(t, "sqlite:"+path, "a", m, fresh, sink.Options{})
		check(t, s.Close(t.Context()))
	}
	reopen(second, false)
	want(`2 k2 {"v":2} {"window":1}`, `3 - {"v":3} {"window":1}`, `4 - {"v":4} {"window":1}`, `5 k1 {"v":5} {"window":2}`, `7 k3 {"v":7} {"window":2}`)
	reopen(second, false)
	reopen(first, false)
	want(`1 k1 {"v":1} {"window":1}`, `2 k2 {"v":2} {"window":1}`, `3 - {"v":3} {"window":1}`, `4 - {"v":4} {"window":1}`)
	s = open(t, "sqlite:"+path, "a", first, false, sink.Options{})
	put(t, s, `{"window":2}`, "k1", `{"v":50}`)
	mark(t, s, "a")
	check(t, s.Close(t.Context()))
	want(`2 k2 {"v":2} {"window":1}`, `3 - {"v":3} {"window":1}`, `4 - {"v":4} {"window":1}`, `5 k1 {"v":50} {"window":2}`)
	reopen(nil, false)
	want(`2 k2 {"v":2} {"window":1}`, `3 - {"v":3} {"window":1}`, `4 - {"v":4} {"window":1}`, `5 k1 {"v":50} {"window":2}`)

	s, err := sink.New(t.Context(), "sqlite:"+path, sink.Options{})
	check(t, err)
	var short *sink.ShortError
	if err := s.Open(t.Context(), "a", second, false); !errors.As(err, &short) || short.Have != 5 || short.Want != 7 || short.Path != path {
		t.Errorf("%v", err)
	}
	check(t, s.Close(t.Context()))
	reopen(empty, false)
	want()
	put(t, open(t, "sqlite:"+path, "a", empty, true, sink.Options{}), "", "k", "1")
}

func TestSQLiteErrors(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk")
	check(t, os.WriteFile(junk, []byte(strings.Repeat("junk", 1000)), 0o600))
	theirs := filepath.Join(dir, "theirs.db")
	db, err := sql.Open("sqlite3", theirs)
	check(t, err)
	_, err = db.Exec("CREATE TABLE a (x)")
	check(t, err)
	check(t, db.Close())
	for uri, want := range map[string]string{
		"sqlite:" + junk:                                junk + ": it is not an SQLite database; name another file",
		"sqlite:" + dir + "/no/x.db":                    dir + "/no/x.db: it cannot be opened (unable to open database file: no such file or directory); check that its folder exists and can be written, or name another output",
		"sqlite:" + theirs:                              theirs + ": the database has a table a which is not this sink's; name another with ?table=",
		"sqlite:" + dir + "/y.db?table=runner_{stream}": dir + `/y.db: a table may not be named "runner_a"; name another with ?table=`,
	} {
		s, err := sink.New(t.Context(), uri, sink.Options{})
		check(t, err)
		if err := s.Open(t.Context(), "a", nil, false); err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
		check(t, s.Close(t.Context()))
	}
}

// Whatever mark a run comes back to, the table becomes what it was at that mark.
func TestSQLiteTakesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.db")
	rnd := rand.New(rand.NewPCG(3, 4))
	type moment struct {
		mark []byte
		rows []string
	}
	s := open(t, "sqlite:"+path+"?fsync=never", "a", nil, false, sink.Options{})
	history := []moment{{mark(t, s, "a"), nil}}
	for round := range 25 {
		for range rnd.IntN(6) {
			var kv []string
			for range rnd.IntN(250) {
				kv = append(kv, fmt.Sprint(rnd.IntN(60)), fmt.Sprintf(`{"v":%d}`, rnd.IntN(1e9)))
			}
			put(t, s, "c", kv...)
			m := mark(t, s, "a")
			history = append(history, moment{m, rows(t, path, "a")})
		}
		check(t, s.Close(t.Context()))
		back := len(history) - 1 - rnd.IntN(min(4, len(history)))
		history = history[:back+1]
		s = open(t, "sqlite:"+path+"?fsync=never", "a", history[back].mark, false, sink.Options{})
		if got := rows(t, path, "a"); !reflect.DeepEqual(got, history[back].rows) {
			t.Fatalf("round %d: %d rows, want %d", round, len(got), len(history[back].rows))
		}
	}
}

type sharer interface {
	Database() string
	Tx(context.Context, *sql.Tx) error
}

// In the ledger's own file Tx writes, inside a transaction that may still be rolled back.
func TestSQLiteTx(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	path := filepath.Join(dir, "runner.db")
	ledger, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_txlock=immediate&_busy_timeout=1000")
	check(t, err)
	defer ledger.Close()
	for _, told := range []string{path, ""} {
		name := fmt.Sprintf("t%d", len(told))
		s := open(t, "sqlite:"+path+"?table="+name, "a", nil, false, sink.Options{Ledger: told})
		shared := s.(sharer)
		if shared.Database() != path {
			t.Errorf("%s, want %s", shared.Database(), path)
		}
		put(t, s, "", "k1", "1", "k2", "2")
		m := mark(t, s, "a")
		if got, want := count(t, path, name), 0; told != "" && got != want {
			t.Errorf("%d rows before the ledger commits", got)
		}
		tx1, err := ledger.Begin()
		check(t, err)
		check(t, shared.Tx(t.Context(), tx1))
		check(t, tx1.Commit())
		if got := rows(t, path, name); !reflect.DeepEqual(got, []string{"1 k1 1 ", "2 k2 2 "}) {
			t.Errorf("%q", got)
		}
		put(t, s, "", "k1", "3")
		mark(t, s, "a")
		tx2, err := ledger.Begin()
		check(t, err)
		check(t, shared.Tx(t.Context(), tx2))
		check(t, tx2.Rollback())
		check(t, s.Close(t.Context()))
		s = open(t, "sqlite:"+path+"?table="+name, "a", m, false, sink.Options{Ledger: told})
		check(t, s.Close(t.Context()))
		if got := rows(t, path, name); !reflect.DeepEqual(got, []string{"1 k1 1 ", "2 k2 2 "}) {
			t.Errorf("%q", got)
		}
	}
}

// A path with {stream} is a database a stream, each taken back by its own mark.
func TestSQLitePerStream(t *testing.T) {
	dir := t.TempDir()
	uri := "sqlite:" + filepath.Join(dir, "out-{stream}.db")
	s := open(t, uri, "a", nil, false, sink.Options{Ledger: filepath.Join(dir, "out-a.db")})
	check(t, s.Open(t.Context(), "b/c", nil, false))
	kept := map[string][]byte{}
	for _, stream := range []string{"a", "b/c"} {
		check(t, s.Write(t.Context(), stream, "", [][]byte{[]byte("1"), []byte("2")}, []string{"k1", "k2"}))
		kept[stream] = mark(t, s, stream)
		check(t, s.Write(t.Context(), stream, "", [][]byte{[]byte("3")}, []string{"k1"}))
		mark(t, s, stream)
	}
	check(t, s.Close(t.Context()))
	s = open(t, uri, "a", kept["a"], false, sink.Options{})
	check(t, s.Open(t.Context(), "b/c", kept["b/c"], true))
	seal(t, s, "a")
	if !s.(interface{ Holds(string) bool }).Holds("a") || s.(interface{ Holds(string) bool }).Holds("d") {
		t.Error("a has a database, d has none")
	}
	check(t, s.Close(t.Context()))
	if got := rows(t, filepath.Join(dir, "out-a.db"), "a"); !reflect.DeepEqual(got, []string{"1 k1 1 ", "2 k2 2 "}) {
		t.Errorf("%q", got)
	}
	if got := rows(t, filepath.Join(dir, "out-b_c.db"), "b_c"); got != nil {
		t.Errorf("%q", got)
	}
}

// A key is told apart within one partition of one stream.
func TestSQLiteKeyOfAPartition(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.db")
	old := open(t, "sqlite:"+path, "a", nil, false, sink.Options{})
	check(t, old.Close(t.Context()))
	db, err := sql.Open("sqlite3", path) // as tables were made before
	check(t, err)
	for _, q := range []string{`DROP INDEX runner_row_a`, `ALTER TABLE a DROP COLUMN stream`, `ALTER TABLE runner_sink_undo DROP COLUMN stream`,
		`CREATE UNIQUE INDEX a_key ON a (key) WHERE key IS NOT NULL`, `INSERT INTO a (seq, key, record, chain, at) VALUES (1, NULL, '{"v":0}', '', '')`} {
		_, err := db.Exec(q)
		check(t, err)
	}
	check(t, db.Close())
	for _, table := range []string{"", "?table=all"} {
		s, err := sink.New(t.Context(), "sqlite:"+path+table, sink.Options{})
		check(t, err)
		for _, stream := range []string{"a", "b"} {
			check(t, s.Open(t.Context(), stream, nil, false))
		}
		for i, to := range []struct{ stream, chain string }{
			{"a", ""}, {"a", `{"p":1}`}, {"a", `{"p":1,"window":{"from":1}}`}, {"a", `{"p":2}`}, {"b", ""}, {"a", ""}, {"a", `{"p":2,"window":{"from":3}}`},
		} {
			check(t, s.Write(t.Context(), to.stream, to.chain, [][]byte{fmt.Appendf(nil, `{"v":%d}`, i+1)}, []string{"k"}))
			mark(t, s, to.stream)
		}
		check(t, s.Close(t.Context()))
	}
	if got, want := rows(t, path, "a"), []string{`1 - {"v":0} `, `4 k {"v":3} {"p":1,"window":{"from":1}}`, `6 k {"v":6} `, `7 k {"v":7} {"p":2,"window":{"from":3}}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if got, want := rows(t, path, "all"), []string{`3 k {"v":3} {"p":1,"window":{"from":1}}`, `5 k {"v":5} `, `6 k {"v":6} `, `7 k {"v":7} {"p":2,"window":{"from":3}}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	s, err := sink.New(t.Context(), "sqlite:"+path, sink.Options{})
	check(t, err)
	defer s.Close(t.Context())
	check(t, s.Open(t.Context(), "c", nil, false))
	if err := s.Open(t.Context(), "C", nil, false); err == nil || !strings.Contains(err.Error(), "the tables of streams c and C are one") {
		t.Errorf("two tables that differ by case: %v", err)
	}
}
