package runtime_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// minutes serves one record for each minute of the window that is asked for, from minute 1 of 2026 on,
// three a page; after the first `left` requests it refuses all.
func minutes(left *int) http.HandlerFunc {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/projects" {
			answer(w, `{"items":[{"id":"a"}],"total":1}`)
			return
		}
		if *left--; *left < 0 {
			w.WriteHeader(400)
			return
		}
		from, _ := time.Parse(time.RFC3339, q.FormValue("from"))
		to, _ := time.Parse(time.RFC3339, q.FormValue("to"))
		off, _ := strconv.Atoi(q.FormValue("offset"))
		first, past := int(from.Sub(begin).Minutes()), int(to.Sub(begin).Minutes())
		answer(w, `{"items":%s,"total":%d}`, items(first+off+1, min(first+off+3, past)), past-first)
	}
}

// TestWindowBoundsMayChangeInMidWalk goes on with a walk that has failed while its bounds, or how they are
// cut, are given anew: what is covered is not read again however it is cut, what is not is added, and every
// chain is run.
func TestWindowBoundsMayChangeInMidWalk(t *testing.T) {
	window := func(from, to int, more string) string {
		return fmt.Sprintf(`{window: {from: "2026-01-01T00:%02d:00Z", to: "2026-01-01T00:%02d:00Z"%s}}`, from, to, more)
	}
	const plain, under = "", "{stream: projects, take: {project: id}}, "
	for _, c := range []struct {
		name          string
		first, second string
		from, to      int // minutes that are read in the end
	}{
		{"the same", window(10, 30, ""), window(10, 30, ""), 10, 30},
		{"a later end", window(10, 30, ""), window(10, 35, ""), 10, 35},
		{"an earlier end", window(10, 30, ""), window(10, 20, ""), 10, 30},
		{"an earlier begin", window(10, 30, ""), window(5, 30, ""), 5, 30},
		{"a later begin", window(10, 30, ""), window(15, 30, ""), 10, 30},
		{"both wider", window(10, 30, ""), window(5, 35, ", every: 7m"), 5, 35},
		{"before it", window(10, 30, ""), window(5, 10, ""), 5, 30},
		{"every is new", window(10, 30, ""), window(10, 30, ", every: 7m"), 10, 30},
		{"every is gone", window(10, 30, ", every: 7m"), window(10, 35, ""), 10, 35},
		{"cut, and a later end", window(10, 30, ", split_over: 6"), window(10, 35, ", split_over: 6"), 10, 35},
		{"cut, and every is new", window(10, 30, ", split_over: 6"), window(10, 30, ", split_over: 6, every: 7m"), 10, 30},
		{"cut, and split_over is less", window(10, 30, ", split_over: 6"), window(8, 31, ", split_over: 4"), 8, 31},
	} {
		for _, parent := range []string{plain, under} {
			for _, fails := range []int{1, 4} {
				t.Run(fmt.Sprintf("%s, %q, %d", c.name, parent, fails), func(t *testing.T) {
					stream := func(windows string) string {
						return "\nstreams:\n  projects: {request: {path: /projects}, records: {path: items, key: id}, pagination: {type: none}}\n" +
							"  s:\n    request: {path: /list, query: {from: \"${window.from}\", to: \"${window.to}\"}}\n    records: {path: items}\n" +
							"    partitions: [" + parent + windows + "]\n" +
							"    chains: {concurrency: 1}\n    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}, total: body.total}\n"
					}
					left := fails
					r := newRig(t, minutes(&left), stream(c.first))
					r.job.Streams = []string{"s"}
					if got := r.run(); got.Verdict == runtime.Complete {
						t.Fatal(got.Message)
					}
					r.write(stream(c.second))
					left = 1000
					want(t, r.run(), "complete")
					seen := map[string]int{}
					for _, id := range r.ids("s", "id") {
						seen[id]++
					}
					for i := c.from + 1; i <= c.to; i++ {
						if seen[fmt.Sprint(i)] != 1 {
							t.Errorf("minute %d is there %d times; asked %v", i, seen[fmt.Sprint(i)], r.asked)
						}
					}
					if len(seen) != c.to-c.from {
						t.Errorf("%d minutes, want %d", len(seen), c.to-c.from)
					}
				})
			}
		}
	}
}
