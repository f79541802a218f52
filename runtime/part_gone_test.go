package runtime_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// details are those of the notices of that name, in order.
func (r *rig) details(name string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, e := range r.events {
		if e.Name == name {
			out = append(out, e.Detail)
		}
	}
	return out
}

// TestGoneBeforeItsEnd says of a partition that is gone whether it had been read to its end.
func TestGoneBeforeItsEnd(t *testing.T) {
	const ended, cut = "was read to its end before and is in no list any more", "its walk had not ended: records of it may be missing"
	for _, c := range []struct {
		parts, query string
		pages        int
		says         []string
	}{
		{"", "", 1, []string{`{"g":"p"} is in no list any more, and ` + cut}},
		{"", "", 4, []string{`{"g":"p"} ` + ended}},
		{`, {window: {from: 2026-06-30T22:00:00Z, to: 2026-07-01, every: 1h}}`, `, from: "${window.from}"`, 4, []string{`{"g":"p"} is in no list any more, and ` + cut}},
		{`, {window: {from: 2026-06-30T22:00:00Z, to: 2026-07-01, every: 1h}}`, `, from: "${window.from}"`, 7, []string{`{"g":"p"} ` + ended}},
	} {
		r := newRig(t, groupsAPI, fmt.Sprintf(groupStream, c.query, c.parts, ""))
		want(t, r.run(func(j *runtime.Job) { j.Set["org"], j.MaxPages = "p,q", int64(c.pages) }), "truncated limit")
		want(t, r.run(func(j *runtime.Job) { j.Set["org"] = "q" }), "complete")
		got := r.details(runtime.NoticePartitionGone)
		if len(got) != len(c.says) || !strings.HasSuffix(got[0], c.says[0]) {
			t.Errorf("%d pages%s: %q, want %q", c.pages, c.parts, got, c.says)
		}
	}
}

// TestParentGoneBeforeItsEnd says the same of a parent's record.
func TestParentGoneBeforeItsEnd(t *testing.T) {
	f := newFamily(1, 3, 2)
	f.broken["/tenants/t0/t0.p1"] = 500
	r := newRig(t, f.ServeHTTP, familyStreams)
	only := func(j *runtime.Job) { j.Streams = []string{"issues"} }
	want(t, r.run(only), "failed http_500")
	f.set(func() { f.of["t0"] = []string{"t0.p2"} })
	want(t, r.run(only), "complete")
	got := r.details(runtime.NoticeParentGone)
	slices.Sort(got)
	if len(got) != 2 || strings.Contains(got[0], "had not ended") || !strings.Contains(got[1], "t0.p1") || !strings.Contains(got[1], "the walk of its chain had not ended, and records of it may be missing") {
		t.Errorf("%q", got)
	}
}

// TestValuesOfOneText makes a chain of each JSON value, of a list and of a parent's fields alike, run after
// run, also where a query cannot tell them apart.
func TestValuesOfOneText(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/parents" {
			answer(w, `[{"v":1},{"v":"1"},{"v":1.0},{"v":1},{"v":"1"}]`)
			return
		}
		var body struct{ V any }
		decode(q, &body)
		answer(w, `[{"id":%q}]`, fmt.Sprintf("%T", body.V))
	}, `
streams:
  parents: {request: {path: /parents}, records: {path: $}, pagination: {type: none}}
  kids:
    partitions: [{stream: parents, take: {v: v}}]
    request: {method: POST, path: /kids, body: {v: "${partition.v}"}}
    records: {path: $}
    pagination: {type: none}
  listed:
    partitions: [{values: {v: "${JSON.parse(config.org)}"}}]
    request: {method: POST, path: /listed, body: {v: "${partition.v}"}}
    records: {path: $}
    pagination: {type: none}
`)
	for run := range 2 {
		rep := r.run(func(j *runtime.Job) { j.Set["org"] = `[1,"1",1,"1"]` })
		want(t, rep, "complete")
		if kids, listed := rep.Streams.Of("kids").Chains, rep.Streams.Of("listed").Chains; kids != 3 || listed != 2 {
			t.Errorf("run %d: %d chains of parents, want 3; %d of values, want 2", run, kids, listed)
		}
	}
}
