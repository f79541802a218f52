package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestTokensDieWithTheSession: a session is lost with the tokens that lived in it; the one that is opened in
// its place refuses them, and the declared fallback goes on.
func TestTokensDieWithTheSession(t *testing.T) {
	for _, fallback := range []string{"{type: offset, send: query.offset}", "{type: restart}"} {
		opened, pages := 0, 0
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			switch q.URL.Path {
			case "/open":
				opened++
				fmt.Fprintf(w, `{"id":"s%d"}`, opened)
				return
			case "/close":
				return
			}
			pages++
			sid, token := q.FormValue("sid"), q.FormValue("after")
			of, from, in := strings.Cut(token, ":")
			if pages == 3 || sid != fmt.Sprintf("s%d", opened) || in && of != sid {
				http.Error(w, "gone", http.StatusNotFound)
				return
			}
			if !in {
				from = q.FormValue("offset")
			}
			at, _ := strconv.Atoi(from)
			var items []string
			for id := at; id < min(at+3, 10); id++ {
				items = append(items, fmt.Sprintf(`{"id":%d}`, id))
			}
			next := "null"
			if at+3 < 10 {
				next = fmt.Sprintf(`"%s:%d"`, sid, at+3)
			}
			fmt.Fprintf(w, `{"items":[%s],"next":%s}`, strings.Join(items, ","), next)
		}, `
streams:
  a:
    session: {open: {method: POST, path: /open}, id: body.id, close: {path: /close}}
    request: {path: /a, query: {sid: "${session.id}"}}
    http: {responses: [{status: 404, is: session_expired}]}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.after, fallback: `+fallback+`}
`)
		want(t, r.run(), "complete")
		ids := r.ids("a", "id")
		slices.Sort(ids)
		if len(ids) != 10 || len(slices.Compact(ids)) != 10 || opened != 2 {
			t.Errorf("%s: %v in %d sessions", fallback, ids, opened)
		}
	}
}

// TestDetailsOneByOne: a thing that is asked for by its id comes by itself, not in a list.
func TestDetailsOneByOne(t *testing.T) {
	for _, records := range []string{"", ", records: {path: $, key: name}", ", records: {path: thing}"} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			switch {
			case q.URL.Path == "/things":
				fmt.Fprint(w, `{"items":[{"name":"a"},{"name":"b"}]}`)
			case strings.Contains(records, "thing"):
				fmt.Fprintf(w, `{"thing":{"name":%q,"parts":[{"n":1}]}}`, q.URL.Path[1:])
			default:
				fmt.Fprintf(w, `{"name":%q,"parts":[{"n":1}]}`, q.URL.Path[1:])
			}
		}, `
streams:
  a:
    request: {path: /things}
    records: {path: items}
    details: {request: {path: "/${ids}"}, id: name`+records+`}
`)
		want(t, r.run(), "complete")
		if ids := r.ids("a", "name"); strings.Join(ids, " ") != `"a" "b"` && strings.Join(ids, " ") != "a b" {
			t.Errorf("%s: %q", records, ids)
		}
	}
}
