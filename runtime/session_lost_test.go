package runtime_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestSessionLostWhileWaiting: a session that the API has forgotten while it is waited for is opened again,
// the first one, one that replaces another, and one that chains share; as often as recoveries are allowed.
func TestSessionLostWhileWaiting(t *testing.T) {
	const alone = `
    request: {path: /page, query: {id: "${session.id}"}}
    pagination: {type: offset, send: query.offset, limit: {value: 5}, total: body.total}`
	const shared = `
    request: {path: /page, query: {id: "${session.id}", part: "${partition.part}"}}
    partitions: [{session: body.parts, as: part}]
    pagination: {type: none}`
	for _, c := range []struct {
		stream  string
		lost    string // sessions that are lost while they are waited for
		dies    string // one that is lost after its first page
		verdict string
		opened  int
		ids     int
	}{
		{alone, "1", "", "complete", 2, 15},
		{alone, "1 2 3", "", "complete", 4, 15},
		{alone, "2 3", "1", "complete", 4, 15},
		{alone, "1 2 3 4 5 6 7 8 9", "", "incomplete session_expired", 6, 0},
		{shared, "1 2", "", "complete", 3, 2},
		{shared, "1 2 3 4 5 6 7 8 9", "", "incomplete session_expired", 6, 0},
	} {
		opened := 0
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			id := q.URL.Query().Get("id")
			is := func(list string) bool { return strings.Contains(" "+list+" ", " "+id+" ") }
			switch offset := q.URL.Query().Get("offset"); {
			case q.URL.Path == "/open":
				opened++
				answer(w, `{"id":"%d"}`, opened)
			case q.URL.Path == "/close":
				io.WriteString(w, "{}")
			case q.URL.Path == "/state" && is(c.lost), q.URL.Path == "/page" && is(c.dies) && offset != "0":
				w.WriteHeader(http.StatusNotFound)
			case q.URL.Path == "/state":
				io.WriteString(w, `{"ready":true,"parts":[1,2]}`)
			case q.URL.Query().Has("part"):
				answer(w, `{"items":[{"id":%s}]}`, q.URL.Query().Get("part"))
			default:
				var at int
				fmt.Sscan(offset, &at)
				answer(w, `{"total":15,"items":%s}`, items(at+1, min(15, at+5)))
			}
		}, `
streams:
  s:
    session:
      open: {method: POST, path: /open}
      id: body.id
      wait: {request: {path: /state, query: {id: "${session.id}"}}, until: "${body.ready}", every: 1ms, timeout: 10s}
      close: {path: /close, query: {id: "${session.id}"}}
    records: {path: items, key: id}
    http: {responses: [{status: 404, is: session_expired}]}`+c.stream+"\n")
		report := r.run()
		if got := strings.TrimSpace(report.Verdict + " " + report.Reason); got != c.verdict || opened != c.opened {
			t.Errorf("lost %q, dies %q: %s, %d opened; want %s, %d: %s", c.lost, c.dies, got, opened, c.verdict, c.opened, report.Message)
		}
		r.count("s", "id", c.ids)
	}
}
