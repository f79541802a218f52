package runtime_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// sessionAPI serves n records by offset inside a session that must be opened and waited for.
type sessionAPI struct {
	clock *fakeClock
	n     int
	polls int           // until a session is ready
	life  time.Duration // of a session since it was opened or used, 0 for ever
	turn  bool          // every page gives the session a new id
	state string        // what a poll says before it is ready

	mu     sync.Mutex
	open   map[string]time.Time
	opened int
	closed []string
	polled int
	lose   int // the session is lost before this page, once; from 1
	fail   int // status of this page, each time; from 1
	page   int
}

const sessionStream = `
streams:
  s:
    session:
      open: {method: POST, path: /open}
      id: body.id
      refresh: body.session
      wait: {request: {path: "/state/${session.id}"}, until: "${body.state === 'ready'}", failed: "${body.state === 'broken'}", every: 2s, timeout: 1m}
      close: {method: DELETE, path: "/close/${session.id}"}
%s
    request: {path: "/read/${session.id}"}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {value: 10}, total: body.total}
    http: {responses: [{status: 404, is: session_expired}]}
`

func (a *sessionAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Date", a.clock.Now().Format(http.TimeFormat))
	_, kind, _ := strings.Cut(q.URL.Path, "/")
	kind, id, _ := strings.Cut(kind, "/")
	switch kind {
	case "open":
		a.opened++
		id = fmt.Sprintf("s%d", a.opened)
		if a.open == nil {
			a.open = map[string]time.Time{}
		}
		a.open[id] = a.clock.Now()
		answer(w, `{"id":%q}`, id)
	case "state":
		a.polled++
		if a.polled < a.polls {
			w.Header().Set("Retry-After", "5")
			answer(w, `{"state":%q}`, orDefault(a.state, "busy"))
			return
		}
		answer(w, `{"state":"ready"}`)
	case "close":
		a.closed = append(a.closed, id)
		delete(a.open, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		a.read(w, q, id)
	}
}

func (a *sessionAPI) read(w http.ResponseWriter, q *http.Request, id string) {
	a.page++
	used, ok := a.open[id]
	if a.lose == a.page {
		delete(a.open, id)
		ok = false
	}
	if !ok || a.life > 0 && a.clock.Now().Sub(used) > a.life {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if a.fail > 0 && a.page >= a.fail {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	a.open[id] = a.clock.Now()
	if a.turn {
		delete(a.open, id)
		id = fmt.Sprintf("%s.%d", strings.Split(id, ".")[0], a.page)
		a.open[id] = a.clock.Now()
	}
	at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
	answer(w, `{"total":%d,"items":%s,"session":%q}`, a.n, items(at+1, min(a.n, at+10)), id)
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func TestSessions(t *testing.T) {
	for _, c := range []struct {
		name    string
		api     *sessionAPI
		verdict string
		opened  int
		records int
		check   func(t *testing.T, a *sessionAPI, rep *runtime.Report, took time.Duration)
	}{
		{name: "waited for, with Retry-After obeyed", api: &sessionAPI{polls: 4}, verdict: "complete", opened: 1, records: 45,
			check: func(t *testing.T, a *sessionAPI, _ *runtime.Report, took time.Duration) {
				if took < 15*time.Second || took > 16*time.Second {
					t.Errorf("the wait took %s, want three times the 5 s that the API asks for", took)
				}
			}},
		{name: "not ready in time", api: &sessionAPI{polls: 1000}, verdict: "failed session_failed", opened: 1},
		{name: "broken", api: &sessionAPI{polls: 3, state: "broken"}, verdict: "failed session_failed", opened: 1},
		{name: "an id that changes with every page", api: &sessionAPI{turn: true}, verdict: "complete", opened: 1, records: 45},
		{name: "lost", api: &sessionAPI{lose: 3}, verdict: "complete", opened: 2, records: 45,
			check: func(t *testing.T, _ *sessionAPI, rep *runtime.Report, _ time.Duration) {
				if rep.Streams[0].Events[runtime.NoticeSessionLost] != 1 || rep.Streams[0].Recoveries != 1 {
					t.Errorf("events %v", rep.Streams[0].Events)
				}
			}},
		{name: "closed after an error", api: &sessionAPI{fail: 3}, verdict: "failed http_403", opened: 1, records: 20},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := c.api
			api.clock, api.n = newFakeClock(), 45
			r := newRig(t, api.ServeHTTP, fmt.Sprintf(sessionStream, ""))
			r.job.Clock = api.clock
			began := api.clock.Now()
			rep := r.run()
			want(t, rep, c.verdict)
			if c.records > 0 {
				r.count("s", "id", c.records)
			}
			if api.opened < c.opened {
				t.Errorf("%d sessions opened, want %d", api.opened, c.opened)
			}
			if len(api.open) > 0 {
				t.Errorf("left open: %v", api.open)
			}
			if len(api.closed) == 0 {
				t.Error("close was never tried")
			}
			if c.check != nil {
				c.check(t, api, rep, api.clock.Now().Sub(began))
			}
		})
	}
}

// A session is opened anew when it is older than its ttl: nothing is sent that the API would refuse, and
// the old one, which the API may still hold, is closed.
func TestSessionTTL(t *testing.T) {
	api := &sessionAPI{clock: newFakeClock(), n: 45, life: 10 * time.Minute}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		api.ServeHTTP(w, q)
		if strings.HasPrefix(q.URL.Path, "/read/") {
			api.clock.advance(4 * time.Minute)
		}
	}, strings.Replace(fmt.Sprintf(sessionStream, "      ttl: 9m"), "      refresh: body.session\n", "", 1))
	r.job.Clock = api.clock
	rep := r.run()
	want(t, rep, "complete")
	r.count("s", "id", 45)
	if api.opened != 2 || rep.Streams[0].Events[runtime.NoticeSessionLost] != 0 {
		t.Errorf("%d sessions opened, events %v", api.opened, rep.Streams[0].Events)
	}
	if got := strings.Join(api.closed, " "); got != "s1 s2" {
		t.Errorf("closed: %s", got)
	}
}

