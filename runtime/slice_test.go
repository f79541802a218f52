package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// slice makes one slice as a process of its own would.
func (r *rig) slice(at runtime.ChainAt, b runtime.Budget, change ...func(*runtime.Job)) (*runtime.Outcome, error) {
	r.t.Helper()
	return r.sliceIn(context.Background(), at, b, change...)
}

// sliceIn is slice under a context that may end.
func (r *rig) sliceIn(sliceCtx context.Context, at runtime.ChainAt, b runtime.Budget, change ...func(*runtime.Job)) (*runtime.Outcome, error) {
	r.t.Helper()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	out, err := sink.New(ctx, "jsonl:"+filepath.Join(r.dir, "{stream}.jsonl"), sink.Options{Ledger: db.Path()})
	if err != nil {
		r.t.Fatal(err)
	}
	job := r.job
	job.Connector, job.Ledger, job.Sink, job.Owner = r.load(), db, out, store.Self(time.Now())
	job.Set = map[string]string{"base_url": r.server.URL}
	for _, f := range change {
		f(&job)
	}
	return runtime.RunSlice(sliceCtx, &job, at, b)
}

// slices loops until nothing is pending, and returns how often each kind came.
func (r *rig) slices(at runtime.ChainAt, b runtime.Budget) map[runtime.OutcomeKind]int {
	r.t.Helper()
	kinds := map[runtime.OutcomeKind]int{}
	for range 100 {
		o, err := r.slice(at, b)
		if err != nil {
			r.t.Fatal(err)
		}
		kinds[o.Kind]++
		if b.Pages > 0 && o.Pages > b.Pages {
			r.t.Errorf("%d pages in a slice of %d", o.Pages, b.Pages)
		}
		if !o.Pending {
			return kinds
		}
	}
	r.t.Fatalf("no end: %v", kinds)
	return nil
}

func TestRunSlice(t *testing.T) {
	r := newRig(t, fivePages, numbered)
	kinds := r.slices(runtime.ChainAt{Stream: "items"}, runtime.Budget{Pages: 2})
	if kinds[runtime.Yield] != 2 || kinds[runtime.Done] != 1 {
		t.Errorf("outcomes %v", kinds)
	}
	r.count("items", "id", 10)
	if n := r.requests(); n != 5 {
		t.Errorf("%d requests", n)
	}
}

func TestRunSliceChains(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n := 0
		fmt.Sscan(q.URL.Query().Get("page"), &n)
		base := map[string]int{"a": 0, "b": 3, "c": 6}[q.URL.Query().Get("part")]
		answer(w, `{"pages":3,"items":%s}`, items(base+n, base+n))
	}, `streams:
  items:
    request: {path: /items, query: {part: "${partition.part}"}}
    partitions: [{values: {part: [a, b, c]}}]
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total_pages: body.pages}
`)
	o, err := r.slice(runtime.ChainAt{Stream: "items", Chain: `{"part":"b"}`}, runtime.Budget{})
	if err != nil || o.Kind != runtime.Done || o.Verdict != runtime.Complete || !o.Pending || o.Records != 3 {
		t.Fatalf("%+v, %v", o, err)
	}
	var wrong *runtime.ArgumentError
	if _, err := r.slice(runtime.ChainAt{Stream: "items", Chain: `{"part":"x"}`}, runtime.Budget{}); !errors.As(err, &wrong) {
		t.Errorf("a chain that is not listed: %v", err)
	}
	kinds := r.slices(runtime.ChainAt{Stream: "items"}, runtime.Budget{Pages: 2})
	if kinds[runtime.Yield] != 2 || kinds[runtime.Done] != 2 {
		t.Errorf("outcomes %v", kinds)
	}
	r.count("items", "id", 9)
}

// TestRunSliceSession keeps a session open from slice to slice, and closes it once.
func TestRunSliceSession(t *testing.T) {
	opened, closed := 0, 0
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.Method + q.URL.Path {
		case "POST/open":
			opened++
			answer(w, `{"id":"s%d"}`, opened)
		case "DELETE/open":
			closed++
			answer(w, `{}`)
		default:
			if q.URL.Query().Get("session") != "s1" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			fivePages(w, q)
		}
	}, `streams:
  items:
    session: {open: {method: POST, path: /open}, id: body.id, close: {method: DELETE, path: /open}}
    request: {path: /items, query: {session: "${session.id}"}}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total_pages: body.pages}
`)
	r.slices(runtime.ChainAt{Stream: "items"}, runtime.Budget{Pages: 1})
	r.count("items", "id", 10)
	if opened != 1 || closed != 1 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
}

func TestRunSliceOutcomes(t *testing.T) {
	broken, slow := true, true
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch page := q.URL.Query().Get("page"); {
		case page == "2" && slow:
			slow = false
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		case page == "4" && broken:
			broken = false
			w.WriteHeader(http.StatusForbidden)
		default:
			fivePages(w, q)
		}
	}, numbered)
	at := runtime.ChainAt{Stream: "items"}
	o, err := r.slice(at, runtime.Budget{})
	if err != nil || o.Kind != runtime.RetryAfter || time.Until(o.Until) < 50*time.Minute || !o.Pending {
		t.Fatalf("429: %+v, %v", o, err)
	}
	stop := make(chan struct{})
	close(stop)
	if o, err = r.slice(at, runtime.Budget{}, func(j *runtime.Job) { j.Stop = stop }); err != nil || o.Kind != runtime.Paused || !o.Pending {
		t.Fatalf("paused: %+v, %v", o, err)
	}
	if o, err = r.slice(at, runtime.Budget{}); err != nil || o.Kind != runtime.Broken || o.Reason != "http_403" || o.Err == nil || o.Pages != 2 {
		t.Fatalf("403: %+v, %v", o, err)
	}
	if o, err = r.slice(at, runtime.Budget{Time: time.Hour}); err != nil || o.Kind != runtime.Done || o.Verdict != runtime.Complete || o.Pending {
		t.Fatalf("the rest: %+v, %v", o, err)
	}
	r.count("items", "id", 10)
}
