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

// TestWindowReadsTheWatermarkAsItIsWritten begins windows at a watermark of another format than theirs, by
// itself and computed.
func TestWindowReadsTheWatermarkAsItIsWritten(t *testing.T) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	formats := []string{"rfc3339", "epoch", "epoch_ms", "02.01.2006 15:04:05"}
	write := func(at time.Time, format string) string {
		switch format {
		case "rfc3339":
			return strconv.Quote(at.Format(time.RFC3339))
		case "epoch":
			return fmt.Sprint(at.Unix())
		case "epoch_ms":
			return fmt.Sprint(at.UnixMilli())
		}
		return strconv.Quote(at.Format(format))
	}
	for _, window := range formats {
		for _, mark := range formats {
			for _, from := range []string{"${watermark}", "${watermark ?? '2026-01-01T00:00:00Z'}", "${watermark == null ? null : watermark}"} {
				t.Run(window+" "+mark+" "+from, func(t *testing.T) {
					var asked []string
					r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
						asked = append(asked, q.FormValue("from"))
						answer(w, `[{"id":1,"at":%s}]`, write(begin.Add(90*time.Minute), mark))
					}, fmt.Sprintf(`
streams:
  s:
    request: {path: /list, query: {from: "${window.from}"}}
    records: {path: $, key: id}
    pagination: {type: none}
    partitions: [{window: {from: "%s", to: "2026-01-01T06:00:00Z", format: "%s"}}]
    incremental: {watermark: max.at, format: "%s", start: "2026-01-01T00:00:00Z"}
`, from, window, mark))
					want(t, r.run(), "complete")
					want(t, r.run(), "complete")
					for i, at := range []time.Time{begin, begin.Add(90 * time.Minute)} {
						if text, _ := strconv.Unquote(write(at, window)); i >= len(asked) || asked[i] != write(at, window) && asked[i] != text {
							t.Errorf("asked %q, want %s at %d", asked, write(at, window), i)
						}
					}
					if len(asked) != 2 {
						t.Errorf("asked %q", asked)
					}
				})
			}
		}
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { answer(w, `[{"id":1,"at":%d}]`, begin.Unix()) }, `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}"}}
    records: {path: $, key: id}
    pagination: {type: none}
    partitions: [{window: {from: "${watermark}", to: "2026-01-01T06:00:00Z", every: 30d, format: epoch_ms}}]
    incremental: {watermark: max.at, type: number, start: 1767225600}
`)
	want(t, r.run(), "complete")
	want(t, r.run(), "complete")
	if r.requests() != 2 {
		t.Errorf("asked %v", r.asked)
	}
}
