package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
)

// sent counts the requests whose URI contains part.
func (r *rig) sent(part string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, uri := range r.asked {
		if strings.Contains(uri, part) {
			n++
		}
	}
	return n
}

// hookFile writes the connector's hook.js when it has one.
func (r *rig) hookFile(text string, has bool) {
	r.t.Helper()
	if !has {
		return
	}
	if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// after is the first request after the n-th.
func (r *rig) after(n int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n >= len(r.asked) {
		return ""
	}
	return r.asked[n]
}

func TestLadderIsBounded(t *testing.T) {
	// From page 3 on there is no token, and the fallbacks bring the records of page 1 again and again.
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		v := q.URL.Query()
		if v.Get("offset") != "" || v.Get("after") != "" {
			answer(w, `{"total":95,"items":%s}`, items(1, 10))
			return
		}
		cursorAPI(95, 10, func(p int) bool { return p == 2 })(w, q)
	}, fmt.Sprintf(cursorStream, `, max_recoveries: 4, fallback: [{type: offset, send: query.offset}, {type: search_after, next: last.id, send: query.after}]`))
	rep := r.run()
	if rep.Verdict != runtime.Incomplete {
		t.Fatalf("%s: %s", rep.Verdict, rep.Message)
	}
	if n := r.requests(); n > 3+2*4 || rep.Streams[0].Recoveries != 4 {
		t.Errorf("%d requests and %d recoveries, want 3 pages and 4 recoveries of at most two", n, rep.Streams[0].Recoveries)
	}
	r.count("s", "id", 30)
}

func TestNoRecoveriesAllowed(t *testing.T) {
	r := newRig(t, cursorAPI(95, 10, func(p int) bool { return p == 2 }),
		fmt.Sprintf(cursorStream, `, max_recoveries: 0, fallback: {type: offset, send: query.offset}`))
	rep := r.run()
	want(t, rep, "incomplete next_token_missing")
	if r.requests() != 3 || rep.Streams[0].Recoveries != 0 {
		t.Errorf("%d requests, %d recoveries", r.requests(), rep.Streams[0].Recoveries)
	}
}

func TestDetailsThatAreMissingProveNothing(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			var ids []int
			decode(q, &ids)
			answer(w, `{"items":%s}`, items(ids[0], ids[len(ids)-1]-1))
			return
		}
		answer(w, `{"total":10,"ids":[1,2,3,4,5,6,7,8,9,10]}`)
	}, `
streams:
  s:
    request: {path: /ids}
    records: {path: ids}
    details: {request: {method: POST, path: /things, body: "${ids}"}, batch: 5, records: {path: items, key: id}}
    pagination: {type: none, total: body.total}
`)
	rep := r.run()
	want(t, rep, "complete")
	if rep.Attested != engine.Assumed || rep.Streams[0].Events[runtime.NoticeDetailsMissing] != 2 {
		t.Errorf("%s, events %v: %s", rep.Attested, rep.Streams[0].Events, rep.Message)
	}
}

func TestKillInTheMiddleOfARecovery(t *testing.T) {
	api := cursorAPI(95, 10, func(p int) bool { return p >= 2 })
	ctx, kill := context.WithCancel(t.Context())
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Query().Get("offset") == "40" && ctx.Err() == nil {
			kill() // three pages, one by offset, and the next one never arrives
			panic(http.ErrAbortHandler)
		}
		api(w, q)
	}, fmt.Sprintf(cursorStream, `, fallback: [{type: offset, send: query.offset}]`))
	want(t, r.runIn(ctx), "interrupted interrupted")
	r.count("s", "id", 40)
	n := r.requests()
	want(t, r.run(), "complete")
	r.count("s", "id", 95)
	if got := r.after(n); !strings.Contains(got, "offset=40") {
		t.Errorf("the run after the kill asked for %s first, want the recovery at offset 40 to go on", got)
	}
}

// ttlAPI refuses tokens that are older than two minutes; the request for page 4 is told to come back in
// five.
func ttlAPI(clock *fakeClock, throttled bool) http.HandlerFunc {
	born := map[string]time.Time{}
	told := false
	return func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Date", clock.Now().Format(http.TimeFormat))
		tok := q.URL.Query().Get("cursor")
		if tok == "30" && throttled && !told {
			told = true
			w.Header().Set("Retry-After", "300")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if at, ok := born[tok]; ok && clock.Now().Sub(at) > 2*time.Minute {
			w.WriteHeader(http.StatusGone)
			return
		}
		at, _ := strconv.Atoi(tok)
		born[strconv.Itoa(at+10)] = clock.Now()
		cursorAPI(95, 10, nil)(w, q)
	}
}

