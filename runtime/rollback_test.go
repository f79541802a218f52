package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestWatermarkOfBrokenOrder: pages had moved the watermark when a record behind them turned out to be
// older. A walk that cannot be gone on with begins anew where it began, not at that watermark.
func TestWatermarkOfBrokenOrder(t *testing.T) {
	const stream = `
streams:
  a:
    request: {path: /a, query: {since: "${watermark}"%s}}
    records: {path: items, key: id}
    incremental: {watermark: max.at, type: number, order: asc, start: 0}
    pagination: {type: cursor, next: body.next, send: query.after}
`
	first := map[string]string{ // the fourth record stands behind newer ones, and so does the fifth
		"": `{"items":[{"id":1,"at":10},{"id":2,"at":50}],"next":"b"}`, "b": `{"items":[{"id":3,"at":60},{"id":4,"at":20}],"next":"c"}`,
		"c": `{"items":[{"id":5,"at":30}],"next":"d"}`, "d": `{"items":[{"id":6,"at":70}]}`,
	}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprint(w, first[q.URL.Query().Get("after")])
	}, fmt.Sprintf(stream, ""))
	want(t, r.run(func(job *runtime.Job) { job.MaxPages = 2 }), "truncated limit")
	r.asked = nil
	r.write(fmt.Sprintf(stream, ", view: full"))
	want(t, r.run(), "complete")
	if !strings.Contains(r.asked[0], "since=0") {
		t.Errorf("the new walk begins at %s", r.asked[0])
	}
	ids := r.ids("a", "id")
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != 6 {
		t.Errorf("records %v, want all six", ids)
	}
	r.asked = nil
	want(t, r.run(), "complete")
	if !strings.Contains(r.asked[0], "since=70") {
		t.Errorf("the walk after that begins at %s", r.asked[0])
	}
}
