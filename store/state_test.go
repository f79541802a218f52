package store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

func TestRuns(t *testing.T) {
	db := open(t, "", store.Options{KeepRuns: 3})
	for i := range 5 {
		r := engine.Run{ID: fmt.Sprintf("r%d", i), Connector: "github", Streams: []string{"repos", "issues"}, Started: now}
		check(t, db.StartRun(t.Context(), r))
		if i < 4 {
			r.Ended, r.Verdict, r.Reason, r.Report = now.Add(time.Minute), "complete", "", json.RawMessage(`{"x":1}`)
			check(t, db.EndRun(t.Context(), r))
		}
	}
	check(t, db.StartRun(t.Context(), engine.Run{ID: "other", Connector: "gitlab", Started: now}))
	var ids []string
	var last []engine.Run
	check(t, db.Runs(t.Context(), "github", 10, func(r engine.Run) error { ids = append(ids, r.ID); last = append(last, r); return nil }))
	if !reflect.DeepEqual(ids, []string{"r4", "r3", "r2"}) {
		t.Errorf("%v", ids)
	}
	want := engine.Run{ID: "r3", Connector: "github", Streams: []string{"repos", "issues"}, Started: now, Ended: now.Add(time.Minute), Verdict: "complete", Report: json.RawMessage(`{"x":1}`)}
	if !reflect.DeepEqual(last[1], want) || !last[0].Ended.IsZero() {
		t.Errorf("%+v", last)
	}
	n := 0
	check(t, db.Runs(t.Context(), "", 2, func(engine.Run) error { n++; return nil }))
	if n != 2 {
		t.Errorf("%d runs", n)
	}
}

// The journal keeps the last runs of a stream and the last pages of a run; the rest goes bit by bit.
func TestJournalRetention(t *testing.T) {
	db := open(t, "", store.Options{KeepJournals: 2, KeepPages: 100})
	l, err := db.Acquire(t.Context(), key, store.Self(now))
	check(t, err)
	for run := range 5 {
		id := fmt.Sprintf("r%d", run)
		check(t, db.StartRun(t.Context(), engine.Run{ID: id, Connector: key.Connector, Streams: []string{key.Stream}, Started: now}))
		for i := range int64(300) {
			c := page("", fmt.Sprint(i), i)
			c.Entry.Run = id
			check(t, db.Commit(t.Context(), l, []engine.Commit{c}, nil, nil))
		}
	}
	count := func(run string) (n int, first int64) {
		first = -1
		check(t, db.Pages(t.Context(), key, run, func(e engine.PageEntry) error {
			if first < 0 {
				first = e.Page
			}
			n++
			return nil
		}))
		return n, first
	}
	for run, want := range map[string]bool{"r0": false, "r1": false, "r2": false, "r3": true, "r4": true, "": true} {
		n, first := count(run)
		if (n > 0) != want || want && (n < 100 || n > 163 || first+int64(n) != 300) {
			t.Errorf("run %q: %d pages from %d", run, n, first)
		}
	}
	if left := querySQL[int](t, db.Path(), "SELECT count(*) FROM runner_visit")[0]; left != 2 {
		t.Errorf("%d visits", left)
	}
}

