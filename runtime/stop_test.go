package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// TestStopAtWatermarkOutOfOrder: an old record that the API pins to its first page is no sign that the
// newer ones have ended.
func TestStopAtWatermarkOutOfOrder(t *testing.T) {
	var pages []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		n := 0
		fmt.Sscan(q.FormValue("p"), &n)
		next := ""
		if n+1 < len(pages) {
			next = fmt.Sprint(n + 1)
		}
		var items []string
		for _, at := range strings.Fields(pages[n]) {
			items = append(items, fmt.Sprintf(`{"id":"r%s","t":%s}`, at, at))
		}
		fmt.Fprintf(w, `{"items":[%s],"next":%q}`, strings.Join(items, ","), next)
	}, `streams:
  items:
    request: {path: /}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.p}
    incremental: {watermark: max.t, type: number, order: desc, stop_at_watermark: true}
`)
	runs := []struct{ pages, want string }{
		{"9 8,7 3", "9 8 7 3"},
		{"3 13,12 11,10 9,8 7", "13 12 11 10"}, // 3 is pinned
		{"15 14,13 12,11 10", "15 14"},         // ends on the second page
	}
	had, asked := 0, 0
	for i, run := range runs {
		pages = strings.Split(run.pages, ",")
		want(t, r.run(), "complete")
		got := r.ids("items", "t")
		if s := strings.Join(got[had:], " "); s != run.want {
			t.Errorf("run %d: records %s, want %s", i+1, s, run.want)
		}
		had = len(got)
		if i < 2 {
			asked = len(r.asked)
		}
	}
	if n := len(r.asked) - asked; n != 2 {
		t.Errorf("the third run asked for %d pages, want 2", n)
	}
}

// TestStopWhileItWaitsForItsTurn: nothing is in flight, so nothing is waited for, and nothing more is sent.
func TestStopWhileItWaitsForItsTurn(t *testing.T) {
	stop := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprintf(w, `{"items":[{"id":%s}],"pages":2}`, q.FormValue("page"))
		time.AfterFunc(100*time.Millisecond, func() { close(stop) })
	}, `
streams:
  a:
    request: {path: /a}
    http: {rate_limit: {requests: 1, per: 1h}}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total_pages: body.pages}
`)
	rep := r.run(func(job *runtime.Job) { job.Stop = stop })
	want(t, rep, "interrupted interrupted")
	if len(r.asked) != 1 || len(r.ids("a", "id")) != 1 {
		t.Errorf("asked %v", r.asked)
	}
}
