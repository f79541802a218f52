package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
)

// TestWindowFormats writes the ends of windows in every format, exclusive and inclusive.
func TestWindowFormats(t *testing.T) {
	for _, c := range []struct{ window, first, last string }{
		{`{from: 2026-03-28, to: 2026-03-31, every: 24h}`, "2026-03-28T00:00:00Z 2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z 2026-03-31T00:00:00Z"},
		{`{from: 2026-03-28, to: 2026-03-31, every: 24h, end: inclusive}`, "2026-03-28T00:00:00Z 2026-03-28T23:59:59.999999Z", "2026-03-30T00:00:00Z 2026-03-30T23:59:59.999999Z"},
		{`{from: "2026-01-01T01:30:00+02:00", to: 2026-01-01, every: 20m}`, "2025-12-31T23:30:00Z 2025-12-31T23:50:00Z", "2025-12-31T23:50:00Z 2026-01-01T00:00:00Z"},
		{`{from: 2026-01-01, to: 2026-01-08, every: 3d, format: epoch}`, "1767225600 1767484800", "1767744000 1767830400"},
		{`{from: 2026-01-01, to: 2026-01-08, every: 3d, format: epoch, end: inclusive}`, "1767225600 1767484799", "1767744000 1767830399"},
		{`{from: 2026-01-01, to: 2026-01-02, every: 12h, format: epoch_ms}`, "1767225600000 1767268800000", "1767268800000 1767312000000"},
		{`{from: 2026-01-01, to: 2026-01-02, every: 12h, format: epoch_ms, end: inclusive}`, "1767225600000 1767268799999", "1767268800000 1767311999999"},
		{`{from: 2026-02-27, to: 2026-03-02, every: 1d, format: "2006-01-02"}`, "2026-02-27 2026-02-28", "2026-03-01 2026-03-02"},
		{`{from: 2026-02-27, to: 2026-03-02, every: 1d, format: "2006-01-02", end: inclusive}`, "2026-02-27 2026-02-27", "2026-03-01 2026-03-01"},
		{`{from: 2026-01-01, to: 2026-01-02, every: 12h, format: "2006-01-02T15:04:05.000-07:00", end: inclusive}`, "2026-01-01T00:00:00.000+00:00 2026-01-01T11:59:59.999+00:00", "2026-01-01T12:00:00.000+00:00 2026-01-01T23:59:59.999+00:00"},
		{`{from: 2026-01-01, to: 2026-01-02, every: 12h, format: "02.01.2006 15:04", end: inclusive}`, "01.01.2026 00:00 01.01.2026 11:59", "01.01.2026 12:00 01.01.2026 23:59"},
		{`{from: 2026-01-01, to: 2026-01-02}`, "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z 2026-01-02T00:00:00Z"},
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
`)
		want(t, r.run(), "complete")
		ids := r.ids("s", "id")
		if ids[0] != c.first || ids[len(ids)-1] != c.last {
			t.Errorf("%s: first %s, last %s of %d", c.window, ids[0], ids[len(ids)-1], len(ids))
		}
		r.server.Close()
	}
}

// TestWindowIsPinned ends at the time at which the run began, also when it goes on later, and asks for
// no window twice.
func TestWindowIsPinned(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	clock := newFakeClock()
	stop := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		asked[q.URL.Query().Get("from")+" "+q.URL.Query().Get("to")]++
		if len(asked) == 3 {
			close(stop)
		}
		mu.Unlock()
		clock.advance(17 * time.Second)
		answer(w, `[]`)
	}, `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: -10h, to: "${now}", every: 100m}}]
    chains: {concurrency: 1}
    records: {path: $}
    pagination: {type: none}
`)
	r.job.Clock = clock
	want(t, r.run(func(j *runtime.Job) { j.Stop = stop }), "interrupted interrupted")
	clock.advance(time.Hour)
	want(t, r.run(), "complete")
	if len(asked) != 6 || asked["2026-07-01T02:00:00Z 2026-07-01T03:40:00Z"] != 1 || asked["2026-07-01T10:20:00Z 2026-07-01T12:00:00Z"] != 1 {
		t.Errorf("asked %v", asked)
	}
}

const demoWindow = `
streams:
  s:
    request: {path: /window, query: {from: "${window.from}", to: "${window.to}", end: %s%s}}
    partitions: [{window: {from: 2025-01-01, to: 2027-01-01, every: %s, end: %s%s}}]
    chains: {concurrency: 3}
    records: {path: items%s}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 20}%s}
