package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// jobsAPI serves four parts of two pages in a job that is opened and waited for.
type jobsAPI struct {
	mu     sync.Mutex
	opened int
	closed []string
	alive  map[string]bool
	ready  bool
	busy   func(w http.ResponseWriter, path string) bool // answers in place of the API
	parts  map[string]string                             // of jobs that list others than 1 to 4 in order
}

func (a *jobsAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	path := strings.Split(strings.TrimPrefix(q.URL.Path, "/"), "/")
	switch {
	case q.Method == http.MethodPost:
		a.opened++
		id := fmt.Sprint("j", a.opened)
		a.alive[id] = true
		answer(w, `{"job":%q}`, id)
	case q.Method == http.MethodDelete:
		a.closed = append(a.closed, path[0])
		delete(a.alive, path[0])
	case a.busy != nil && a.busy(w, q.URL.RequestURI()):
	case !a.alive[path[0]]:
		w.WriteHeader(http.StatusNotFound)
	case path[1] == "state":
		answer(w, `{"ready":%t,"parts":%s}`, a.ready, orDefault(a.parts[path[0]], "[1,2,3,4]"))
	default:
		var n int
		fmt.Sscan(path[1], &n)
		if q.URL.Query().Get("at") == "" {
			answer(w, `{"items":%s,"next":"x"}`, items(n*10-9, n*10-5))
			return
		}
		answer(w, `{"items":%s}`, items(n*10-4, n*10))
	}
}

const jobsStream = `
streams:
  s:
    session:
      open: {method: POST, path: /open}
      id: body.job
      wait: {request: {path: "/${session.id}/state"}, until: "${body.ready}", every: 20ms, timeout: 10m}
      close: {method: DELETE, path: "/${session.id}"}
    partitions: [%s]
    chains: {concurrency: %d}
    request: {path: "/${session.id}/${partition.part}"}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.at}
    http: {responses: [%s]}
`

