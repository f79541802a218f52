package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
)

// thingsAPI lists ids by offset and gives the things themselves by a batch of ids, last first.
type thingsAPI struct {
	n    int
	gone map[int]bool

	mu      sync.Mutex
	batches [][]int
	lists   int
	now     int
	most    int
	before  func(batch int)
}

func (a *thingsAPI) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path == "/ids" {
		a.mu.Lock()
		a.lists++
		a.mu.Unlock()
		at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
		var b strings.Builder
		for i := at + 1; i <= min(a.n, at+10); i++ {
			if b.Len() > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"ref":{"id":%d}}`, i)
		}
		answer(w, `{"total":%d,"items":[%s]}`, a.n, b.String())
		return
	}
	var ids []int
	switch {
	case q.Method == http.MethodPost:
		var body struct{ IDs []int }
		decode(q, &body)
		ids = body.IDs
	default:
		for part := range strings.SplitSeq(strings.TrimPrefix(q.URL.Path, "/things/"), ",") {
			if i, err := strconv.Atoi(part); err == nil {
				ids = append(ids, i)
			}
		}
		for _, v := range q.URL.Query()["id"] {
			i, _ := strconv.Atoi(v)
			ids = append(ids, i)
		}
	}
	a.mu.Lock()
	a.batches = append(a.batches, ids)
	a.now++
	a.most = max(a.most, a.now)
	n, before := len(a.batches), a.before
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		a.now--
		a.mu.Unlock()
	}()
	if before != nil {
		before(n)
	}
	time.Sleep(2 * time.Millisecond)
	var b strings.Builder
	for _, id := range slices.Backward(ids) {
		if a.gone[id] {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d}`, id)
	}
	if b.Len() == 0 || len(ids) == 0 {
		w.WriteHeader(404)
		return
	}
	answer(w, `[%s]`, b.String())
}

// count is how many batches were asked for. A request that was cut off may still be on its way in the
// server: count waits for it.
func (a *thingsAPI) count() int {
	for {
		a.mu.Lock()
		n, now := len(a.batches), a.now
		a.mu.Unlock()
		if now == 0 {
			return n
		}
		time.Sleep(time.Millisecond)
	}
}

const thingsStream = `
streams:
  s:
    request: {path: /ids}
    records: {path: items}
    details:
      request: %s
      id: ref.id
      %s
      records: {path: $, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 10}, total: body.total}
    http: {responses: [{status: 404, is: skip}]%s}
`

// TestDetails fetches batches of every size, written into a body, a path or a query, and delivers in the
// order of the ids.
func TestDetails(t *testing.T) {
	body, path, query := `{method: POST, path: /things, body: {ids: "${ids}"}}`, `{path: "/things/${ids}"}`, `{path: /things/, query: {id: "${ids}"}}`
	for _, c := range []struct {
		request, batch string
		requests       int
	}{
		{body, "batch: 1", 35}, {body, "batch: 3", 14}, {body, "batch: 10", 4}, {body, "batch: 1000", 4},
		{path, "", 35}, {path, "batch: 1", 35}, {path, "batch: 4", 11}, {query, "", 35}, {query, "batch: 4", 11},
	} {
		t.Run(c.batch, func(t *testing.T) {
			a := &thingsAPI{n: 35}
			r := newRig(t, a.ServeHTTP, fmt.Sprintf(thingsStream, c.request, c.batch, ""))
			rep := r.run()
			want(t, rep, "complete")
			for i, id := range r.ids("s", "id") {
				if id != strconv.Itoa(i+1) {
					t.Fatalf("record %d is %s", i+1, id)
				}
			}
			r.count("s", "id", 35)
			if len(a.batches) != c.requests || a.lists != 4 || rep.Streams[0].Pages != 4 || rep.Streams[0].Received != 35 {
				t.Errorf("%d batches, want %d; %+v", len(a.batches), c.requests, rep.Streams[0])
			}
		})
	}
}

