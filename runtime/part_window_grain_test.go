package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// TestWindowsCoverTheirBounds writes bounds in formats that are coarser than they are: everything between
// them is asked for, and nothing twice.
func TestWindowsCoverTheirBounds(t *testing.T) {
	for _, c := range []struct{ window, want string }{
		{`{from: 2024-01-01, to: "2024-01-03T12:00:00Z", every: 1d, format: "2006-01-02", end: inclusive}`, "2024-01-01 2024-01-01, 2024-01-02 2024-01-02, 2024-01-03 2024-01-03"},
		{`{from: 2024-01-01, to: "2024-01-03T12:00:00Z", every: 1d, format: "2006-01-02"}`, "2024-01-01 2024-01-02, 2024-01-02 2024-01-03, 2024-01-03 2024-01-04"},
		{`{from: "2024-01-01T18:00:00Z", to: "2024-01-03T06:00:00Z", format: "2006-01-02"}`, "2024-01-01 2024-01-04"},
		{`{from: -2d, to: "${now}", every: 1d, format: "2006-01-02", end: inclusive}`, "2026-06-29 2026-06-29, 2026-06-30 2026-06-30, 2026-07-01 2026-07-01"}, // it is noon
		{`{from: 2024-01-01, to: "2024-01-01T00:00:02.75Z", every: 1s, format: epoch, end: inclusive}`, "1704067200 1704067200, 1704067201 1704067201, 1704067202 1704067202"},
		{`{from: 2024-01-01, to: "2024-01-01T00:00:00.0005Z", every: 1s, format: epoch_ms}`, "1704067200000 1704067200001"},
		{`{from: 2024-01-01, to: 2024-01-03, every: 12h, format: "2006-01-02", end: inclusive}`, "2024-01-01 2024-01-01, 2024-01-02 2024-01-02"},
		{`{from: 2024-01-01, to: 2024-01-05, every: 36h, format: "2006-01-02"}`, "2024-01-01 2024-01-02, 2024-01-02 2024-01-03, 2024-01-03 2024-01-04, 2024-01-04 2024-01-05"},
		{`{from: 2024-01-31, to: "2024-03-01T01:00:00Z", every: 7d, format: "2006-01"}`, "2024-01 2024-02, 2024-02 2024-03, 2024-03 2024-04"},
		{`{from: 2024-01-31, to: "2024-03-01T01:00:00Z", every: 31d, format: "2006-01", end: inclusive}`, "2024-01 2024-01, 2024-02 2024-02, 2024-03 2024-03"},
		{`{from: 2023-06-01, to: 2024-02-01, every: 30d, format: "2006", end: inclusive}`, "2023 2023, 2024 2024"},
		{`{from: "2024-01-01T10:20:00Z", to: "2024-01-01T12:00:01Z", every: 1h, format: "2006-01-02 15"}`, "2024-01-01 10 2024-01-01 11, 2024-01-01 11 2024-01-01 12, 2024-01-01 12 2024-01-01 13"},
		{`{from: "${watermark}", to: "2024-01-03T12:00:00Z", format: "2006-01-02"}`, ""}, // it begins where it ends
	} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			answer(w, `[{"id":%q}]`, q.URL.Query().Get("from")+" "+q.URL.Query().Get("to"))
		}, `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: `+c.window+`}]
    chains: {concurrency: 1}
    records: {path: $}
    pagination: {type: none}
    incremental: {watermark: max.at, type: time, start: "2024-01-03T12:00:00Z"}
`)
		r.job.Clock = newFakeClock()
		want(t, r.run(), "complete")
		if got := strings.Join(r.ids("s", "id"), ", "); got != c.want {
			t.Errorf("%s: %s", c.window, got)
		}
		r.server.Close()
	}
}

// daysAPI lists events by day, two to a page, newest first when desc; a broken day answers 403 from that
// offset on.
type daysAPI struct {
	mu     sync.Mutex
	at     []time.Time
	desc   bool
	broken string // "2026-06-30 2"
	asked  []string
}

