package runtime_test

import (
	"fmt"
	"net/http"
	"testing"
)

// TestRequestsInFlightCount: what was asked for ahead and let go when the walk ended was asked for, too.
func TestRequestsInFlightCount(t *testing.T) {
	beyond := make(chan struct{}, 8)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch n := q.URL.Query().Get("p"); n {
		case "1", "2":
			fmt.Fprintf(w, `{"items":[{"id":%s0},{"id":%s1}]}`, n, n)
		case "3": // behind the last one; it answers when two more have been asked for
			<-beyond
			<-beyond
			fmt.Fprint(w, `{"items":[]}`)
		default:
			beyond <- struct{}{}
			<-q.Context().Done()
		}
	}, `
streams:
  a:
    request: {path: /a}
    records: {path: items, key: id}
    pagination: {type: page, send: query.p, limit: {send: query.l, value: 2}, parallel: 3}
`)
	rep := r.run()
	want(t, rep, "complete")
	if n := int64(r.requests()); rep.Streams[0].Requests != n || n < 5 {
		t.Errorf("%d requests in the report, %d came", rep.Streams[0].Requests, n)
	}
}
