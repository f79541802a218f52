package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// delta serves a feed of changes: the records behind ?at=N, `pageSize` a page; the last page carries where
// the next walk begins. What fails is refused; ?p=z has one record of its own.
func delta(feed *[]string, pageSize int, fails func(*http.Request) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		if fails(q) {
			w.WriteHeader(400)
			return
		}
		at := 0
		fmt.Sscan(q.FormValue("at"), &at)
		list, kind := *feed, "delta"
		if q.FormValue("p") == "z" {
			list = []string{`{"id":1}`}
		}
		end := min(len(list), at+pageSize)
		if end < len(list) {
			kind = "next"
		}
		answer(w, `{"items":[%s],"%s":"%d"}`, strings.Join(list[min(at, end):end], ","), kind, end)
	}
}

const deltaStream = `
streams:
  s:
    request: {path: /}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.at, keep: body.delta}
`

// TestKeepDeliversEveryVersion: in a feed of changes a key may come again, in the same page, on another
// one, and when a page that was cut is asked for again; every version is delivered, in order.
func TestKeepDeliversEveryVersion(t *testing.T) {
	never := func(*http.Request) bool { return false }
	feed := []string{`{"id":1,"v":0}`, `{"id":2,"v":0}`, `{"id":2,"v":1}`, `{"id":1,"v":1}`, `{"id":1,"v":1}`, `{"id":2,"@removed":{}}`}
	r := newRig(t, delta(&feed, 4, never), deltaStream)
	want(t, r.run(), "complete")
	if got := strings.Join(r.ids("s", "id"), ""); got != "12212" {
		t.Errorf("records %s", got)
	}

	feed = []string{`{"id":1,"v":0}`, `{"id":2,"v":0}`}
	r = newRig(t, delta(&feed, 4, never), deltaStream)
	want(t, r.run(func(j *runtime.Job) { j.MaxRecords = 1 }), "truncated limit")
	feed = []string{`{"id":2,"v":0}`, `{"id":1,"v":1}`}
	want(t, r.run(), "complete")
	if got := strings.Join(r.ids("s", "v"), ""); got != "001" {
		t.Errorf("versions %s", got)
	}
}

// TestKeepWalkBeginsWithoutTheKeysOfTheLast: while one chain fails, another one ends, and begins its next
// walk; cut in its middle and gone on with, it delivers what the walk before had delivered as well.
func TestKeepWalkBeginsWithoutTheKeysOfTheLast(t *testing.T) {
	feed := []string{`{"id":1}`, `{"id":9}`}
	down, cut := true, false
	r := newRig(t, delta(&feed, 1, func(q *http.Request) bool {
		other := q.FormValue("p") == "z"
		return other && down || !other && cut && q.FormValue("at") == "3"
	}), strings.Replace(deltaStream, "{path: /}", `{path: /, query: {p: "${partition.p}"}}`+"\n    partitions: [{values: {p: [x, z]}}]\n    chains: {concurrency: 1}", 1))
	if rep := r.run(); rep.Verdict != runtime.Failed { // x ends
		t.Fatal(rep.Message)
	}
	feed, cut = append(feed, `{"id":1,"@removed":{}}`, `{"id":1}`), true
	if rep := r.run(); rep.Verdict != runtime.Failed { // x begins anew and fails behind its first page
		t.Fatal(rep.Message)
	}
	down, cut = false, false
	want(t, r.run(), "complete")
	if got := strings.Join(r.ids("s", "id"), ""); got != "19111" { // four of x, one of z
		t.Errorf("records %s", got)
	}
}