// Chains that share a session replace it when it is older than its ttl; each is closed, the old ones when
// no chain can be reading in them.
func TestSharedSessionTTL(t *testing.T) {
	clock, jobs := newFakeClock(), 0
	var closed []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Date", clock.Now().Format(http.TimeFormat))
		parts := strings.Split(q.URL.Path, "/")
		switch q.Method {
		case http.MethodPost:
			jobs++
			answer(w, `{"job":"j%d","chunks":[1,2,3,4,5]}`, jobs)
		case http.MethodDelete:
			closed = append(closed, parts[2])
		default:
			clock.advance(4 * time.Minute)
			n, _ := strconv.Atoi(parts[3])
			answer(w, `%s`, items(n*10-9, n*10))
		}
	}, `
streams:
  s:
    session: {open: {method: POST, path: /jobs}, id: body.job, close: {method: DELETE, path: "/jobs/${session.id}"}, ttl: 7m}
    request: {path: "/jobs/${session.id}/${partition.chunk}"}
    partitions: [{session: body.chunks, as: chunk}]
    chains: {concurrency: 1}
    records: {path: $, key: id}
`)
	r.job.Clock = clock
	want(t, r.run(), "complete")
	r.count("s", "id", 50)
	if got := strings.Join(closed, " "); jobs != 3 || got != "j1 j2 j3" {
		t.Errorf("%d jobs, closed: %s", jobs, got)
	}
}

// The chunks of an export job are chains; a job that is lost is submitted again, and what was delivered
// stays.
func TestExportJobIsLost(t *testing.T) {
	clock := newFakeClock()
	for _, c := range []struct {
		name    string
		shift   int // the second job lists so many chunks more
		verdict string
	}{{"the same chunks", 0, "complete"}, {"other chunks", 1, "incomplete session_expired"}} {
		t.Run(c.name, func(t *testing.T) {
			jobs, closed := 0, 0
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				parts := strings.Split(q.URL.Path, "/")
				switch {
				case q.Method == http.MethodPost:
					jobs++
					answer(w, `{"job":%d}`, jobs)
				case q.Method == http.MethodDelete:
					closed++
				case parts[3] == "state":
					list := []string{"1", "2", "3", "4"}
					if jobs > 1 && c.shift > 0 {
						list = append(list, "5")
					}
					answer(w, `{"state":"FINISHED","chunks":[%s]}`, strings.Join(list, ","))
				case parts[2] == "1" && parts[3] == "3":
					w.WriteHeader(http.StatusNotFound)
				default:
					n, _ := strconv.Atoi(parts[3])
					answer(w, `%s`, items(n*10-9, n*10))
				}
			}, `
streams:
  s:
    session:
      open: {method: POST, path: /jobs}
      id: body.job
      wait: {request: {path: "/jobs/${session.id}/state"}, until: "${body.state === 'FINISHED'}", every: 1s, timeout: 1m}
      close: {method: DELETE, path: "/jobs/${session.id}"}
    request: {path: "/jobs/${session.id}/${partition.chunk}"}
    partitions: [{session: body.chunks, as: chunk}]
    chains: {concurrency: 1}
    records: {path: $, key: id}
    pagination: {type: none}
    http: {responses: [{status: 404, is: session_expired}]}
`)
			r.job.Clock = clock
			rep := r.run()
			want(t, rep, c.verdict)
			if c.shift == 0 {
				r.count("s", "id", 40)
			}
			if jobs < 2 || closed == 0 {
				t.Errorf("%d jobs, %d closed", jobs, closed)
			}
		})
	}
}
