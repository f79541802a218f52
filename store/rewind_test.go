package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

func markOf(target, data string, volatile bool) []engine.Mark {
	return []engine.Mark{{Target: target, Data: json.RawMessage(data), Volatile: volatile}}
}

// snapshot is all that a stream's next run would see.
func snapshot(t *testing.T, db *store.DB, s engine.StreamKey) string {
	t.Helper()
	var parts []any
	check(t, db.Progress(t.Context(), s, func(p store.Progress) error {
		var keys []uint64
		check(t, db.Keys(t.Context(), s, p.Key, func(k []uint64) error { keys = append(keys, k...); return nil }))
		parts = append(parts, p, keys)
		return nil
	}))
	check(t, db.Bookmarks(t.Context(), s, func(b engine.Bookmark) error { parts = append(parts, b); return nil }))
	marks, err := db.Marks(t.Context(), s)
	check(t, err)
	b, err := json.Marshal(append(parts, marks))
	check(t, err)
	return string(b)
}

func TestRewind(t *testing.T) {
	db, l := begun(t, "a", "b")
	if moved, err := db.Rewind(t.Context(), l, "/out"); moved || err != nil {
		t.Error(moved, err)
	}
	check(t, db.Commit(t.Context(), l, nil, markOf("/out", `0`, false), nil))
	first := page("a", `1`, 0)
	first.Keys = []uint64{1}
	first.Bookmark = &engine.Bookmark{Base: "a", Watermark: json.RawMessage(`1`), Asked: json.RawMessage(`{"a":"1"}`), Updated: now}
	check(t, db.Commit(t.Context(), l, []engine.Commit{first}, markOf("/out", `1`, false), nil))
	safe := snapshot(t, db, key)

	for n := range int64(3) {
		a, b, c := page("a", fmt.Sprint(n+2), n), page("b", fmt.Sprint(n), n), page("new", fmt.Sprint(n), n)
		a.Keys, b.Keys = []uint64{5}, []uint64{6}
		a.Bookmark = &engine.Bookmark{Base: "a", Watermark: json.RawMessage(`2`)}
		b.Bookmark = &engine.Bookmark{Base: "b", Kept: json.RawMessage(`"x"`)}
		b.Chain.Done, b.Chain.Verdict = true, "complete"
		check(t, db.Commit(t.Context(), l, []engine.Commit{a, b, c}, markOf("/out", fmt.Sprint(n+2), true), nil))
	}
	check(t, db.PutRound(t.Context(), l, engine.Round{Number: 1, Open: false, Listed: true, Now: now}))

	// What was kept is in the file, not in the process.
	check(t, db.Release(t.Context(), l))
	path := db.Path()
	check(t, db.Close())
	db = open(t, path, store.Options{})
	l, err := db.Acquire(t.Context(), key, store.Self(now))
	check(t, err)
	if moved, err := db.Rewind(t.Context(), l, "/other"); moved || err != nil {
		t.Error(moved, err)
	}
	if moved, err := db.Rewind(t.Context(), l, "/out"); !moved || err != nil {
		t.Fatal(moved, err)
	}
	if got := snapshot(t, db, key); got != safe {
		t.Errorf("\n got %s\nwant %s", got, safe)
	}
	if r, err := db.Round(t.Context(), key); err != nil || !r.Open || !r.Listed {
		t.Errorf("%+v %v", r, err)
	}
	if moved, err := db.Rewind(t.Context(), l, "/out"); moved || err != nil {
		t.Error("it went back twice", err)
	}
}

// A mark that is not volatile, of any stream that shares the output, is the new place to go back to.
func TestRewindOfASharedOutput(t *testing.T) {
	db, l := begun(t, "")
	otherKey := engine.StreamKey{Connector: "github", Stream: "issues"}
	me := l.Owner
	o, err := db.Acquire(t.Context(), otherKey, me)
	check(t, err)
	check(t, db.PutRound(t.Context(), o, engine.Round{Number: 1, Open: true}))
	check(t, db.AddChains(t.Context(), o, []engine.Chain{{Ordinal: 1}}))
	commit := func(l engine.Lease, state string, volatile bool) {
		t.Helper()
		check(t, db.Commit(t.Context(), l, []engine.Commit{page("", state, 0)}, markOf("/out", state, volatile), nil))
	}
	commit(l, `1`, false)
	commit(l, `2`, true)
	commit(o, `3`, true)
	commit(o, `4`, false) // 2 is on the disk as well now
	want, wantOther := snapshot(t, db, key), snapshot(t, db, otherKey)
	commit(l, `5`, true)
	commit(o, `6`, true)

	far := engine.Owner{ID: "far", Host: "elsewhere", PID: 1}
	check(t, db.Release(t.Context(), o))
	o, err = db.Acquire(t.Context(), otherKey, far)
	check(t, err)
	var held *engine.HeldError
	if _, err := db.Rewind(t.Context(), l, "/out"); !errors.As(err, &held) || held.Stream != otherKey {
		t.Errorf("another run's stream was taken back: %v", err)
	}
	check(t, db.Release(t.Context(), o))
	if moved, err := db.Rewind(t.Context(), l, "/out"); !moved || err != nil {
		t.Fatal(moved, err)
	}
	if got, gotOther := snapshot(t, db, key), snapshot(t, db, otherKey); got != want || gotOther != wantOther {
		t.Errorf("\n got %s\nwant %s\n got %s\nwant %s", got, want, gotOther, wantOther)
	}
}

