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
)

// cursorAPI serves n records by a cursor, size a page; lost says on which page the token is missing.
func cursorAPI(n, size int, lost func(page int) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		at, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
		if o := r.URL.Query().Get("offset"); o != "" {
			at, _ = strconv.Atoi(o)
		}
		end := min(n, at+size)
		next := "null"
		if end < n && (lost == nil || !lost(at/size)) {
			next = fmt.Sprintf(`"%d"`, end)
		}
		answer(w, `{"total":%d,"items":%s,"next":%s}`, n, items(at+1, end), next)
	}
}

const cursorStream = `
streams:
  s:
    request: {path: /list}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor, total: body.total%s}
`

func TestWalkIsProved(t *testing.T) {
	r := newRig(t, cursorAPI(95, 10, nil), fmt.Sprintf(cursorStream, ""))
	rep := r.run()
	want(t, rep, "complete")
	if rep.Attested != engine.Proved || rep.Streams[0].Records != 95 || rep.Streams[0].Pages != 10 {
		t.Fatalf("%+v", rep.Streams[0])
	}
	r.count("s", "id", 95)
}

func TestResumeAfterLimit(t *testing.T) {
	for _, limit := range []struct {
		name string
		set  func(*runtime.Job)
	}{
		{"pages", func(j *runtime.Job) { j.MaxPages = 2 }},
		{"records", func(j *runtime.Job) { j.MaxRecords = 7 }},
	} {
		t.Run(limit.name, func(t *testing.T) {
			r := newRig(t, cursorAPI(45, 10, nil), fmt.Sprintf(cursorStream, ""))
			for range 20 {
				rep := r.run(limit.set)
				if rep.Verdict == runtime.Complete {
					r.count("s", "id", 45)
					return
				}
				want(t, rep, "truncated limit")
			}
			t.Fatal("20 runs were not enough")
		})
	}
}

func TestLimitOfRecordsIsExact(t *testing.T) {
	r := newRig(t, cursorAPI(45, 10, nil), fmt.Sprintf(cursorStream, ""))
	want(t, r.run(func(j *runtime.Job) { j.MaxRecords = 13 }), "truncated limit")
	if got := len(r.ids("s", "id")); got != 13 {
		t.Fatalf("%d records, want 13", got)
	}
	want(t, r.run(), "complete")
	r.count("s", "id", 45)
	r2 := newRig(t, cursorAPI(20, 10, nil), fmt.Sprintf(cursorStream, ""))
	want(t, r2.run(func(j *runtime.Job) { j.MaxRecords = 20 }), "complete")
}

func TestLostTokenIsNeverSilent(t *testing.T) {
	r := newRig(t, cursorAPI(95, 10, func(p int) bool { return p == 4 }), fmt.Sprintf(cursorStream, ""))
	rep := r.run()
	want(t, rep, "incomplete next_token_missing")
	r.count("s", "id", 50)
	if !strings.Contains(rep.Message, "the next token was missing on page 5 although the API says 95 records; 50 records delivered") {
		t.Error(rep.Message)
	}
	rep = r.run() // the same page once more: still no token, nothing delivered twice
	want(t, rep, "incomplete next_token_missing")
	r.count("s", "id", 50)
}

func TestLostTokenOnceGoesOnNextRun(t *testing.T) {
	var asked atomic.Int64
	r := newRig(t, cursorAPI(95, 10, func(p int) bool { return p == 4 && asked.Add(1) == 1 }), fmt.Sprintf(cursorStream, ""))
	want(t, r.run(), "incomplete next_token_missing")
	want(t, r.run(), "complete")
	r.count("s", "id", 95)
}

func TestFallbacks(t *testing.T) {
	for name, fallback := range map[string]string{
		"offset":  `, fallback: {type: offset, send: query.offset}`,
		"restart": `, fallback: {type: restart}`,
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			r := newRig(t, cursorAPI(95, 10, func(p int) bool { return p == 4 && asked.Add(1) == 1 }), fmt.Sprintf(cursorStream, fallback))
			rep := r.run()
			want(t, rep, "complete")
			if rep.Attested != engine.Proved || rep.Streams[0].Recoveries != 1 {
				t.Errorf("%+v", rep.Streams[0])
			}
			r.count("s", "id", 95)
		})
	}
}

func TestFreshBeginsAnew(t *testing.T) {
	r := newRig(t, cursorAPI(30, 10, nil), fmt.Sprintf(cursorStream, ""))
	want(t, r.run(), "complete")
	want(t, r.run(func(j *runtime.Job) { j.Fresh = true }), "complete")
	r.count("s", "id", 30)
	want(t, r.run(), "complete") // neither watermark nor kept position: walked again, appended
	if got := len(r.ids("s", "id")); got != 60 {
		t.Errorf("%d records, want 60", got)
	}
}

func TestStopFinishesThePage(t *testing.T) {
	stop := make(chan struct{})
	var once sync.Once
	api := cursorAPI(95, 10, nil)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("cursor") == "40" {
			once.Do(func() { close(stop) })
		}
		api(w, q)
	}, fmt.Sprintf(cursorStream, ""))
	want(t, r.run(func(j *runtime.Job) { j.Stop = stop }), "interrupted interrupted")
	r.count("s", "id", 50)
	want(t, r.run(), "complete")
	r.count("s", "id", 95)
}

