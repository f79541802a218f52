package runtime_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// lostAPI lists ids and gives the things inside sessions; some of them are forgotten when a certain id is
// asked for.
type lostAPI struct {
	mu     sync.Mutex
	opened int
	closed int
	lists  map[string]int // pages of ids by session
	lose   int            // so many sessions are
}

func (a *lostAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch q.URL.Path {
	case "/open":
		a.opened++
		answer(w, `{"sid":"s%d","chunks":[1,2]}`, a.opened)
	case "/close":
		a.closed++
		w.WriteHeader(http.StatusNoContent)
	case "/things":
		var body struct {
			SID string
			IDs []int
		}
		decode(q, &body)
		n, _ := strconv.Atoi(strings.TrimPrefix(body.SID, "s"))
		var out []string
		for _, id := range body.IDs {
			if id == 5 && n <= a.lose {
				w.WriteHeader(419)
				return
			}
			out = append(out, fmt.Sprintf(`{"id":%d}`, id))
		}
		answer(w, `{"items":[%s]}`, strings.Join(out, ","))
	default:
		if a.lists == nil {
			a.lists = map[string]int{}
		}
		a.lists[q.URL.Query().Get("s")]++
		at, _ := strconv.Atoi(q.URL.Query().Get("c"))
		end := 8
		if q.URL.Query().Get("chunk") == "2" {
			at, end = at+8, 16
		}
		next := "null"
		if at+3 < end {
			next = strconv.Itoa(at%8 + 3)
		}
		answer(w, `{"items":%s,"next":%s}`, items(at+1, min(end, at+3)), next)
	}
}

const lostStream = `
streams:
  s:
    %s
    request: {path: /list, query: {%s}}
    records: {path: items}
    details: {request: {method: POST, path: /things, body: {sid: %s, ids: "${ids}"}}, batch: 2, id: id, records: {path: items, key: id}}
    pagination: {type: cursor, next: body.next, send: query.c%s}
    http: {responses: [{status: 419, is: %s}]}
`

const lostSession = `session: {open: {method: POST, path: /open}, id: body.sid, close: {method: DELETE, path: /close}}`

// TestSessionLostInDetails opens a session again that is gone when details are asked for, and reads the
// page again in it: for chains with a session each, and for chains that share one.
func TestSessionLostInDetails(t *testing.T) {
	for _, c := range []struct {
		name, partitions, query string
		lose, records           int
		verdict                 string
		opened, recoveries      int
	}{
		{"its own", "", "", 1, 8, "complete", 2, 1},
		{"again and again", "", "", 4, 8, "complete", 5, 4},
		{"for good", "", "", 99, 3, "incomplete session_expired", 6, 5},
		{"shared", "\n    partitions: [{session: body.chunks, as: chunk}]", ", chunk: \"${partition.chunk}\"", 1, 16, "complete", 2, 1},
		{"shared, for good", "\n    partitions: [{session: body.chunks, as: chunk}]", ", chunk: \"${partition.chunk}\"", 99, 0, "incomplete session_expired", 6, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &lostAPI{lose: c.lose}
			r := newRig(t, a.ServeHTTP, fmt.Sprintf(lostStream, lostSession+c.partitions, `s: "${session.id}"`+c.query, `"${session.id}"`, "", "session_expired"))
			rep := r.run()
			want(t, rep, c.verdict)
			s := rep.Streams[0]
			if c.records > 0 {
				r.count("s", "id", c.records)
			}
			if a.opened != c.opened || s.Recoveries != int64(c.recoveries) || s.Events[runtime.NoticeSessionLost] < int64(c.recoveries) {
				t.Errorf("%d sessions; %+v", a.opened, s)
			}
			if c.verdict == "complete" {
				if s.Received != int64(c.records) || s.Duplicates != 0 {
					t.Errorf("%+v", s)
				}
				return
			}
			a.lose = 0
			want(t, r.run(), "complete")
			r.count("s", "id", max(8, 16*strings.Count(c.partitions, "chunk")/2))
		})
	}
}

// TestNothingToExpireInDetails says what a rule means that speaks of a token or a session which the
// details request does not have.
func TestNothingToExpireInDetails(t *testing.T) {
	for _, c := range []struct{ class, fallback, verdict, says string }{
		{"token_expired", "", "failed http_419", "details: POST /things: the API answered 419, which the rule at connector.yaml:17:24 calls token_expired, but a request for details carries no token"},
		{"token_expired", ", fallback: {type: restart}", "failed http_419", "carries no token"},
		{"session_expired", "", "incomplete session_expired", "has expired, and the stream has no `session` to open again; 3 records delivered"},
	} {
		a := &lostAPI{lose: 99}
		r := newRig(t, a.ServeHTTP, fmt.Sprintf(lostStream, "", "", "s1", c.fallback, c.class))
		rep := r.run()
		want(t, rep, c.verdict)
		if msg := strings.ReplaceAll(rep.Message, r.dir+"/", ""); !strings.Contains(msg, c.says) || strings.Contains(msg, "new session") || c.class == "session_expired" && !strings.Contains(msg, "Try: a `session` in the stream, or another class") {
			t.Errorf("%s says %s", c.class, msg)
		}
	}
}

// TestGoneWithARuleForTokens: a rule for an expired token that also fits an answer to details which says
// that one id is not there any more: the others are delivered, and the walk does not end there for ever.
func TestGoneWithARuleForTokens(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/things" {
			answer(w, `{"resources":[{"id":1},{"id":3}],"errors":[{"code":404,"id":2}]}`)
			return
		}
		answer(w, `{"resources":[1,2,3]}`)
	}, `
streams:
  s:
    http:
      responses:
        - {when: "${body.errors?.some(e => e.code === 404)}", is: token_expired}
    request: {path: /ids}
    records: {path: resources}
    details:
      request: {method: POST, path: /things, body: {ids: "${ids}"}}
      batch: 10
      records: {path: resources, key: id}
    pagination: {type: none}
`)
	rep := r.run()
	want(t, rep, "complete")
	if got := strings.Join(r.ids("s", "id"), " "); got != "1 3" {
		t.Errorf("records %s, want 1 and 3", got)
	}
	if n := rep.Streams[0].Events[runtime.NoticeDetailsMissing]; n != 1 {
		t.Errorf("%d ids were missing, want 1", n)
	}
}

// TestMethodOfTheRequest: a hook sees by which method a page was asked for.
func TestMethodOfTheRequest(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { answer(w, `{"items":[{"id":1}]}`) }, `
streams:
  s:
    request: {method: POST, path: /l}
    records: {path: items}
    pagination: {type: hook}
`)
	r.hookFile(`function next(page) { return page.request.method === "POST" ? {end: "asked by POST"} : {fail: page.request.method} }`, true)
	want(t, r.run(), "complete")
}
