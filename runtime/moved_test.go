package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

// TestMovedBeforeItBegins: a walk that has ended, put at a position, begins there behind the watermark that
// any other would begin with.
func TestMovedBeforeItBegins(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		at, _ := strconv.Atoi(q.URL.Query().Get("c"))
		next := "null"
		if at < 4 {
			next = fmt.Sprintf(`"%d"`, at+1)
		}
		answer(w, `{"items":[{"id":%d,"at":%d}],"next":%s}`, at+1, at+1, next)
	}, `
streams:
  s:
    request: {path: /feed, query: {since: "${watermark}"}}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.c}
    incremental: {watermark: max.at, type: number, order: none, start: 0}
`)
	want(t, r.run(), "complete")
	ctx, key := context.Background(), engine.StreamKey{Connector: "test", Stream: "s"}
	db, err := store.Open(ctx, filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	round, err := db.Round(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	row, _, err := db.Chain(ctx, key, "")
	if err != nil {
		t.Fatal(err)
	}
	state, err := runtime.MoveCheckpoint(row.State, runtime.RoundFingerprint(round), []byte(`"3"`))
	if err == nil { // twice moved is moved
		state, err = runtime.MoveCheckpoint(state, runtime.RoundFingerprint(round), []byte(`"2"`))
	}
	if err == nil {
		err = db.SetState(ctx, key, "", state)
	}
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	before := r.requests()
	want(t, r.run(), "complete")
	if got := strings.Join(r.asked[before:], " "); got != "GET /feed?since=5&c=2 GET /feed?since=5&c=3 GET /feed?since=5&c=4" {
		t.Error(got)
	}
	r.count("s", "id", 5)
}
