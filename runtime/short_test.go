package runtime_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestShortPageIsFilledUpLater stops a walk behind a page that is not full, while the list grows at its
// end: what fills the page up is delivered by the next run, and nothing twice, however short the runs are.
func TestShortPageIsFilledUpLater(t *testing.T) {
	for _, paging := range []string{"page, send: query.page", "page, send: query.page, start: 0, first: omit", "offset, step: limit, send: query.offset"} {
		for _, more := range []string{"}, incremental: {watermark: max.id, type: number, order: asc", ", key: id}, incremental: {watermark: max.id, type: number, order: asc"} {
			for _, stop := range []int64{1, 2} {
				for _, grow := range []int{0, 1, 3} {
					t.Run(fmt.Sprintf("%s%s, %d pages, %d more", paging, more, stop, grow), func(t *testing.T) {
						n, grow := 4, grow
						limited := func(j *runtime.Job) { j.MaxPages = stop }
						r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
							at, err := strconv.Atoi(q.FormValue("offset"))
							if page, perr := strconv.Atoi(q.FormValue("page")); perr == nil {
								at = (page - 1) * 5
								if paging != "page, send: query.page" {
									at = page * 5
								}
							} else if err != nil {
								at = 0
							}
							answer(w, `{"items":%s}`, items(at+1, min(at+5, n)))
						}, "streams:\n  s: {request: {path: /}, records: {path: items"+more+"}, pagination: {type: "+paging+", limit: {send: query.limit, value: 5}}}\n")
						for rep := r.run(limited); rep.Verdict != runtime.Complete; rep = r.run(limited) {
							want(t, rep, "truncated limit")
							if n += grow; n > 20 {
								n, grow = 20, 0
							}
							if r.requests() > 100 {
								t.Fatalf("the walk gets no further: %v", r.asked)
							}
						}
						r.count("s", "id", n)
						if r.noticed(runtime.NoticeOrderViolated) > 0 {
							t.Error("the records are in order")
						}
					})
				}
			}
		}
	}
}

// TestShortPageWithTheBorder stops a later walk behind a page that is not full and begins with the record
// at the watermark: when the page is asked for again the bookmark has moved past that record, which is not
// delivered a second time.
func TestShortPageWithTheBorder(t *testing.T) {
	n := 3
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		page, _ := strconv.Atoi(q.FormValue("page"))
		since, _ := strconv.Atoi(q.FormValue("since"))
		from := max(since, 1) + (page-1)*3
		answer(w, `{"items":%s}`, items(from, min(from+2, n)))
	}, `streams:
  s:
    request: {path: /, query: {since: "${watermark}"}}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, limit: {send: query.limit, value: 3}}
    incremental: {watermark: max.id, type: number, order: asc, start: 0}
`)
	want(t, r.run(), "complete")
	n = 4
	want(t, r.run(func(j *runtime.Job) { j.MaxPages = 1 }), "truncated limit") // 3, which is known, and 4
	n = 9
	want(t, r.run(), "complete")
	r.count("s", "id", n)
}