// TestKeepMissingIsToldEachTime: what was kept before stays in force where a later walk brings nothing to
// keep, and that is told; a field of records is not missed where there are none.
func TestKeepMissingIsToldEachTime(t *testing.T) {
	for _, c := range []struct {
		keep string
		told int
	}{{"body.delta", 2}, {"[body.delta, last.id]", 2}, {"last.id", 0}} {
		answers := []string{`{"items":[{"id":1}],"delta":"d1"}`, `{"items":[],"delta":null}`, `{"items":[]}`, `{"items":[{"id":2}],"delta":"d2"}`}
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
			answer(w, "%s", answers[0])
			answers = answers[1:]
		}, strings.Replace(deltaStream, "keep: body.delta", "keep: "+c.keep, 1))
		for range 4 {
			want(t, r.run(), "complete")
		}
		if n := r.noticed(runtime.NoticeKeepMissing); n != c.told {
			t.Errorf("%s: told %d times, want %d", c.keep, n, c.told)
		}
		for _, e := range r.events {
			if e.Name == runtime.NoticeKeepMissing && !strings.Contains(e.Detail, "at the position that was kept before") {
				t.Error(e.Detail)
			}
		}
	}
}

// TestWalkThatGetsNoFurtherNamesFresh ends at the same missing token run after run: in the end the advice is
// to begin anew.
func TestWalkThatGetsNoFurtherNamesFresh(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.FormValue("at") == "" {
			answer(w, `{"items":[{"id":1}],"total":3,"next":"2"}`)
			return
		}
		answer(w, `{"items":[{"id":2}],"total":3}`)
	}, strings.Replace(deltaStream, "keep: body.delta", "total: body.total", 1))
	for i := range 5 {
		rep := r.run()
		if rep.Verdict != runtime.Incomplete || strings.Contains(rep.Message, "--fresh") != (r.noticed(runtime.NoticePoisoned) > 0) {
			t.Errorf("run %d: %s", i+1, rep.Message)
		}
	}
	if r.noticed(runtime.NoticePoisoned) == 0 {
		t.Error("no run says that it got no further")
	}
}

// TestSessionWithoutItsList names the reference, what stands there, and what to try.
func TestSessionWithoutItsList(t *testing.T) {
	for body, says := range map[string]string{
		`{"chunks":null}`: "`body.chunks`, which is null;", `{}`: "`body.chunks`, which is not there;",
		`{"chunks":"17"}`: "which is a string;", `{"chunks":17}`: "which is a number;", `{"chunks":{}}`: "which is an object;",
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, "%s", body) }, `
streams:
  s:
    session: {open: {method: POST, path: /export}}
    request: {path: "/chunks/${partition.chunk}"}
    partitions: [{session: body.chunks, as: chunk}]
    records: {path: $, key: id}
    pagination: {type: none}
`)
		if rep := r.run(); rep.Reason != runtime.CodeSessionFailed || !strings.Contains(rep.Message, says) || !strings.Contains(rep.Message, "wait.until") {
			t.Errorf("%s: %s", body, rep.Message)
		}
	}
}

// TestKeepFetchesDetailsOfAnEntryAgain: an id that a feed of changes lists again has changed.
func TestKeepFetchesDetailsOfAnEntryAgain(t *testing.T) {
	feed, version := []string{`{"id":1}`, `{"id":1}`, `{"id":2}`, `{"id":1}`, `{"id":2}`}, 0
	list := delta(&feed, 3, func(*http.Request) bool { return false })
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path != "/things" {
			list(w, q)
			return
		}
		var items []string
		for _, id := range strings.Split(q.FormValue("ids"), ",") {
			items = append(items, fmt.Sprintf(`{"id":%s,"v":%d}`, id, version*map[string]int{"1": 1}[id]))
		}
		version++
		answer(w, `[%s]`, strings.Join(items, ","))
	}, strings.TrimSuffix(deltaStream, "\n")+"\n    details: {request: {path: /things, query: {ids: \"${ids.join(',')}\"}}, id: id, batch: 10, records: {path: $}}\n")
	want(t, r.run(), "complete")
	if got := strings.Join(r.ids("s", "id"), ""); got != "121" {
		t.Errorf("records %s", got)
	}
	if got := strings.Join(r.ids("s", "v"), ""); got != "001" {
		t.Errorf("versions %s", got)
	}
}
