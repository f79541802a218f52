package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestRefusedToken: an answer that refuses a token leads to the fallback where a rule says so, or where it
// carries the new token that the fallback names; else it fails the run, and the message says what to try.
func TestRefusedToken(t *testing.T) {
	const offset, token, fresh = "{type: offset, send: query.offset}", "{token: body.metadata.continue}", `{"metadata": {"continue": "again-2"}}`
	for _, c := range []struct {
		name, fallback, rules string
		status                int
		times                 int // how often the token is refused
		body                  string
		want                  string
	}{
		{"a rule", offset, "{status: 410, is: token_expired}", 410, 1, "", "complete"},
		{"a token", token, "", 410, 1, fresh, "complete"},
		{"a token, 400", token, "", 400, 1, fresh, "complete"},
		{"a token, again and again", token, "", 410, 99, `{"metadata": {"continue": "2"}}`, "incomplete token_expired"},
		{"no token", token, "", 410, 1, `{"metadata": {}}`, "failed http_410"},
		{"another fallback", offset, "", 410, 1, fresh, "failed http_410"},
		{"403", token, "", 403, 1, fresh, "failed http_403"},
		{"a rule that says failed", token, "{status: 410, is: failed}", 410, 1, fresh, "failed http_410"},
		{"no fallback", "", "", 410, 1, fresh, "failed http_410"},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused := 0
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at := 0
				token := q.FormValue("c")
				fmt.Sscan(q.FormValue("offset"), &at)
				fmt.Sscan(strings.TrimPrefix(token, "again-"), &at)
				if token == "2" && refused < c.times {
					refused++
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.body)
					return
				}
				next := "null"
				if at < 4 {
					next = fmt.Sprintf(`"%d"`, at+2)
				}
				fmt.Fprintf(w, `{"items":[{"id":%d},{"id":%d}],"next":%s}`, at+1, at+2, next)
			}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items, key: id}\n    http: {responses: ["+c.rules+"]}\n"+
				"    pagination: {type: cursor, next: body.next, send: query.c"+map[bool]string{true: ", fallback: " + c.fallback}[c.fallback != ""]+"}\n")
			report := r.run()
			want(t, report, c.want)
			if hint := "is: token_expired"; strings.Contains(report.Message, hint) != (c.name == "no token" || c.name == "another fallback") {
				t.Errorf("message %q: wrong about %s", report.Message, hint)
			}
			if c.want == "complete" {
				r.count("items", "id", 6)
			}
		})
	}
}