func TestParkedBeyondMaxWait(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(429)
	}, fmt.Sprintf(cursorStream, ""))
	rep := r.run()
	want(t, rep, "parked parked")
	until, err := time.Parse(time.RFC3339, rep.Until)
	if err != nil || time.Until(until) < 50*time.Minute {
		t.Errorf("until %q", rep.Until)
	}
}

func TestKeptPositionStartsTheNextRun(t *testing.T) {
	n := 25
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		at, _ := strconv.Atoi(q.URL.Query().Get("after"))
		end := min(n, at+10)
		w.Header().Set("Link", fmt.Sprintf(`</list?after=%d>; rel="next"`, end))
		answer(w, `%s`, items(at+1, end))
	}, `
streams:
  s:
    request: {path: /list}
    records: {path: $, key: id}
    pagination: {type: link, decides: page, repeat: end, keep: token}
`)
	want(t, r.run(), "complete")
	r.count("s", "id", 25)
	n = 42
	want(t, r.run(), "complete")
	r.count("s", "id", 42)
}

func TestFailingChainDoesNotStopOthers(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		kind := q.URL.Query().Get("kind")
		if kind == "b" && broken.Load() {
			w.WriteHeader(403)
			return
		}
		at, _ := strconv.Atoi(q.URL.Query().Get("cursor"))
		base := map[string]int{"a": 0, "b": 20, "c": 40}[kind]
		next := "null"
		if at+10 < 20 {
			next = strconv.Itoa(at + 10)
		}
		answer(w, `{"items":%s,"next":%s}`, items(base+at+1, base+at+10), next)
	}, `
streams:
  s:
    request: {path: /list, query: {kind: "${partition.kind}"}}
    partitions: [{values: {kind: [a, b, c]}}]
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor}
`)
	rep := r.run()
	want(t, rep, "failed http_403")
	if got := len(r.ids("s", "id")); got != 40 {
		t.Errorf("%d records, want the 40 of the other chains", got)
	}
	if len(rep.Streams[0].Bad) != 1 || !strings.Contains(rep.Streams[0].Bad[0].Chain, `"b"`) {
		t.Errorf("%+v", rep.Streams[0].Bad)
	}
	broken.Store(false)
	want(t, r.run(), "complete")
	r.count("s", "id", 60)
}

// updatesAPI lists records in order of their update time, from a time on (inclusive).
type updatesAPI struct {
	mu   sync.Mutex
	recs []update
	size int
	desc bool
}

type update struct{ id, at int }

func (a *updatesAPI) put(id, at int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recs = slices.DeleteFunc(a.recs, func(u update) bool { return u.id == id })
	a.recs = append(a.recs, update{id, at})
	slices.SortStableFunc(a.recs, func(x, y update) int {
		if a.desc {
			return y.at - x.at
		}
		return x.at - y.at
	})
}

func stampOf(at int) string {
	return time.Date(2026, 1, 1, 0, 0, at, 0, time.UTC).Format(time.RFC3339)
}

func (a *updatesAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []update
	since := q.URL.Query().Get("since")
	for _, u := range a.recs {
		if a.desc || since == "" || stampOf(u.at) >= since {
			list = append(list, u)
		}
	}
	at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
	var b strings.Builder
	for i := at; i < min(len(list), at+a.size); i++ {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d,"at":"%s"}`, list[i].id, stampOf(list[i].at))
	}
	answer(w, `{"total":%d,"items":[%s]}`, len(list), b.String())
}

func TestIncrementalAscending(t *testing.T) {
	api := &updatesAPI{size: 3}
	for i := 1; i <= 10; i++ {
		api.put(i, i*10)
	}
	api.put(11, 100) // shares the boundary
	r := newRig(t, api.ServeHTTP, `
streams:
  s:
    request: {path: /list, query: {since: "${watermark}"}}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}, total: body.total}
    incremental: {watermark: max.at, type: time, order: asc, overlap: 20s}
`)
	want(t, r.run(), "complete")
	r.count("s", "id", 11)
	want(t, r.run(), "complete") // nothing new: the overlap is not delivered again
	r.count("s", "id", 11)
	api.put(12, 100) // late, at the boundary
	api.put(13, 95)  // late, inside the overlap
	api.put(14, 200)
	api.put(5, 210) // updated since
	rep := r.run()
	want(t, rep, "complete")
	ids := r.ids("s", "id")[11:]
	slices.Sort(ids)
	if strings.Join(ids, " ") != "12 13 14 5" {
		t.Errorf("the third run delivered %v, want 12, 13, 14 and the update of 5", ids)
	}
}

func TestIncrementalNewestFirst(t *testing.T) {
	api := &updatesAPI{size: 3, desc: true}
	for i := 1; i <= 10; i++ {
		api.put(i, i*10)
	}
	r := newRig(t, api.ServeHTTP, `
streams:
  s:
    request: {path: /list}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}}
    incremental: {watermark: max.at, type: time, order: desc, stop_at_watermark: true}