// TestDetailsMissing tells the ids that no answer returned, whole batches of them too.
func TestDetailsMissing(t *testing.T) {
	a := &thingsAPI{n: 20, gone: map[int]bool{2: true, 7: true, 13: true, 14: true}}
	r := newRig(t, a.ServeHTTP, fmt.Sprintf(thingsStream, `{method: POST, path: /things, body: {ids: "${ids}"}}`, "batch: 2", ""))
	rep := r.run()
	want(t, rep, "complete")
	if got := len(r.ids("s", "id")); got != 16 || rep.Streams[0].Events[runtime.NoticeDetailsMissing] != 4 {
		t.Errorf("%d records, events %v", got, rep.Streams[0].Events)
	}
	var told []string
	for _, e := range r.events {
		if e.Name == runtime.NoticeDetailsMissing {
			told = append(told, e.Detail)
		}
	}
	slices.Sort(told)
	if !strings.Contains(strings.Join(told, ";"), "id 13 ") {
		t.Errorf("told %v", told)
	}
}

// TestDetailsAreBounded keeps to rate_limit.concurrency, the list's requests included.
func TestDetailsAreBounded(t *testing.T) {
	for _, most := range []int{1, 2} {
		a := &thingsAPI{n: 40}
		r := newRig(t, a.ServeHTTP, fmt.Sprintf(thingsStream, `{path: "/things/${ids}"}`, "", fmt.Sprintf(", rate_limit: {requests: 10000, per: 1s, concurrency: %d}", most)))
		want(t, r.run(), "complete")
		r.count("s", "id", 40)
		if a.most > most {
			t.Errorf("%d requests at a time, concurrency is %d", a.most, most)
		}
	}
}

// TestKilledInDetails cuts a run off between the batches of a page: the next run fetches that page's
// batches again and no other's.
func TestKilledInDetails(t *testing.T) {
	for kill := 1; kill <= 20; kill += 4 {
		a := &thingsAPI{n: 50}
		ctx, cancel := context.WithCancel(context.Background())
		var cut atomic.Bool
		a.before = func(n int) {
			if n == kill && cut.CompareAndSwap(false, true) {
				cancel()
			}
		}
		r := newRig(t, a.ServeHTTP, fmt.Sprintf(thingsStream, `{method: POST, path: /things, body: {ids: "${ids}"}}`, "batch: 2", ""))
		want(t, r.runIn(ctx), "interrupted interrupted")
		cancel()
		before := a.count()
		delivered := len(r.ids("s", "id"))
		if delivered%10 != 0 {
			t.Fatalf("killed at %d: %d records: a page is delivered whole", kill, delivered)
		}
		want(t, r.run(), "complete")
		r.count("s", "id", 50)
		if got, wanted := a.count()-before, (50-delivered)/2; got != wanted {
			t.Errorf("killed at %d: %d batches in the second run, want %d", kill, got, wanted)
		}
	}
}

// TestAlertsOfTheDemo is the shape of CrowdStrike's alerts on the demo API: a list of ids with a cap of
// 500, details by POST, incremental by the time of the last update, over three runs between which
// records are updated and inserted.
func TestAlertsOfTheDemo(t *testing.T) {
	api := demo.New(demo.Options{Records: 1700})
	r := newRig(t, api.ServeHTTP, `
streams:
  alerts:
    request: {path: /alerts/queries/alerts/v2, query: {most: 500, sort: updated|asc, filter: "updated:>='${watermark}'"}}
    records: {path: resources}
    details:
      request: {method: POST, path: /alerts/entities/alerts/v2, body: {composite_ids: "${ids}"}}
      batch: 60
      records: {path: resources, key: uid}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 100}, total: body.meta.pagination.total, cap: 500}
    incremental: {watermark: max.updated, type: time, order: asc, overlap: 1m}
`)
	w := api.World("")
	drain := func() {
		t.Helper()
		for i := 0; ; i++ {
			rep := r.run()
			if rep.Verdict == runtime.Complete {
				return
			}
			want(t, rep, "truncated cap")
			if i > 10 {
				t.Fatal("the walk does not end")
			}
		}
	}
	wanted := map[string]bool{}
	for run := range 3 {
		for _, rec := range w.Records() {
			wanted[string(rec)+"\n"] = true
		}
		drain()
		got := map[string]int{}
		for _, line := range r.lines("alerts") {
			got[line]++
		}
		for line := range wanted {
			if got[line] != 1 {
				t.Fatalf("run %d: a record is there %d times: %s", run+1, got[line], line)
			}
		}
		if len(got) != len(wanted) {
			t.Fatalf("run %d: %d records, want %d", run+1, len(got), len(wanted))
		}
		w.Insert(7)
		w.Update(100001, 100002, 100900, int64(100003+run))
	}
}
