package runtime_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
)

// TestStreamsWithoutChains says what is known of a stream whose partitions make no chains: no more than its
// parent's end does, and nothing where all of the parent's records lack the field that is taken.
func TestStreamsWithoutChains(t *testing.T) {
	const exact = "total: body.total"
	for _, c := range []struct {
		name, parents, total, records, partitions, want string
	}{
		{"all lack the field", `{"k":1},{"k":2}`, exact, "", "{stream: p, take: {v: other}}", "incomplete parent_field_missing"},
		{"the parent drops it", `{"k":1},{"k":2}`, exact, ", drop: [k]", "{stream: p, take: {v: k}}", "incomplete parent_field_missing"},
		{"one of two fields", `{"k":1},{"k":2}`, exact, "", "{stream: p, take: {v: k, w: other}}", "incomplete parent_field_missing"},
		{"some lack it", `{"k":1},{"other":2}`, exact, "", "{stream: p, take: {v: k}}", "complete proved"},
		{"no parents, counted", ``, exact, "", "{stream: p, take: {v: k}}", "complete proved"},
		{"no parents", ``, "end_values: [null]", "", "{stream: p, take: {v: k}}", "complete confirmed"},
		{"all filtered", `{"k":1},{"k":2}`, exact, `, filter: "${record.k > 5}"`, "{stream: p, take: {v: k}}", "complete proved"},
		{"parents, and an empty list", `{"k":1},{"k":2}`, exact, "", `{stream: p, take: {v: k}}, {values: {x: "${[]}"}}`, "complete assumed"},
		{"parents, and no windows", `{"k":1},{"k":2}`, exact, "", `{stream: p, take: {v: k}}, {window: {from: "${now}", to: "${now}"}}`, "complete assumed"},
		{"an empty list", ``, exact, "", `{values: {v: "${[]}"}}`, "complete assumed"},
		{"no windows", ``, exact, "", `{values: {v: [1]}}, {window: {from: "${now}", to: "${now}"}}`, "complete assumed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				if q.URL.Path == "/p" {
					n := 0
					if c.parents != "" {
						n = strings.Count(c.parents, ",{") + 1
					}
					answer(w, `{"r":[%s],"total":%d}`, c.parents, n)
					return
				}
				answer(w, `{"r":[{"id":1}],"total":1}`)
			}, `
streams:
  p: {request: {path: /p}, records: {path: r`+c.records+`}, pagination: {type: cursor, next: body.n, send: query.c, `+c.total+`}}
  i:
    request: {path: "/i/${partition.v}"}
    partitions: [`+c.partitions+`]
    records: {path: r}
    pagination: {type: none, total: body.total}
`)
			for _, streams := range [][]string{nil, {"i"}} {
				for range 2 {
					rep := r.run(func(j *runtime.Job) { j.Streams, j.Fresh = streams, true })
					child := rep.Streams[len(rep.Streams)-1]
					if got := child.Verdict + " " + child.Reason + string(child.Attested); got != c.want {
						t.Errorf("streams %v: %s, want %s: %s", streams, got, c.want, child.Message)
					}
					if child.Verdict != rep.Verdict {
						t.Errorf("the run ended %s, the child %s", rep.Verdict, child.Verdict)
					}
					if child.Verdict == runtime.Incomplete && !strings.Contains(child.Message, "no record of p has") {
						t.Error(child.Message)
					}
				}
			}
			if got := steppedEnd(t, r, "i"); got != c.want {
				t.Errorf("by steps: %s, want %s", got, c.want)
			}
		})
	}
}

// steppedEnd walks a stream by steps, and returns how that ended.
func steppedEnd(t *testing.T, r *rig, stream string) string {
	t.Helper()
	c, err := runtime.Load(r.dir, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	job := r.job
	job.Connector, job.Owner, job.Set = c, store.Self(time.Now()), map[string]string{"base_url": r.server.URL}
	at := runtime.StepAt{Stream: stream}
	for {
		res, err := runtime.StepWalk(context.Background(), &job, at)
		if err != nil {
			t.Fatal(err)
		}
		if res.Next == nil {
			return res.Verdict + " " + res.Reason + string(res.Attested)
		}
		at.Position = res.Next
	}
}

// TestChildlessRunThatGoesOn says the same when the parent was read by an earlier run.
func TestChildlessRunThatGoesOn(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/p":
			answer(w, `{"r":[{"k":1}],"total":1}`)
		default:
			answer(w, `{"r":[{"id":1}],"next":"more"}`)
		}
	}, `
streams:
  p: {request: {path: /p}, records: {path: r}, pagination: {type: cursor, next: body.n, send: query.c, total: body.total}}
  i: {request: {path: /i}, records: {path: r}, partitions: [{stream: p, take: {v: other}}]}
  long: {request: {path: /long}, records: {path: r}, pagination: {type: cursor, next: body.next, send: query.c, repeat: allow}, limits: {pages: 3}}
`)
	for range 3 {
		rep := r.run()
		if i := rep.Streams[1]; i.Verdict != runtime.Incomplete || i.Reason != runtime.NoticeParentField {
			t.Errorf("%s %s: %s", i.Verdict, i.Reason, i.Message)
		}
	}
}