func TestTokenIsNotSentBeyondItsLife(t *testing.T) {
	streams := map[string]string{
		"cursor": fmt.Sprintf(cursorStream, `, token: {ttl: 100s}, fallback: {type: offset, send: query.offset}`),
		"hook":   strings.Replace(fmt.Sprintf(cursorStream, `, token: {ttl: 100s}, fallback: {type: offset, send: query.offset}`), "type: cursor, next: body.next", "type: hook", 1),
	}
	for name, stream := range streams {
		for _, how := range []string{"backoff", "restart"} {
			t.Run(name+" "+how, func(t *testing.T) {
				clock := newFakeClock()
				r := newRig(t, ttlAPI(clock, how == "backoff"), stream)
				r.hookFile(`function next(page) { return page.body.next ? {token: page.body.next} : {end: "no token"} }`, name == "hook")
				r.job.Clock = clock
				if how == "restart" {
					want(t, r.run(func(j *runtime.Job) { j.MaxPages = 3 }), "truncated limit")
					clock.advance(time.Hour)
				}
				rep := r.run()
				want(t, rep, "complete")
				r.count("s", "id", 95)
				wantSent := map[string]int{"backoff": 1, "restart": 0}[how]
				if n := r.sent("cursor=30"); n != wantSent {
					t.Errorf("the token of page 4 was sent %d times, want %d", n, wantSent)
				}
				if rep.Streams[0].Events[engine.EventTokenExpired] != 1 || rep.Streams[0].Recoveries != 1 {
					t.Errorf("events %v, %d recoveries", rep.Streams[0].Events, rep.Streams[0].Recoveries)
				}
				if n := r.sent("offset=30"); n != 1 {
					t.Errorf("%d requests by offset 30, want one", n)
				}
			})
		}
	}
}

func TestOneUseTokenIsNotSentTwice(t *testing.T) {
	for _, c := range []struct {
		name, fallback, verdict string
	}{
		{"with a fallback", `, fallback: {type: offset, send: query.offset}`, "complete"},
		{"without", "", "incomplete token_spent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := cursorAPI(45, 10, nil)
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Query().Get("cursor") == "20" {
					panic(http.ErrAbortHandler) // after the request was written: nobody knows whether it counted
				}
				api(w, q)
			}, fmt.Sprintf(cursorStream, `, token: {one_use: true}`+c.fallback))
			want(t, r.run(), c.verdict)
			if n := r.sent("cursor=20"); n != 1 {
				t.Errorf("the one-use token was sent %d times", n)
			}
		})
	}
}

func TestSpotlight(t *testing.T) {
	api := demo.New(demo.Options{Records: 60})
	if err := api.World("").Set(demo.Settings{Params: "fault=expire:200@3"}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, api.ServeHTTP, `
streams:
  s:
    request: {path: /spotlight/combined/vulnerabilities/v1, query: {limit: 10, sort: updated|asc}}
    records: {path: resources, key: id}
    pagination:
      type: cursor
      next: body.meta.pagination.after
      send: query.after
      total: body.meta.pagination.total
      token: {ttl: 120s}
      fallback: [{type: timestamp, next: last.updated, send: query.since}, {type: restart}]
    http:
      responses:
        - {status: 200, when: "${body.errors?.some(e => e.code === 404)}", is: token_expired}
`)
	rep := r.run()
	want(t, rep, "complete")
	if rep.Attested != engine.Proved || rep.Streams[0].Events[engine.EventTokenExpired] != 1 || rep.Streams[0].Events[engine.EventRecovered] != 1 {
		t.Errorf("%s, events %v", rep.Attested, rep.Streams[0].Events)
	}
	if got := len(slices.Compact(slices.Sorted(slices.Values(r.ids("s", "id"))))); got != 60 || len(r.ids("s", "id")) != 60 {
		t.Errorf("%d ids, %d records, want 60", got, len(r.ids("s", "id")))
	}
}

// A server that goes round under ever new tokens is found without a token that repeats.
func TestRoundUnderFreshTokens(t *testing.T) {
	var serial atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		at, _ := strconv.Atoi(strings.Split(q.URL.Query().Get("cursor"), "-")[0])
		next := at + 10
		if next >= 60 {
			next = 20
		}
		answer(w, `{"items":%s,"next":"%d-%d"}`, items(at+1, at+10), next, serial.Add(1))
	}, strings.Replace(fmt.Sprintf(cursorStream, ""), ", total: body.total", "", 1))
	want(t, r.run(), "incomplete stalled")
	r.count("s", "id", 60)
	if n := r.requests(); n > 40 {
		t.Errorf("%d requests", n)
	}
}

func TestPoisonCheckpoint(t *testing.T) {
	r := newRig(t, cursorAPI(95, 10, func(p int) bool { return p == 4 }), fmt.Sprintf(cursorStream, ""))
	for run := range 5 {
		rep := r.run()
		want(t, rep, "incomplete next_token_missing")
		said := rep.Streams[0].Events[runtime.NoticePoisoned]
		if (run >= 3) != (said > 0) {
			t.Errorf("run %d: poison_checkpoint %d times", run+1, said)
		}
	}
	r.count("s", "id", 50)
}

