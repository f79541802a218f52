package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// gate is a sink that keeps its first page waiting.
type gate struct {
	runtime.Sink
	repeats bool
	open    chan struct{}
}

func (g *gate) Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error {
	<-g.open
	return g.Sink.Write(ctx, stream, chain, records, keys)
}

func (g *gate) Repeats(string) bool { return g.repeats }

// TestPagesWaitForASlowSink: while the first page is being written a chain asks for so many more and no
// further, and all of them arrive.
func TestPagesWaitForASlowSink(t *testing.T) {
	const pages = 20
	for _, c := range []struct {
		name    string
		repeats bool
		paging  string
		padding int // bytes a page
		asked   int64
	}{
		{"a file", false, "{type: cursor, next: body.next, send: query.at}", 0, 4}, // one at the sink, two behind it, one in hand
		{"a service", true, "{type: cursor, next: body.next, send: query.at}", 0, 2},
		{"large pages", false, "{type: cursor, next: body.next, send: query.at}", 9 << 20, 2},
		{"used once", false, "{type: cursor, next: body.next, send: query.at, token: {one_use: true}}", 0, 1},
		{"in flight", false, "{type: page, send: query.at, start: 0, total_pages: body.pages, parallel: 3}", 0, 7}, // the first alone, three behind it, one in hand, two more in flight
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			padding := strings.Repeat("x", c.padding)
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				asked.Add(1)
				at := 0
				fmt.Sscan(q.FormValue("at"), &at)
				next := "null"
				if at+1 < pages {
					next = fmt.Sprintf("%q", fmt.Sprint(at+1))
				}
				fmt.Fprintf(w, `{"items": [{"id": %d}], "next": %s, "pages": %d, "padding": %q}`, at, next, pages, padding)
			}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items, key: id}\n    pagination: "+c.paging+"\n")
			open := make(chan struct{})
			done := make(chan *runtime.Report)
			go func() {
				defer close(done)
				done <- r.run(func(j *runtime.Job) { j.Sink = &gate{j.Sink, c.repeats, open} })
			}()
			for until := time.Now().Add(20 * time.Second); asked.Load() < c.asked && time.Now().Before(until); {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond)
			if n := asked.Load(); n != c.asked {
				t.Errorf("%d pages were asked for while the first was being written, want %d", n, c.asked)
			}
			close(open)
			report := <-done
			if report == nil {
				t.Fatal("no report")
			}
			want(t, report, "complete")
			got := r.ids("items", "id")
			for i := range pages {
				if len(got) != pages || got[i] != fmt.Sprint(i) {
					t.Fatalf("records %v", got)
				}
			}
		})
	}
}