`)
	want(t, r.run(func(j *runtime.Job) { j.MaxPages = 2 }), "truncated limit")
	want(t, r.run(), "complete")
	r.count("s", "id", 10)
	for i := 11; i <= 14; i++ {
		api.put(i, i*10)
	}
	before := r.requests()
	want(t, r.run(), "complete")
	r.count("s", "id", 14)
	if n := r.requests() - before; n != 2 {
		t.Errorf("%d requests for 4 new records of 14, want 2", n)
	}
}

func TestOrderViolationHoldsTheWatermark(t *testing.T) {
	api := &updatesAPI{size: 3}
	for i := 1; i <= 9; i++ {
		api.put(i, i*10)
	}
	api.recs[4], api.recs[1] = api.recs[1], api.recs[4]
	r := newRig(t, api.ServeHTTP, `
streams:
  s:
    request: {path: /list, query: {since: "${watermark}"}}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}, total: body.total}
    incremental: {watermark: max.at, type: time, order: asc}
`)
	want(t, r.run(), "complete")
	r.count("s", "id", 9)
	if r.noticed(runtime.NoticeOrderViolated) == 0 {
		t.Error("the order was violated and nobody said so")
	}
}

// TestAlerts is the shape of CrowdStrike's alerts: a list of ids with a cap on the offset, details by
// POST, incremental by the time of the last update.
func TestAlerts(t *testing.T) {
	api := &updatesAPI{size: 100}
	for i := 1; i <= 1200; i++ {
		api.put(i, i)
	}
	const limit = 500
	var details atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			details.Add(1)
			var ids []string
			decode(q, &ids)
			var b strings.Builder
			for _, id := range slices.Backward(ids) { // not in the order of the ids
				api.mu.Lock()
				for _, u := range api.recs {
					if strconv.Itoa(u.id) == id {
						if b.Len() > 0 {
							b.WriteByte(',')
						}
						fmt.Fprintf(&b, `{"id":"%d","at":"%s"}`, u.id, stampOf(u.at))
					}
				}
				api.mu.Unlock()
			}
			answer(w, `{"resources":[%s]}`, b.String())
			return
		}
		at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
		n, _ := strconv.Atoi(q.URL.Query().Get("limit"))
		if at+n > limit {
			w.WriteHeader(400)
			return
		}
		api.mu.Lock()
		defer api.mu.Unlock()
		since := q.URL.Query().Get("since")
		var list []string
		for _, u := range api.recs {
			if since == "" || stampOf(u.at) >= since {
				list = append(list, fmt.Sprintf(`"%d"`, u.id))
			}
		}
		answer(w, `{"resources":[%s],"total":%d}`, strings.Join(list[min(at, len(list)):min(len(list), at+n)], ","), len(list))
	}, `
streams:
  alerts:
    request: {path: /queries, query: {since: "${watermark}"}}
    records: {path: resources}
    details:
      request: {method: POST, path: /entities, body: "${ids}"}
      batch: 40
      records: {path: resources, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 100}, total: body.total, cap: 500}
    incremental: {watermark: max.at, type: time, order: asc}
`)
	delivered := 0
	for run := 1; ; run++ {
		rep := r.run()
		delivered += int(rep.Streams[0].Records)
		if rep.Verdict == runtime.Complete {
			break
		}
		want(t, rep, "truncated cap")
		if run == 1 {
			api.put(3, 2000)   // updated after it was read
			api.put(900, 2001) // updated before it was read
		}
		if run > 5 {
			t.Fatal("the walk does not end")
		}
	}
	seen := map[string]int{}
	for _, id := range r.ids("alerts", "id") {
		seen[id]++
	}
	for i := 1; i <= 1200; i++ {
		wanted := 1
		if i == 3 {
			wanted = 2
		}
		if seen[strconv.Itoa(i)] != wanted {
			t.Fatalf("alert %d was delivered %d times, want %d", i, seen[strconv.Itoa(i)], wanted)
		}
	}
}

// TestLinksFollowTheBase: an API that moves to another address is gone on with, mid-walk and at a kept
// link.
func TestLinksFollowTheBase(t *testing.T) {
	var base string
	n := 25
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		at, _ := strconv.Atoi(q.URL.Query().Get("after"))
		end := min(n, at+10)
		answer(w, `{"items":%s,"next":"%s/list?after=%d"}`, items(at+1, end), base, end)
	}, `
streams:
  s:
    request: {path: /list}
    records: {path: items, key: id}
    pagination: {type: link, next: body.next, decides: page, repeat: end, keep: token}
`)
	base = r.server.URL
	want(t, r.run(func(j *runtime.Job) { j.MaxPages = 1 }), "truncated limit")
	r.count("s", "id", 10)
	base = strings.Replace(r.server.URL, "127.0.0.1", "localhost", 1)
	move := func(j *runtime.Job) { j.Set["base_url"] = base }
	want(t, r.run(move), "complete")
	r.count("s", "id", 25)
	base, n = r.server.URL, 33
	want(t, r.run(), "complete")
	r.count("s", "id", 33)
}