// TestParkedSession: a run that parks, or whose time is up, leaves a session open that is not ready yet, or
// whose parts make the chains, and the next one goes on in it, or in a new one when it is gone by then.
// Every other session is closed, also while the API is to be left alone.
func TestParkedSession(t *testing.T) {
	leave := func(status int) func(w http.ResponseWriter, path string) bool {
		return func(w http.ResponseWriter, path string) bool {
			if strings.HasSuffix(path, "/3?at=x") || strings.HasSuffix(path, "/state") && status == 0 {
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(max(status, 503))
				return true
			}
			return false
		}
	}
	const shared, own = "{session: body.parts, as: part}", "{values: {part: [1, 2, 3, 4]}}"
	for _, of := range []string{shared, own} {
		for _, c := range []struct {
			name    string
			busy    func(w http.ResponseWriter, path string) bool
			set     func(*runtime.Job)
			unready bool
			gone    bool
			verdict string
		}{
			{name: "429", busy: leave(429), verdict: "parked parked"},
			{name: "503", busy: leave(503), verdict: "parked parked"},
			{name: "gone by then", busy: leave(503), gone: true, verdict: "parked parked"},
			{name: "while it is waited for", busy: leave(0), verdict: "parked parked"},
			{name: "gone while it was waited for", busy: leave(0), gone: true, verdict: "parked parked"},
			{name: "not ready within the time limit", unready: true, set: func(j *runtime.Job) { j.TimeLimit = 100 * time.Millisecond }, verdict: "parked parked"},
			{name: "the time is up", busy: func(w http.ResponseWriter, path string) bool {
				if strings.Contains(path, "/3") {
					time.Sleep(400 * time.Millisecond)
				}
				return false
			}, set: func(j *runtime.Job) { j.TimeLimit = 500 * time.Millisecond }, verdict: "truncated limit"},
		} {
			t.Run(of+c.name, func(t *testing.T) {
				a := &jobsAPI{alive: map[string]bool{}, busy: c.busy, ready: !c.unready}
				r := newRig(t, a.ServeHTTP, fmt.Sprintf(jobsStream, of, 1, ""))
				change := []func(*runtime.Job){}
				if c.set != nil {
					change = append(change, c.set)
				}
				want(t, r.run(change...), c.verdict)
				waiting := strings.Contains(c.name, "waited") || strings.HasPrefix(c.name, "not ready")
				if kept := of == shared || waiting; kept != (len(a.alive) > 0) {
					t.Errorf("left open: %v, closed: %v", a.alive, a.closed)
				}
				before := a.opened
				a.busy, a.ready = nil, true
				if c.gone {
					a.alive = map[string]bool{}
				}
				want(t, r.run(), "complete")
				r.count("s", "id", 40)
				if of == shared && !c.gone && a.opened != before || len(a.alive) > 0 {
					t.Errorf("%d opened, %d before; left open: %v", a.opened, before, a.alive)
				}
			})
		}
		t.Run(of+"failed", func(t *testing.T) {
			a := &jobsAPI{alive: map[string]bool{}, ready: true, busy: func(w http.ResponseWriter, path string) bool {
				if strings.HasSuffix(path, "/3?at=x") {
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return false
			}}
			r := newRig(t, a.ServeHTTP, fmt.Sprintf(jobsStream, of, 1, ""))
			want(t, r.run(), "failed http_403")
			if len(a.alive) > 0 {
				t.Errorf("left open: %v", a.alive)
			}
		})
	}
}

// TestSessionIsNotReadyInTime: the timeout bounds the wait also where the status request itself is repeated.
func TestSessionIsNotReadyInTime(t *testing.T) {
	clock := newFakeClock()
	a := &jobsAPI{alive: map[string]bool{}, busy: func(w http.ResponseWriter, path string) bool {
		w.Header().Set("Retry-After", "700")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}}
	r := newRig(t, a.ServeHTTP, fmt.Sprintf(jobsStream, "{session: body.parts, as: part}", 1, ""))
	r.job.Clock = clock
	began := clock.Now()
	rep := r.run()
	want(t, rep, "failed session_failed")
	if took := clock.Now().Sub(began); took > 10*time.Minute || !strings.Contains(rep.Message, "was not ready within 10m0s") || len(a.alive) > 0 {
		t.Errorf("after %s: %s; left open: %v", took, rep.Message, a.alive)
	}
}

// TestJobListsOtherParts: a new job that lists the same parts in another order is gone on with, each chain
// with its own part; with other parts no chain goes on, and each run says so in the same way.
func TestJobListsOtherParts(t *testing.T) {
	for _, side := range []int{1, 2, 3} {
		for second, verdict := range map[string]string{"[4,3,2,1]": "complete", "[1,2,3,4,5]": "incomplete session_expired", "[1,2,3,3]": "incomplete session_expired"} {
			t.Run(fmt.Sprint(second, side), func(t *testing.T) {
				a := &jobsAPI{alive: map[string]bool{}, ready: true, parts: map[string]string{"j2": second, "j3": second, "j4": second}}
				after := []string{}
				a.busy = func(w http.ResponseWriter, path string) bool {
					if path == "/j1/3?at=x" || path == "/j1/4?at=x" {
						delete(a.alive, "j1")
					}
					if strings.HasPrefix(path, "/j2/") && !strings.HasSuffix(path, "/state") {
						after = append(after, path)
					}
					return false
				}
				r := newRig(t, a.ServeHTTP, fmt.Sprintf(jobsStream, "{session: body.parts, as: part}", side, "{status: 404, is: session_expired}"))
				want(t, r.run(), verdict)
				if verdict == "complete" {
					r.count("s", "id", 40)
					return
				}
				if len(after) > 0 || a.opened != 2 || !slices.Contains(a.closed, "j2") {
					t.Errorf("the second of %d jobs was read: %q; closed: %q", a.opened, after, a.closed)
				}
				for range 2 {
					want(t, r.run(), verdict)
				}
			})
		}
	}
}

// TestSessionOpenIsRefused: what opens a session cannot find one that has expired.
func TestSessionOpenIsRefused(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { w.WriteHeader(http.StatusNotFound) }, fmt.Sprintf(jobsStream, "{session: body.parts, as: part}", 1, "{status: 404, is: session_expired}"))
	rep := r.run()
	want(t, rep, "failed session_failed")
	if !strings.Contains(rep.Message, "session open: POST "+r.server.URL+"/open: the API answered 404") || len(r.asked) != 1 {
		t.Errorf("%d requests: %s", len(r.asked), rep.Message)
	}
}
