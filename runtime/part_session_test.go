package runtime_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestSessionWithoutBodies goes by status and headers where nothing of a session's answers is read.
func TestSessionWithoutBodies(t *testing.T) {
	for _, c := range []struct {
		name, id, until string
		open, last      string // bodies
		verdict         string
		opened          int
		says            string
	}{
		{"nothing is read", "header.X-Id", "${status === 200}", "", "", "complete", 1, ""},
		{"the first that is present", "[body.id, header.X-Id]", "${status === 200}", "\n", "", "complete", 1, ""},
		{"a flag comes with the body", "header.X-Id", "${body.ready}", "", `{"ready":true}`, "complete", 1, ""},
		{"only the last has to be there", "header.X-Id", "${status === 200 && body.ready}", "", `{"ready":true}`, "complete", 1, ""},
		{"the id is in the body", "body.id", "${status === 200}", "", "", "failed body", 3, "the body is empty: connector.yaml:11:54: `id` finds nothing in the answer that opened the session"},
		{"the state is in the body", "header.X-Id", "${body.state === 'ready'}", "", "", "failed body", 1, "session wait: GET /state: the body is empty: "},
		{"cut is not empty", "header.X-Id", "${status === 200}", `{"id":`, "", "failed body", 3, "session open: POST /open: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			polled := 0
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch q.URL.Path {
				case "/open":
					w.Header().Set("X-Id", "h")
					w.WriteHeader(http.StatusCreated)
					w.Write([]byte(c.open))
				case "/state":
					if polled++; polled < 3 {
						w.WriteHeader(http.StatusAccepted)
						return
					}
					w.Write([]byte(c.last))
				case "/read/h":
					w.Write([]byte(`{"items":[{"id":1}]}`))
				}
			}, `streams:
  s:
    session: {open: {method: POST, path: /open}, id: `+c.id+`, wait: {request: {path: /state}, until: "`+c.until+`", every: 1ms, timeout: 10s}, close: {method: DELETE, path: /close}}
    request: {path: "/read/${session.id}"}
    records: {path: items}
`)
			rep := r.run()
			want(t, rep, c.verdict)
			if msg := strings.ReplaceAll(strings.ReplaceAll(rep.Message, r.server.URL, ""), r.dir+"/", ""); !strings.Contains(msg, c.says) {
				t.Errorf("it says %s", msg)
			}
			if n := len(slices.DeleteFunc(slices.Clone(r.asked), func(s string) bool { return s != "POST /open" })); n != c.opened {
				t.Errorf("opened %d times: %q", n, r.asked)
			}
		})
	}
}