`

// TestWindowsMeet drains windows of every length: no record lies in two of them or in none.
func TestWindowsMeet(t *testing.T) {
	for _, every := range []string{"720h", "61d", "1000h", "10000h"} {
		for _, end := range []string{"exclusive", "inclusive"} {
			for _, ties := range []int{1, 10} {
				r, w := demoRig(t, fmt.Sprintf(demoWindow, end, "", every, end, "", "", ", total: body.total"))
				if err := w.Set(demo.Settings{Records: 300, Ties: ties}); err != nil {
					t.Fatal(err)
				}
				rep := r.run()
				want(t, rep, "complete")
				if rep.Attested != engine.Proved || *rep.Streams[0].Total != 300 {
					t.Errorf("%+v", rep.Streams[0])
				}
				r.everyone("s", w)
				r.server.Close()
			}
		}
	}
}

// TestWindowsAreCut halves windows until they fit: by what the total says before the walk, and in the
// middle of it where only the cap is met.
func TestWindowsAreCut(t *testing.T) {
	for _, c := range []struct{ name, query, window, key, paging string }{
		{"cap and total", ", most: 100", "", ", key: id", ", total: body.total, cap: 100"},
		{"cap in the middle of the walk", ", most: 100", "", ", key: id", ", cap: 100"},
		{"cap and total, no key", ", most: 100", "", "", ", total: body.total, cap: 100"},
		{"cap that no page ends at", ", most: 90", "", ", key: id", ", cap: 90"},
		{"split_over", "", ", split_over: 60", ", key: id", ", total: body.total"},
		{"split_over, no key", "", ", split_over: 60", "", ", total: body.total"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, end := range []string{"exclusive", "inclusive"} {
				r, w := demoRig(t, fmt.Sprintf(demoWindow, end, c.query, "17520h", end, c.window, c.key, c.paging))
				if err := w.Set(demo.Settings{Records: 700}); err != nil {
					t.Fatal(err)
				}
				rep := r.run()
				want(t, rep, "complete")
				r.everyone("s", w)
				if rep.Streams[0].Events[runtime.NoticeWindowSplit] < 3 {
					t.Errorf("%v", rep.Streams[0].Events)
				}
				if st := w.Stats(); st.Statuses["400"] > 0 {
					t.Errorf("%d requests beyond the cap", st.Statuses["400"])
				}
			}
		})
	}
}

// TestCutsSurviveKills stops runs whose windows are being cut at random pages.
func TestCutsSurviveKills(t *testing.T) {
	r, w := demoRig(t, fmt.Sprintf(demoWindow, "exclusive", ", most: 60", "17520h", "exclusive", "", ", key: id", ", cap: 60"))
	if err := w.Set(demo.Settings{Records: 500}); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		rep := r.run(func(j *runtime.Job) { j.MaxPages = int64(1 + i%4) })
		if rep.Verdict == runtime.Complete {
			break
		}
		want(t, rep, "truncated limit")
	}
	want(t, r.run(func(j *runtime.Job) {}), "complete")
	got := r.lines("s")
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 500 {
		t.Errorf("%d records, want 500", n)
	}
}

// TestWindowTooFull ends truncated where a window cannot be cut, and says which.
func TestWindowTooFull(t *testing.T) {
	api := func(w http.ResponseWriter, q *http.Request) {
		from, _ := time.Parse(time.RFC3339, q.URL.Query().Get("from"))
		to, _ := time.Parse(time.RFC3339, q.URL.Query().Get("to"))
		at := time.Date(2026, 1, 1, 6, 0, 0, 0, time.UTC) // 30 records share one second
		n := 0
		if !at.Before(from) && at.Before(to) {
			n = 30
		}
		off, _ := strconv.Atoi(q.URL.Query().Get("offset"))
		if off+10 > 20 {
			w.WriteHeader(400)
			return
		}
		total := fmt.Sprintf(`,"total":%d`, n)
		if q.URL.Query().Get("silent") != "" {
			total = ""
		}
		answer(w, `{"items":%s%s}`, items(off+1, min(off+10, n)), total)
	}
	for name, c := range map[string]struct{ query, key, total, window, why string }{
		"total, down to min":  {"", ", key: id", ", total: body.total", ", min: 10m", "from 2026-01-01T06:00:00Z to 2026-01-01T06:11:15Z"},
		"middle, down to min": {`, silent: "1"`, ", key: id", "", ", min: 1s", "from 2026-01-01T06:00:00Z to 2026-01-01T06:00:01Z"},
		"middle, no key":      {`, silent: "1"`, "", "", "", "records.key"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, api, `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"`+c.query+`}}
    partitions: [{window: {from: 2026-01-01, to: 2026-01-02, every: 24h`+c.window+`}}]
    records: {path: items`+c.key+`}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 10}, cap: 20`+c.total+`}
