package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

var (
	now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key = engine.StreamKey{Connector: "github", Stream: "repos"}
)

func TestMain(m *testing.M) {
	if name := os.Getenv("STORE_TEST_CHILD"); name != "" {
		if err := children[name](context.Background(), os.Args[1:]); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// children are what this test binary does when it is started as another process.
var children = map[string]func(context.Context, []string) error{}

// open opens a ledger that is closed when the test ends; path "" is a new one.
func open(t testing.TB, path string, opt store.Options) *store.DB {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "state.db")
	}
	db, err := store.Open(t.Context(), path, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// begun opens a new ledger with a lease of key and a round of the given chains.
func begun(t testing.TB, chains ...string) (*store.DB, engine.Lease) {
	t.Helper()
	db := open(t, "", store.Options{})
	l, err := db.Acquire(t.Context(), key, store.Self(now))
	check(t, err)
	check(t, db.PutRound(t.Context(), l, engine.Round{Number: 1, Open: true, Now: now}))
	list := make([]engine.Chain, len(chains))
	for i, c := range chains {
		list[i] = engine.Chain{Key: c, Ordinal: int64(i + 1)}
	}
	check(t, db.AddChains(t.Context(), l, list))
	return db, l
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// page is a commit of one page of a chain at the given state.
func page(chain, state string, n int64) engine.Commit {
	return engine.Commit{Chain: engine.Chain{Key: chain, State: json.RawMessage(state), Updated: now},
		Entry: &engine.PageEntry{Run: "r1", Chain: chain, Page: n, At: now, Status: 200, Records: 10, New: 9, Bytes: 100, Millis: 5, Attempts: 1, Verdict: "token.present"}}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "notes.txt")
	check(t, os.WriteFile(foreign, []byte(strings.Repeat("not a database\n", 100)), 0o600))
	for _, c := range []struct {
		name, path string
		opt        store.Options
		code, text string
	}{
		{"folder missing", filepath.Join(dir, "no", "state.db"), store.Options{}, "missing",
			"the folder " + filepath.Join(dir, "no") + " does not exist; create it, or name another state file (--state FILE)"},
		{"folder", dir, store.Options{}, "not_a_database", "it is a folder; name a file in it (--state FILE)"},
		{"not a database", foreign, store.Options{}, "not_a_database", "it is not a state file (not an SQLite database); name another file (--state FILE)"},
		{"read only, missing", filepath.Join(dir, "none.db"), store.Options{ReadOnly: true}, "missing", "it does not exist: nothing has been run with it yet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), c.path, c.opt)
			var e *store.Error
			if !errors.As(err, &e) || e.Code != c.code {
				t.Fatalf("code %q wanted: %#v", c.code, err)
			}
			if want := "state file " + c.path + ": " + c.text; err.Error() != want {
				t.Errorf("\n got %s\nwant %s", err, want)
			}
		})
	}
	if _, err := store.Open(t.Context(), "", store.Options{}); err == nil || err.Error() != "no state file is named; use --state FILE" {
		t.Error(err)
	}
}

func TestOpenNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path, store.Options{})
	check(t, db.Close())
	execSQL(t, path, "UPDATE runner_schema SET version = 99")
	for _, opt := range []store.Options{{}, {ReadOnly: true}} {
		_, err := store.Open(t.Context(), path, opt)
		want := "state file " + path + ": it was written by a newer runner (schema 99; this one knows up to 2); use that runner, or another state file (--state FILE)"
		if err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
}

// TestOpenOlderSchema: a file of schema 1 has bookmarks that do not say what they stand for.
func TestOpenOlderSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := engine.StreamKey{Connector: "c", Stream: "s"}
	db := open(t, path, store.Options{})
	check(t, db.SetBookmark(t.Context(), s, engine.Bookmark{Watermark: json.RawMessage("5"), Asked: json.RawMessage("{}")}))
	check(t, db.Close())
	execSQL(t, path, "ALTER TABLE runner_bookmark DROP COLUMN asked; UPDATE runner_schema SET version = 1")
	db = open(t, path, store.Options{})
	b, err := db.Bookmark(t.Context(), s, "")
	if err != nil || string(b.Watermark) != "5" || b.Asked != nil {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestOpenAgainAndReadOnly(t *testing.T) {
	db, l := begun(t, "")
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("", `{"token":"a"}`, 0)}, nil, nil))
	path := db.Path()
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	check(t, db.Close())

	again := open(t, path, store.Options{Full: true})
	chains, err := again.Chains(t.Context(), key, 0, 10, false)
	check(t, err)
	if len(chains) != 1 || string(chains[0].State) != `{"token":"a"}` {
		t.Errorf("%+v", chains)
	}
	look := open(t, path, store.Options{ReadOnly: true})
	if r, err := look.Round(t.Context(), key); err != nil || r.Number != 1 || !r.Now.Equal(now) {
		t.Error(r, err)
	}
	err = look.PutSecret(t.Context(), "a", "b")
	var e *store.Error
	if !errors.As(err, &e) || e.Code != "read_only" {
		t.Error(err)
	}
	check(t, again.Close())

	// A folder that cannot be written: looking still works, once nobody writes.
	check(t, os.Chmod(filepath.Dir(path), 0o500))
	defer os.Chmod(filepath.Dir(path), 0o700)
	shut := open(t, path, store.Options{ReadOnly: true})
	if _, err := shut.Streams(t.Context(), ""); err != nil {
		t.Error(err)
	}
}

// A symbolic link and a relative path name the same ledger as the file itself.
func TestPath(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	check(t, err)
	real := filepath.Join(dir, "real %?#.db")
	db := open(t, real, store.Options{})
	check(t, os.Symlink(real, filepath.Join(dir, "link.db")))
	link := open(t, filepath.Join(dir, "link.db"), store.Options{})
	if db.Path() != real || link.Path() != real {
		t.Errorf("%s, %s, want %s", db.Path(), link.Path(), real)
	}
}

func TestCanceled(t *testing.T) {
	db, l := begun(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Commit(ctx, l, []engine.Commit{page("", "{}", 0)}, nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := store.Open(ctx, filepath.Join(t.TempDir(), "x.db"), store.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