// There is no way back behind a new round, a reset or an edit.
func TestRewindIsForgotten(t *testing.T) {
	for name, step := range map[string]func(db *store.DB, l engine.Lease) error{
		"round":  func(db *store.DB, l engine.Lease) error { return db.PutRound(t.Context(), l, engine.Round{Number: 2}) },
		"forget": func(db *store.DB, l engine.Lease) error { return db.Forget(t.Context(), l) },
		"set": func(db *store.DB, l engine.Lease) error {
			return errors.Join(db.Release(t.Context(), l), db.SetState(t.Context(), key, "", json.RawMessage(`7`)))
		},
	} {
		db, l := begun(t, "")
		check(t, db.Commit(t.Context(), l, nil, markOf("/out", `0`, false), nil))
		check(t, db.Commit(t.Context(), l, []engine.Commit{page("", `1`, 0)}, markOf("/out", `1`, true), nil))
		check(t, step(db, l))
		check(t, db.Release(t.Context(), l))
		l, err := db.Acquire(t.Context(), key, l.Owner)
		check(t, err)
		if moved, err := db.Rewind(t.Context(), l, "/out"); moved || err != nil {
			t.Errorf("%s: %v %v", name, moved, err)
		}
	}
}

// Whatever was committed, going back gives exactly what was there at the last safe mark.
func TestRewindAtRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	db, l := begun(t, "0", "1", "2", "3")
	check(t, db.Commit(t.Context(), l, nil, markOf("/out", `"start"`, false), nil))
	safe := snapshot(t, db, key)
	for step := range 300 {
		switch rnd.IntN(12) {
		case 0:
			moved, err := db.Rewind(t.Context(), l, "/out")
			check(t, err)
			if got := snapshot(t, db, key); got != safe {
				t.Fatalf("step %d, moved %v\n got %s\nwant %s", step, moved, got, safe)
			}
		case 1: // the process dies and another goes on
			path := db.Path()
			check(t, db.Release(t.Context(), l))
			check(t, db.Close())
			var err error
			db = open(t, path, store.Options{})
			l, err = db.Acquire(t.Context(), key, store.Self(now))
			check(t, err)
		case 2: // a commit that fails leaves no trace
			err := db.Commit(t.Context(), l, []engine.Commit{page("0", `"lost"`, 0)}, markOf("", "", false), nil)
			if err == nil {
				t.Fatal("a mark without a target was taken")
			}
		default:
			var commits []engine.Commit
			for range 1 + rnd.IntN(2) {
				c := page(fmt.Sprint(rnd.IntN(5)), fmt.Sprint(step), int64(step))
				c.Chain.Done = rnd.IntN(3) == 0
				if rnd.IntN(2) == 0 {
					c.Keys = []uint64{rnd.Uint64()}
				}
				if rnd.IntN(2) == 0 {
					c.Bookmark = &engine.Bookmark{Base: fmt.Sprint(rnd.IntN(3)), Watermark: json.RawMessage(fmt.Sprint(step)), Updated: now}
				}
				commits = append(commits, c)
			}
			volatile := rnd.IntN(3) > 0
			check(t, db.Commit(t.Context(), l, commits, markOf("/out", fmt.Sprint(step), volatile), nil))
			if !volatile {
				safe = snapshot(t, db, key)
			}
		}
	}
}

// TestWriters tells who shares an output, until it forgets.
func TestWriters(t *testing.T) {
	db, l := begun(t, "a")
	other := engine.StreamKey{Connector: "other", Stream: "s"}
	second, err := db.Acquire(t.Context(), other, store.Self(now))
	check(t, err)
	check(t, db.Commit(t.Context(), l, nil, markOf("/out", `1`, false), nil))
	check(t, db.Commit(t.Context(), second, nil, markOf("/out", `2`, false), nil))
	want := func(streams ...engine.StreamKey) {
		t.Helper()
		if got, err := db.Writers(t.Context(), "/out"); err != nil || fmt.Sprint(got) != fmt.Sprint(streams) {
			t.Errorf("%v, %v; want %v", got, err, streams)
		}
	}
	want(key, other)
	check(t, db.Forget(t.Context(), l))
	want(other)
	check(t, db.Forget(t.Context(), second))
	want()
}
