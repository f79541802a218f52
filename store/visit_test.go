package store_test

import (
	"slices"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

// TestVisits: what a run has committed of each of its streams, also of those where it is nothing.
func TestVisits(t *testing.T) {
	db := open(t, "", store.Options{})
	a, b := engine.StreamKey{Connector: "c", Stream: "a"}, engine.StreamKey{Connector: "c", Stream: "b"}
	leases := map[engine.StreamKey]engine.Lease{}
	for _, s := range []engine.StreamKey{a, b} {
		l, err := db.Acquire(t.Context(), s, store.Self(now))
		check(t, err)
		check(t, db.PutRound(t.Context(), l, engine.Round{Number: 1, Open: true}))
		leases[s] = l
	}
	check(t, db.StartRun(t.Context(), engine.Run{ID: "r1", Connector: "c", Streams: []string{"a", "b"}}))
	for i := range 3 {
		for _, run := range []string{"r1", "r2"} {
			e := &engine.PageEntry{Run: run, Page: int64(i), Records: 10, New: 9, Bytes: 100, Attempts: i}
			check(t, db.Commit(t.Context(), leases[a], []engine.Commit{{Chain: engine.Chain{Ordinal: 1}, Entry: e}}, nil, nil))
		}
	}
	got, err := db.Visits(t.Context(), "r1")
	check(t, err)
	want := []store.Visit{{Stream: a, Pages: 3, Received: 30, Records: 27, Bytes: 300, Attempts: 3, Retries: 1}, {Stream: b}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, err := db.Visits(t.Context(), "none"); err != nil || got != nil {
		t.Errorf("%+v, %v", got, err)
	}
}