func TestKeptOnACleanEndOnly(t *testing.T) {
	size := 30
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		at, _ := strconv.Atoi(q.URL.Query().Get("at"))
		end := min(size, at+10)
		link := "delta"
		if end < size {
			link = "next"
		}
		answer(w, `{"value":%s,%q:"/list?at=%d"}`, items(at+1, end), link, end)
	}, `
streams:
  s:
    request: {path: /list}
    records: {path: value, key: id}
    pagination: {type: link, next: body.next, keep: body.delta}
`)
	want(t, r.run(func(j *runtime.Job) { j.MaxPages = 2 }), "truncated limit")
	n := r.requests()
	want(t, r.run(), "complete")
	if got := r.after(n); !strings.Contains(got, "at=20") {
		t.Errorf("the second run began with %s, want the checkpoint", got)
	}
	size, n = 45, r.requests()
	want(t, r.run(), "complete")
	if got := r.after(n); !strings.Contains(got, "at=30") {
		t.Errorf("the third run began with %s, want the kept position", got)
	}
	r.count("s", "id", 45)
}

func TestProbe(t *testing.T) {
	stream := strings.Replace(fmt.Sprintf(cursorStream, ", on_end: {unconfirmed: probe}"), ", total: body.total", "", 1)
	r := newRig(t, cursorAPI(30, 10, nil), stream)
	rep := r.run()
	want(t, rep, "complete")
	if rep.Attested != engine.Confirmed || r.requests() != 4 {
		t.Errorf("%s after %d requests, want confirmed after 4", rep.Attested, r.requests())
	}
	r.count("s", "id", 30)
	var asked atomic.Int64
	r = newRig(t, cursorAPI(95, 10, func(p int) bool { return p == 4 && asked.Add(1) == 1 }), stream) // a token that is missing once
	want(t, r.run(), "complete")
	r.count("s", "id", 95)
}

func TestParkedGoesOnWhereItWas(t *testing.T) {
	clock := newFakeClock()
	ready := clock.Now().Add(2 * time.Hour)
	api := cursorAPI(45, 10, nil)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Date", clock.Now().Format(http.TimeFormat))
		if wait := ready.Sub(clock.Now()); q.URL.Query().Get("cursor") == "20" && wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		api(w, q)
	}, fmt.Sprintf(cursorStream, ""))
	r.job.Clock = clock
	rep := r.run()
	want(t, rep, "parked parked")
	if rep.Until != ready.Format(time.RFC3339) {
		t.Errorf("until %s, want %s", rep.Until, ready.Format(time.RFC3339))
	}
	r.count("s", "id", 20)
	clock.advance(2 * time.Hour)
	n := r.requests()
	want(t, r.run(), "complete")
	if got := r.after(n); !strings.Contains(got, "cursor=20") {
		t.Errorf("went on with %s", got)
	}
	r.count("s", "id", 45)
}

func TestClockSkew(t *testing.T) {
	clock := newFakeClock()
	for skew, wanted := range map[time.Duration]int64{3 * time.Second: 0, 90 * time.Second: 1, -90 * time.Second: 1} {
		api := cursorAPI(25, 10, nil)
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Date", clock.Now().Add(skew).Format(http.TimeFormat))
			api(w, q)
		}, fmt.Sprintf(cursorStream, ""))
		r.job.Clock = clock
		rep := r.run()
		want(t, rep, "complete")
		if got := rep.Streams[0].Events[runtime.NoticeClockSkew]; got != wanted {
			t.Errorf("skew %s: %d events, want %d", skew, got, wanted)
		}
	}
}

// The report counts events under the names that docs/events.md explains.
func TestEventsAreCounted(t *testing.T) {
	api := demo.New(demo.Options{Records: 60})
	for fault, events := range map[string]map[string]int64{
		"lost@3":                  {engine.EventNextTokenMissing: 1, engine.EventRecovered: 1, engine.EventTokenAbsentAtEnd: 1},
		"empty@3":                 {engine.EventEmptyPage: 1, engine.EventTokenAbsentAtEnd: 1},
		"same@3":                  {engine.EventPageRepeated: 1, engine.EventRecovered: 1, engine.EventTokenAbsentAtEnd: 1},
		"cycle@3":                 {engine.EventTokenRepeated: 1, engine.EventRecovered: 1, engine.EventTokenAbsentAtEnd: 1},
		"more:lie@3":              {engine.EventFlagDisagrees: 1, engine.EventTokenAbsentAtEnd: 1},
		"total:low@3,total:low@4": {engine.EventTotalChanged: 2, engine.EventTokenAbsentAtEnd: 1},
		"expire:410@3":            {engine.EventTokenExpired: 1, engine.EventRecovered: 1, engine.EventTokenAbsentAtEnd: 1},
	} {
		if err := api.World("").Set(demo.Settings{Params: "fault=" + fault}); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, api.ServeHTTP, `
streams:
  s:
    request: {path: /cursor, query: {limit: 10}}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next_cursor, send: query.cursor, total: body.total, more: body.has_more, fallback: [{type: offset, send: query.offset}, {type: restart}]}
    http: {responses: [{status: 410, is: token_expired}]}
`)
		rep := r.run()
		want(t, rep, "complete")
		b, _ := json.Marshal(rep.Streams[0].Events)
		wanted, _ := json.Marshal(events)
		if string(b) != string(wanted) {
			t.Errorf("%s: events %s, want %s", fault, b, wanted)
		}
	}
}
