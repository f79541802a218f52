package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

const numbered = `streams:
  items:
    request: {path: /items}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total_pages: body.pages}
`

// fivePages serves ten records on five pages.
func fivePages(w http.ResponseWriter, q *http.Request) {
	n := 0
	fmt.Sscan(q.URL.Query().Get("page"), &n)
	answer(w, `{"pages":5,"items":%s}`, items(2*n-1, 2*n))
}

// load compiles the rig's connector.
func (r *rig) load() *runtime.Connector {
	r.t.Helper()
	c, err := runtime.Load(r.dir, script.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c
}

func TestPages(t *testing.T) {
	r := newRig(t, fivePages, numbered)
	job := &runtime.Job{Connector: r.load(), Set: map[string]string{"base_url": r.server.URL}}
	var got, codes []string
	for page, err := range runtime.Pages(context.Background(), job) {
		if err != nil {
			t.Fatal(err)
		}
		if page.Stream != "items" || page.Index != int64(len(codes)) || page.Status != 200 {
			t.Errorf("page %+v", page)
		}
		for _, rec := range page.Records {
			got = append(got, string(rec))
		}
		codes = append(codes, page.Code+page.End)
	}
	if len(got) != 10 || got[9] != `{"id":10}` {
		t.Errorf("records %v", got)
	}
	if want := "continue continue continue continue endcomplete"; strings.Join(codes, " ") != want {
		t.Errorf("codes %q, want %q", codes, want)
	}
}

// TestPagesLeft leaves the loop on every page, in every way: the page comes again, and nothing is lost.
func TestPagesLeft(t *testing.T) {
	type leave struct {
		name string
		how  func(cancel context.CancelFunc)
	}
	for _, l := range []leave{
		{"break", nil},
		{"panic", func(context.CancelFunc) { panic("the loop's own") }},
		{"cancel", func(cancel context.CancelFunc) { cancel() }},
	} {
		t.Run(l.name, func(t *testing.T) {
			r := newRig(t, fivePages, numbered)
			ledger := new(runtime.MemoryLedger)
			job := &runtime.Job{Connector: r.load(), Ledger: ledger, Set: map[string]string{"base_url": r.server.URL}}
			var committed []string
			round := func(at int) (done bool) {
				defer func() {
					if l.name == "panic" && recover() == nil && !done {
						t.Error("the panic was swallowed")
					}
				}()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				n := 0
				var pending []string
				for page, err := range runtime.Pages(ctx, job) {
					committed, pending = append(committed, pending...), nil // the loop has asked for this one
					if err != nil {
						if !errors.Is(err, context.Canceled) {
							t.Fatal(err)
						}
						return false
					}
					if n++; n == at {
						if l.how == nil {
							break
						}
						l.how(cancel)
						continue
					}
					for _, rec := range page.Records {
						pending = append(pending, string(rec))
					}
				}
				committed = append(committed, pending...)
				return n < at
			}
			for range 20 {
				if round(2) {
					break
				}
			}
			if l.name == "cancel" { // a page under way when the context ends is the loop's: it asked for the next
				slices.Sort(committed)
				committed = slices.Compact(committed)
				if len(committed) < 5 {
					t.Errorf("%d records", len(committed))
				}
				return
			}
			if len(committed) != 10 || !slices.IsSortedFunc(committed, func(a, b string) int { return len(a)*100 + strings.Compare(a, b) - len(b)*100 }) {
				t.Errorf("committed %v", committed)
			}
		})
	}
}

// TestPagesChains takes the pages of chains that run side by side, and leaves the loop now and then: a
// page of another chain that was handed out before stays committed.
func TestPagesChains(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n := 0
		fmt.Sscan(q.URL.Query().Get("page"), &n)
		answer(w, `{"pages":4,"items":[{"id":"%s%d"}]}`, q.URL.Query().Get("part"), n)
	}, `streams:
  items:
    request: {path: /items, query: {part: "${partition.part}"}}
    partitions: [{values: {part: [a, b, c]}}]
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total_pages: body.pages}
`)
	db, err := store.Open(context.Background(), filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	job := &runtime.Job{Connector: r.load(), Ledger: db, Owner: store.Self(time.Now()), Set: map[string]string{"base_url": r.server.URL}}
	seen := map[string]int{}
	for round := 0; ; round++ {
		if round > 20 {
			t.Fatalf("no end: %v", seen)
		}
		n, left := 0, false
		for page, err := range runtime.Pages(context.Background(), job) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 4 {
				left = true
				break
			}
			for _, rec := range page.Records {
				seen[string(rec)]++
			}
		}
		if !left {
			break
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d records: %v", len(seen), seen)
	}
	for rec, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", rec, n)
		}
	}
}

// TestPagesSink has the loop and a sink that is in the ledger's database take the same pages.
func TestPagesSink(t *testing.T) {
	r := newRig(t, fivePages, numbered)
	ctx := context.Background()
	for round, want := range []int{4, 10} {
		db, err := store.Open(ctx, filepath.Join(r.dir, "state.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := sink.New(ctx, "jsonl:"+filepath.Join(r.dir, "{stream}.jsonl"), sink.Options{Ledger: db.Path()})
		if err != nil {
			t.Fatal(err)
		}
		job := &runtime.Job{Connector: r.load(), Ledger: db, Sink: out, Owner: store.Self(time.Now()), Set: map[string]string{"base_url": r.server.URL}}
		for page, err := range runtime.Pages(ctx, job) {
			if err != nil {
				t.Fatal(err)
			}
			if round == 0 && page.Index == 2 {
				break
			}
		}
		if got := len(r.ids("items", "id")); got != want {
			t.Errorf("round %d: %d records in the file, want %d", round, got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r.count("items", "id", 10)
}

func TestPagesEnds(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("page") == "3" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		fivePages(w, q)
	}, numbered)
	job := &runtime.Job{Connector: r.load(), Set: map[string]string{"base_url": r.server.URL}}
	n := 0
	var last error
	for page, err := range runtime.Pages(context.Background(), job) {
		if last = err; page != nil {
			n++
		}
	}
	var end *runtime.EndError
	if n != 2 || !errors.As(last, &end) || end.Report.Verdict != runtime.Failed {
		t.Errorf("%d pages, then %v", n, last)
	}
	job.Streams = []string{"itemz"}
	for page, err := range runtime.Pages(context.Background(), job) {
		if page != nil || err == nil || !strings.Contains(err.Error(), "did you mean items?") {
			t.Errorf("page %v, error %v", page, err)
		}
	}
}