func TestSecrets(t *testing.T) {
	path := t.TempDir() + "/state.db"
	plain := open(t, path, store.Options{})
	check(t, plain.PutSecret(t.Context(), "refresh", "plain-text-token"))
	sealed := open(t, path, store.Options{SecretKey: "a key of the operator"})
	other := open(t, path, store.Options{SecretKey: "another"})
	get := func(db *store.DB, want string) {
		t.Helper()
		if got, err := db.Secret(t.Context(), "refresh"); err != nil || got != want {
			t.Errorf("%q %v, want %q", got, err, want)
		}
	}
	get(sealed, "plain-text-token")
	check(t, sealed.PutSecret(t.Context(), "refresh", "sealed-token"))
	get(sealed, "sealed-token")
	for _, db := range []*store.DB{plain, other} {
		_, err := db.Secret(t.Context(), "refresh")
		want := "state file " + path + ": secret refresh: it was sealed with another key, or the key is not given"
		if !errors.Is(err, store.ErrSealed) || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	execSQL(t, path, "UPDATE runner_secret SET name = 'moved'")
	if _, err := sealed.Secret(t.Context(), "moved"); !errors.Is(err, store.ErrSealed) {
		t.Errorf("a sealed value passes under another name: %v", err)
	}
	check(t, sealed.PutSecret(t.Context(), "refresh", ""))
	get(sealed, "")
	check(t, sealed.Close())
	check(t, plain.Close())
	check(t, other.Close())
	b, err := os.ReadFile(path)
	check(t, err)
	if bytes.Contains(b, []byte("sealed-token")) {
		t.Error("a sealed secret can be read in the file")
	}
}

func TestEdits(t *testing.T) {
	db, l := begun(t, "a", "b")
	c := page("a", `{"token":1}`, 0)
	c.Chain.Done, c.Chain.Verdict = true, "complete"
	c.Keys = []uint64{1}
	c.Bookmark = &engine.Bookmark{Base: "a", Watermark: json.RawMessage(`1`)}
	check(t, db.Commit(t.Context(), l, []engine.Commit{c}, markOf("/out", `1`, false), nil))
	check(t, db.PutRound(t.Context(), l, engine.Round{Number: 1, Listed: true}))
	base := "a"
	edits := map[string]func() error{
		"Reset":      func() error { return db.Reset(t.Context(), key) },
		"ResetChain": func() error { return db.ResetChain(t.Context(), key, "a", &base) },
		"SetState":   func() error { return db.SetState(t.Context(), key, "a", json.RawMessage(`{"token":5}`)) },
		"SetBookmark": func() error {
			return db.SetBookmark(t.Context(), key, engine.Bookmark{Base: "a", Kept: json.RawMessage(`9`)})
		},
		"Import": func() error {
			_, _, err := db.Import(t.Context(), strings.NewReader(`{"version":1,"connector":"github","streams":[{"stream":"repos"}]}`))
			return err
		},
	}
	before := snapshot(t, db, key)
	for name, edit := range edits {
		var held *engine.HeldError
		if err := edit(); !errors.As(err, &held) {
			t.Errorf("%s while the stream is run: %v", name, err)
		}
	}
	if after := snapshot(t, db, key); after != before {
		t.Error("a refused edit changed something")
	}
	check(t, db.Release(t.Context(), l))

	check(t, edits["SetState"]())
	p, _, err := db.Chain(t.Context(), key, "a")
	check(t, err)
	r, err := db.Round(t.Context(), key)
	check(t, err)
	if string(p.State) != `{"token":5}` || p.Done || p.Verdict != "" || p.Records != 9 || !r.Open {
		t.Errorf("%+v %+v", p, r)
	}
	if err := db.Commit(t.Context(), l, []engine.Commit{c}, nil, nil); !errors.Is(err, engine.ErrFenced) {
		t.Errorf("a run that lost its lease to an edit: %v", err)
	}
	check(t, edits["SetBookmark"]())
	if b, err := db.Bookmark(t.Context(), key, "a"); err != nil || string(b.Kept) != `9` || b.Watermark != nil {
		t.Errorf("%+v %v", b, err)
	}
	check(t, edits["ResetChain"]())
	p, _, err = db.Chain(t.Context(), key, "a")
	check(t, err)
	b, err := db.Bookmark(t.Context(), key, "a")
	check(t, err)
	if p.State != nil || p.Records != 0 || b.Kept != nil {
		t.Errorf("%+v %+v", p, b)
	}
	check(t, edits["Reset"]())
	if s := snapshot(t, db, key); s != `[null]` {
		t.Errorf("%s", s)
	}
	for want, err := range map[string]error{
		"github/none: nothing is stored for this stream": db.Reset(t.Context(), engine.StreamKey{Connector: "github", Stream: "none"}),
		`github/repos: no chain "zzz" is stored`:         db.SetState(t.Context(), key, "zzz", json.RawMessage(`1`)),
		"github/repos: the state to set is not JSON":     db.SetState(t.Context(), key, "a", json.RawMessage(`{`)),
		"github/repos: the value to set is not JSON":     db.SetBookmark(t.Context(), key, engine.Bookmark{Kept: json.RawMessage(`{`)}),
	} {
		if err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	if h, err := db.Holder(t.Context(), key); h != nil || err != nil {
		t.Errorf("an edit left its lease: %v %v", h, err)
	}
}

func TestExportImport(t *testing.T) {
	db, l := begun(t, `{"q":"<&>"}`, "b")
	c := page(`{"q":"<&>"}`, `{"token":9007199254740993,"s":"\u003c"}`, 0)
	c.Keys = []uint64{1, 1 << 63}
	c.Chain.Verdict, c.Chain.Reason = "parked", "retry.after"
	c.Bookmark = &engine.Bookmark{Base: "x", Watermark: json.RawMessage(`"w"`), Kept: json.RawMessage(`1.10`), Asked: json.RawMessage(`{"a":"1"}`), Updated: now}
	check(t, db.Commit(t.Context(), l, []engine.Commit{c}, markOf("/out", `1`, false), nil))
	var doc bytes.Buffer
	check(t, db.Export(t.Context(), "github", &doc))
	if !json.Valid(doc.Bytes()) {
		t.Fatalf("%s", doc.String())
	}

	to := open(t, "", store.Options{})
	connector, streams, err := to.Import(t.Context(), bytes.NewReader(doc.Bytes()))
	if err != nil || connector != "github" || !reflect.DeepEqual(streams, []string{"repos"}) {
		t.Fatal(connector, streams, err)
	}
	want := strings.Replace(snapshot(t, db, key), `[{"Target":"/out","Data":1,"Volatile":false}]`, "null", 1)
	if got := snapshot(t, to, key); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	r1, _ := db.Round(t.Context(), key)
	r2, err := to.Round(t.Context(), key)
	if err != nil || !reflect.DeepEqual(r1, r2) {
		t.Errorf("%+v %+v %v", r1, r2, err)
	}
	var again bytes.Buffer
	check(t, to.Export(t.Context(), "github", &again))
	cut := func(s string) string { _, s, _ = strings.Cut(s, `"streams"`); return s }
	if cut(doc.String()) != cut(again.String()) {
		t.Errorf("\n got %s\nwant %s", again.String(), doc.String())
	}

	for in, want := range map[string]string{
		`{"version":2,"connector":"a","streams":[{"stream":"b"}]}`: "the document to import has version 2; this runner reads version 1",
		`{"version":1,"connector":"a"}`:                            "the document to import names no connector or no stream",
		`{"version":1,"conector":"a"}`:                             `the document to import: json: unknown field "conector"`,
		`{"version":1,"connector":"github","streams":[{"stream":"repos","chains":[{"key":"a","ordinal":1,"keys":["AQ=="]}]}]}`: `github/repos: chain "a": keys of 1 bytes`,
	} {
		if _, _, err := to.Import(t.Context(), strings.NewReader(in)); err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	if got := snapshot(t, to, key); got != want {
		t.Error("an import that failed changed something")
	}
	if err := db.Export(t.Context(), "none", &again); err == nil || err.Error() != "none: nothing is stored for this connector" {
		t.Error(err)
	}
}

func TestStreams(t *testing.T) {
	db, l := begun(t, "a", "b", "c")
	c := page("a", `1`, 0)
	c.Chain.Done = true
	c.Bookmark = &engine.Bookmark{Base: "a"}
	check(t, db.Commit(t.Context(), l, []engine.Commit{c, page("b", `1`, 0)}, markOf("/out", `1`, false), nil))
	list, err := db.Streams(t.Context(), "github")
	check(t, err)
	s := list[0]
	if len(list) != 1 || s.StreamKey != key || s.Chains != 3 || s.Done != 1 || s.Pages != 2 || s.Records != 18 || s.Bookmarks != 1 || s.Held == nil || s.Held.Owner.ID != l.Owner.ID || len(s.Marks) != 1 {
		t.Errorf("%+v", list)
	}
	if list, err := db.Streams(t.Context(), "other"); err != nil || list != nil {
		t.Errorf("%+v %v", list, err)
	}
}

// A full disk refuses a commit in one sentence, and what was committed stays.
func TestFullDisk(t *testing.T) {
	dir, ok := smallDisk(t, "512k")
	if !ok {
		return
	}
	path := dir + "/state.db"
	db := open(t, path, store.Options{})
	l, err := db.Acquire(t.Context(), key, store.Self(now))
	check(t, err)
	check(t, db.PutRound(t.Context(), l, engine.Round{Number: 1, Open: true}))
	n := int64(0)
	for ; ; n++ {
		c := page("", fmt.Sprintf(`%d`, n), n)
		c.Entry.Evidence = json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)
		if err = db.Commit(t.Context(), l, []engine.Commit{c}, nil, nil); err != nil {
			break
		}
	}
	want := "state file " + path + ": the disk is full; free some space and run again: the run goes on from its last checkpoint"
	if err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	p, _, err := db.Chain(t.Context(), key, "")
	if err != nil || string(p.State) != fmt.Sprint(n-1) {
		t.Errorf("%s %v, want %d", p.State, err, n-1)
	}
	check(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=4m"))
	check(t, db.Commit(t.Context(), l, []engine.Commit{page("", `"after"`, n)}, nil, nil))
	_, err = store.Open(t.Context(), "/proc/state.db", store.Options{})
	var e *store.Error
	if !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir, ok := smallDisk(t, "1m")
	if !ok {
		return
	}
	path := dir + "/state.db"
	check(t, open(t, path, store.Options{}).Close())
	check(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	_, err := store.Open(t.Context(), path, store.Options{})
	want := "state file " + path + ": it lies on a read-only file system; name a file that can be written (--state FILE)"
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
	look := open(t, path, store.Options{ReadOnly: true})
	if _, err := look.Streams(t.Context(), ""); err != nil {
		t.Error(err)
	}
}
