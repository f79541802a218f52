package runtime_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestPositionNotReused says how many records come again when the connector has changed.
func TestPositionNotReused(t *testing.T) {
	for _, c := range []struct{ name, incremental, says string }{
		{"a walk from the start", "", "the walk begins anew, and the 4 records that it had delivered come again: to have each once, run with --fresh, which begins the output anew"},
		{"a walk from a watermark", "incremental: {watermark: max.id, type: number, order: none}", "the walk begins anew from the watermark or kept position; of the 4 records that it had delivered, those behind that come again: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			stream := func(limit string) string {
				return `streams:
  s:
    request: {path: /}
    records: {path: items, key: id}
    ` + c.incremental + `
    pagination: {type: page, send: query.page, limit: {send: query.size, value: ` + limit + `}}
`
			}
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				switch q.URL.Query().Get("page") {
				case "1":
					answer(w, `{"items":%s}`, items(1, 4))
				case "2":
					answer(w, `{"items":%s}`, items(5, 6))
				default:
					answer(w, `{"items":[]}`)
				}
			}, stream("4"))
			if rep := r.run(func(j *runtime.Job) { j.MaxPages = 1 }); rep.Verdict != runtime.Truncated {
				t.Fatal(rep.Message)
			}
			r.write(stream("5"))
			want(t, r.run(), "complete")
			told := 0
			for _, e := range r.events {
				if e.Name == runtime.NoticeTokenDropped {
					told++
					if !strings.Contains(e.Detail, c.says) {
						t.Errorf("it says %s", e.Detail)
					}
				}
			}
			if n := len(r.lines("s")); told != 1 || n != 10 {
				t.Errorf("told %d times, %d records", told, n)
			}
		})
	}
}
