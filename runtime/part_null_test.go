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

// TestTakenNull makes no chain of a parent's record whose field is null, as of one that lacks it: the
// request would go without the value, and the API would answer with everything.
func TestTakenNull(t *testing.T) {
	parents := `[{"id":null},{"id":"7"},{"name":"none"},{"id":"8","x":{"y":null}}]`
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.URL.Path == "/parents":
			answer(w, `%s`, parents)
		case q.URL.Query().Has("p"):
			answer(w, `[{"id":%q}]`, q.URL.Query().Get("p"))
		default:
			answer(w, `[{"id":"7"},{"id":"8"}]`)
		}
	}, `
streams:
  parents: {request: {path: /parents}, records: {path: $}, pagination: {type: none}}
  kids:
    partitions: [{stream: parents, take: {p: id}}]
    request: {path: /kids, query: {p: "${partition.p}"}}
    records: {path: $, key: id}
    pagination: {type: none}
  deep:
    partitions: [{stream: parents, take: {p: x.y}}]
    request: {path: /kids, query: {p: "${partition.p}"}}
    records: {path: $, key: id}
    pagination: {type: none}
`)
	want(t, r.run(func(j *runtime.Job) { j.Streams = []string{"kids"} }), "complete")
	if got := r.ids("kids", "id"); len(got) != 2 {
		t.Errorf("records %v", got)
	}
	if got := r.noticed(runtime.NoticeParentField); got != 2 {
		t.Errorf("%d records are noticed, want 2", got)
	}
	if last := r.asked[len(r.asked)-2:]; strings.Contains(strings.Join(last, " ")+" ", "/kids ") {
		t.Errorf("asked %v", last)
	}
	want(t, r.run(func(j *runtime.Job) { j.Streams = []string{"deep"} }), "incomplete parent_field_missing")
	if got := len(r.lines("deep")); got != 0 {
		t.Errorf("%d records of a stream without chains", got)
	}
}

// TestNullAmongValues fails before anything is asked, and says which value it is.
func TestNullAmongValues(t *testing.T) {
	for _, c := range []struct{ list, says string }{
		{`["${config.org}", a]`, "connector.yaml:11:32: value 1 of p is null"},
		{`"${['a', null]}"`, "connector.yaml:11:31: value 2 of p is null"},
		{`"${config.org}"`, "connector.yaml:11:31: the values of p are null; want a list"},
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, `[{"id":1}]`) }, fmt.Sprintf(`streams:
  s:
    partitions: [{values: {p: %s}}]
    request: {path: /s, query: {p: "${partition.p}"}}
    records: {path: $}
    pagination: {type: none}
`, c.list))
		rep := r.run()
		want(t, rep, "failed null_in_request")
		if !strings.Contains(rep.Message, c.says) || r.requests() != 0 {
			t.Errorf("%s: %d requests, %s", c.list, r.requests(), rep.Message)
		}
	}
}

// TestSessionListHasNull fails at a part that is null.
func TestSessionListHasNull(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/open" {
			answer(w, `{"id":"s","parts":[1,null]}`)
			return
		}
		answer(w, `[{"id":1}]`)
	}, `
streams:
  s:
    session: {open: {method: POST, path: /open}, id: body.id}
    partitions: [{session: body.parts, as: part}]
    request: {path: /s, query: {part: "${partition.part}"}}
    records: {path: $}
    pagination: {type: none}
`)
	rep := r.run()
	want(t, rep, "failed session_failed")
	if !strings.Contains(rep.Message, "element 2 of the session's list is null") || r.requests() != 1 {
		t.Errorf("%d requests: %s", r.requests(), rep.Message)
	}
}
