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

const nullDetails = `
streams:
  s:
    request: {path: /ids, query: {since: "${watermark}"}}
    records: {path: ids}
    details: {request: {method: POST, path: /things, body: "${ids}"}, batch: 3, records: {path: items, key: id%s}}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 3}, total: body.total}
    incremental: {watermark: max.id, type: number, order: asc}
`

// nullOnce answers one batch of details with a null in the list's place.
func nullOnce(n int) http.HandlerFunc {
	var once sync.Once
	return func(w http.ResponseWriter, q *http.Request) {
		if q.Method == http.MethodPost {
			lost := false
			once.Do(func() { lost = true })
			if lost {
				answer(w, `{"items":null,"errors":[{"code":500}]}`)
				return
			}
			var ids []int
			decode(q, &ids)
			answer(w, `{"items":%s}`, items(ids[0], ids[len(ids)-1]))
			return
		}
		since, _ := strconv.Atoi(q.URL.Query().Get("since"))
		at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
		var ids []string
		for i := max(1, since) + at; i <= n && len(ids) < 3; i++ {
			ids = append(ids, strconv.Itoa(i))
		}
		answer(w, `{"total":%d,"ids":[%s]}`, n-max(1, since)+1, strings.Join(ids, ","))
	}
}

// TestDetailsAreNull fails the page whose details are null, and brings it in the next run.
func TestDetailsAreNull(t *testing.T) {
	r := newRig(t, nullOnce(6), fmt.Sprintf(nullDetails, ""))
	rep := r.run()
	want(t, rep, "failed records_path_missing")
	for _, part := range []string{"details: ", "/things", "`items` is null", "records.optional: true"} {
		if !strings.Contains(rep.Message, part) {
			t.Errorf("%q is not in: %s", part, rep.Message)
		}
	}
	if got := len(r.ids("s", "id")); got != 0 || rep.Streams[0].Events[runtime.NoticeDetailsMissing] != 0 {
		t.Errorf("%d records, events %v", got, rep.Streams[0].Events)
	}
	want(t, r.run(), "complete")
	r.count("s", "id", 6)
}

// TestDetailsMayBeNull passes over the ids where the connector says that the list may be left out.
func TestDetailsMayBeNull(t *testing.T) {
	r := newRig(t, nullOnce(6), fmt.Sprintf(nullDetails, ", optional: true"))
	rep := r.run()
	want(t, rep, "complete")
	if got := len(r.ids("s", "id")); got != 3 || rep.Streams[0].Events[runtime.NoticeDetailsMissing] != 3 {
		t.Errorf("%d records, events %v", got, rep.Streams[0].Events)
	}
}