func (a *daysAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, to, offset := q.URL.Query().Get("from"), q.URL.Query().Get("to"), q.URL.Query().Get("offset")
	a.asked = append(a.asked, from+" "+to+" "+offset)
	day, off, _ := strings.Cut(a.broken, " ")
	skip, _ := strconv.Atoi(offset)
	if n, _ := strconv.Atoi(off); day == from && skip >= n {
		w.WriteHeader(403)
		return
	}
	var rows []string
	for i, at := range a.at {
		if d := at.Format(time.DateOnly); d >= from && d < to {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"at":%q}`, i+1, at.Format(time.RFC3339)))
		}
	}
	if a.desc {
		slices.Reverse(rows)
	}
	rows = rows[min(skip, len(rows)):]
	answer(w, `[%s]`, strings.Join(rows[:min(2, len(rows))], ","))
}

const dayStream = `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: "${watermark}", every: %s, format: "2006-01-02"}}]
    records: {path: $, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}}
    incremental: {watermark: max.at, type: time, start: 2026-06-29, order: none}
`

// TestTheDayIsAskedAgain goes on in the middle of the step that a format writes, run after run: while an
// earlier window is broken, while the day's own window breaks on its second page, and when all is well
// again. Every record comes once, whatever order the API lists them in.
func TestTheDayIsAskedAgain(t *testing.T) {
	for _, broken := range []string{"2026-06-29 0", "2026-06-30 2", "2026-07-01 0", "2026-07-01 2"} {
		for _, desc := range []bool{false, true} {
			for _, every := range []string{"1d", "30d"} {
				t.Run(fmt.Sprintf("%s desc %t every %s", broken, desc, every), func(t *testing.T) {
					clock := newFakeClock() // 2026-07-01T12:00:00Z
					api := &daysAPI{broken: broken, desc: desc}
					if every == "30d" {
						api.broken = "2026-06-29 2" // all of it is one window
					}
					add := func(n int) {
						for i := range n {
							api.at = append(api.at, clock.Now().Add(time.Duration(i-n)*time.Minute))
						}
					}
					for d := range 3 {
						for h := range 3 {
							api.at = append(api.at, time.Date(2026, 6, 29+d, 2+h, 0, 0, 0, time.UTC))
						}
					}
					r := newRig(t, api.ServeHTTP, fmt.Sprintf(dayStream, every))
					r.job.Clock = clock
					want(t, r.run(), "failed http_403")
					for range 3 { // 18:00, 00:00, 06:00
						clock.advance(6 * time.Hour)
						add(3)
						want(t, r.run(), "failed http_403")
					}
					api.broken = ""
					clock.advance(6 * time.Hour)
					add(1)
					want(t, r.run(), "complete")
					r.count("s", "id", len(api.at))
					clock.advance(time.Hour)
					add(1)
					api.asked = nil
					want(t, r.run(), "complete")
					r.count("s", "id", len(api.at))
					if slices.Sort(api.asked); api.asked[0] != "2026-07-02 2026-07-03 0" {
						t.Errorf("asked %v", api.asked)
					}
					if got := len(r.lines("s")); got != len(api.at) {
						t.Errorf("%d records for %d", got, len(api.at))
					}
				})
			}
		}
	}
}

// TestCutToTheFormat halves windows at what the format writes, down to one step and no further.
func TestCutToTheFormat(t *testing.T) {
	start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, end := range []string{"exclusive", "inclusive"} {
		t.Run(end, func(t *testing.T) {
			api := func(w http.ResponseWriter, q *http.Request) {
				from, _ := time.Parse(time.DateOnly, q.URL.Query().Get("from"))
				to, _ := time.Parse(time.DateOnly, q.URL.Query().Get("to"))
				if end == "inclusive" {
					to = to.AddDate(0, 0, 1)
				}
				first, past := int(from.Sub(start).Hours()/24)*4, int(to.Sub(start).Hours()/24)*4 // four a day
				off, _ := strconv.Atoi(q.URL.Query().Get("offset"))
				answer(w, `{"items":%s,"total":%d}`, items(first+off+1, min(first+off+2, past)), past-first)
			}
			const streams = `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: 2024-01-01, to: "2024-01-06T12:00:00Z", format: "2006-01-02", end: %s, min: 1h, split_over: %d}}]
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, total: body.total}
`
			for _, most := range []int{4, 3} {
				r := newRig(t, api, fmt.Sprintf(streams, end, most))
				rep := r.run()
				r.count("s", "id", 24)
				if most == 4 {
					want(t, rep, "complete")
					continue
				}
				want(t, rep, "truncated "+runtime.CodeWindow)
				if !strings.Contains(rep.Message, "below a day, the step of its format 2006-01-02") {
					t.Error(rep.Message)
				}
			}
		})
	}
}
