package runtime_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestParentsCause fails a stream whose parent fails: of a parent that is walked for its children alone
// the child tells what happened and what to try, and of one that is a stream of the run its own report.
func TestParentsCause(t *testing.T) {
	child := func(j *runtime.Job) { j.Streams = []string{"issues"} }
	for _, c := range []struct {
		path    string
		status  int
		streams []string
		verdict string // of issues
		says    []string
	}{
		{"/tenants", 401, []string{"issues"}, "failed unauthorized", []string{"stream projects", "stream tenants", "answered 401", "check http.auth"}},
		{"/tenants", 404, []string{"issues"}, "failed http_404", []string{"/tenants?", "answered 404"}},
		{"/tenants/t1", 500, []string{"issues"}, "failed http_500", []string{"stream projects", "/tenants/t1", "answered 500"}},
		{"/tenants", 404, []string{"projects", "issues"}, "incomplete parent_failed", []string{"stream projects, whose records make the chains, ended failed"}},
		{"/tenants/t1", 403, []string{"projects", "issues"}, "incomplete parent_failed", []string{"stream projects, whose records make the chains, ended failed"}},
		{"/tenants", 404, nil, "incomplete parent_failed", nil},
	} {
		f := newFamily(2, 2, 2)
		f.broken[c.path] = c.status
		r := newRig(t, f.ServeHTTP, familyStreams)
		rep := r.run(func(j *runtime.Job) { j.Streams = c.streams })
		if rep.Verdict != runtime.Failed {
			t.Errorf("%v: the run ended %s: %s", c, rep.Verdict, rep.Message)
		}
		s := rep.Streams.Of("issues")
		if got := s.Verdict + " " + s.Reason; got != c.verdict {
			t.Errorf("%v: %s", c, got)
		}
		for _, part := range c.says {
			if !strings.Contains(s.Message, part) {
				t.Errorf("%v: %q is not in: %s", c, part, s.Message)
			}
		}
		f.set(func() { clear(f.broken) })
		want(t, r.run(child), "complete")
		if got := len(r.lines("issues")); got != 8 {
			t.Errorf("%v: %d issues, want 8", c, got)
		}
	}
}

// TestParentsDoubt hands on why the parent's walk ended before its end, what to try, and until when it
// waits.
func TestParentsDoubt(t *testing.T) {
	const streams = `
streams:
  parents:
    request: {path: /parents}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.cursor, total: body.total}
  kids:
    partitions: [{stream: parents, take: {p: id}}]
    request: {path: /kids, query: {p: "${partition.p}"}}
    records: {path: items}
    pagination: {type: none}
`
	wait := false
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if wait && q.URL.Path == "/parents" {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(429)
			return
		}
		answer(w, `{"items":%s,"total":9}`, items(1, 2))
	}, streams)
	child := func(j *runtime.Job) { j.Streams = []string{"kids"} }
	rep := r.run(child)
	want(t, rep, "incomplete parent_failed")
	for _, part := range []string{"stream parents, whose records make the chains, ended incomplete: ", "9", "Try: "} {
		if !strings.Contains(rep.Message, part) {
			t.Errorf("%q is not in: %s", part, rep.Message)
		}
	}
	wait = true
	rep = r.run(child)
	want(t, rep, "parked parent_failed")
	if rep.Until == "" || !strings.Contains(rep.Message, "come back at "+rep.Until) {
		t.Errorf("until %q: %s", rep.Until, rep.Message)
	}
}