`)
			rep := r.run()
			want(t, rep, "truncated "+runtime.CodeWindow)
			if !strings.Contains(rep.Message, c.why) {
				t.Errorf("%s", rep.Message)
			}
			want(t, r.run(), "truncated "+runtime.CodeWindow) // and again, without reading twice
			if got := len(r.lines("s")); got != 20 {
				t.Errorf("%d records, want the 20 below the cap", got)
			}
		})
	}
}

// eventsAPI lists events of an hour grid by window; broken windows answer 500.
type eventsAPI struct {
	mu     sync.Mutex
	at     []time.Time
	broken string
	asked  []string
}

func (a *eventsAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from, to := q.URL.Query().Get("from"), q.URL.Query().Get("to")
	a.asked = append(a.asked, from+" "+to)
	if a.broken != "" && from == a.broken {
		w.WriteHeader(403)
		return
	}
	var b strings.Builder
	for i, at := range a.at {
		s := at.Format(time.RFC3339)
		if s < from || s >= to {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"at":%q}`, i+1, s)
	}
	answer(w, `[%s]`, b.String())
}

const eventStream = `
streams:
  s:
    request: {path: /list, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: "%s", every: 1h}}]
    records: {path: $, key: id}
    pagination: {type: none}
    incremental: {watermark: max.at, type: time, start: 2026-07-01T06:00:00Z, overlap: 30m}
`

// TestWindowsFromTheWatermark begins the next run's windows at the watermark less the overlap, whether
// `from` reads it or not, and delivers nothing twice; the watermark moves when all windows are read.
func TestWindowsFromTheWatermark(t *testing.T) {
	for _, from := range []string{"${watermark}", "2026-07-01T06:00:00Z"} {
		clock := newFakeClock() // 12:00
		api := &eventsAPI{}
		add := func(h, m int) { api.at = append(api.at, time.Date(2026, 7, 1, h, m, 0, 0, time.UTC)) }
		for h := 6; h < 12; h++ {
			add(h, 0)
			add(h, 45)
		}
		r := newRig(t, api.ServeHTTP, fmt.Sprintf(eventStream, from))
		r.job.Clock = clock
		want(t, r.run(), "complete")
		r.count("s", "id", 12)

		clock.advance(time.Hour)
		add(12, 30)
		add(11, 20) // late, inside the overlap
		api.asked = nil
		want(t, r.run(), "complete")
		r.count("s", "id", 14)
		slices.Sort(api.asked)
		if api.asked[0] != "2026-07-01T11:15:00Z 2026-07-01T12:15:00Z" || len(api.asked) > 3 {
			t.Errorf("from %s: asked %v", from, api.asked)
		}
	}
}

// TestOneBadWindow fails one window for good: the others are delivered, the watermark stays, the windows
// of later runs are read too, and when it works again nothing is missing or doubled.
func TestOneBadWindow(t *testing.T) {
	clock := newFakeClock()
	api := &eventsAPI{broken: "2026-07-01T07:00:00Z"} // the second window
	add := func(h, m int) { api.at = append(api.at, time.Date(2026, 7, 1, h, m, 0, 0, time.UTC)) }
	for h := 6; h < 16; h++ {
		add(h, 10)
	}
	r := newRig(t, api.ServeHTTP, fmt.Sprintf(eventStream, "${watermark}"))
	r.job.Clock = clock
	rep := r.run()
	want(t, rep, "failed http_403")
	if bad := rep.Streams[0].Bad; len(bad) != 1 || !strings.Contains(bad[0].Chain, "07:00:00") {
		t.Errorf("%+v", bad)
	}
	for i := range 3 {
		clock.advance(time.Hour)
		want(t, r.run(), "failed http_403")
		if got := len(r.lines("s")); got != 6+i {
			t.Errorf("after %d h: %d records, want %d", i+1, got, 6+i)
		}
	}
	api.broken = ""
	clock.advance(time.Hour)
	want(t, r.run(), "complete")
	r.count("s", "id", 10)
	api.asked = nil
	want(t, r.run(), "complete")
	r.count("s", "id", 10)
	slices.Sort(api.asked)
	if len(api.asked) != 2 || api.asked[0][:20] != "2026-07-01T14:40:00Z" {
		t.Errorf("asked %v", api.asked)
	}
}

// TestWindowsOfManyBases settles each base's watermark in linear time: a thousand bases of two windows.
func TestWindowsOfManyBases(t *testing.T) {
	var n atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n.Add(1)
		answer(w, `[{"id":%q,"at":%q}]`, q.URL.RawQuery, q.URL.Query().Get("from"))
	}, `
streams:
  s:
    request: {path: /list, query: {b: "${partition.b}", from: "${window.from}"}}
    partitions: [{window: {from: "${watermark}", to: 2026-01-03, every: 24h}}, {values: {b: "${Array.from({length: 1000}, (_, i) => i)}"}}]
    chains: {concurrency: 8}
    records: {path: $, key: id}
    pagination: {type: none}
    incremental: {watermark: max.at, type: time, start: 2026-01-01}
`)
	want(t, r.run(), "complete")
	want(t, r.run(), "complete")
	if n.Load() != 3000 || len(r.lines("s")) != 2000 {
		t.Errorf("%d requests, %d records; want 3000 and 2000", n.Load(), len(r.lines("s")))
	}
}
