package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

// TestTakenFields takes fields of every JSON type; each comes back as itself.
func TestTakenFields(t *testing.T) {
	parents := `[{"k":1},{"k":9007199254740993},{"k":1.10},{"k":"a/b ü & \"c\""},{"k":true},{"k":null},{"k":{"x":[1,{"y":"z"}]}},{"k":[1,2]},{"k":""},{"other":1},{"k":"last","sub":{"n":7}}]`
	var mu sync.Mutex
	var bodies []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/parents" {
			answer(w, `%s`, parents)
			return
		}
		var body map[string]json.RawMessage
		decode(q, &body)
		mu.Lock()
		bodies = append(bodies, string(body["k"]))
		mu.Unlock()
		answer(w, `[{"id":%s}]`, strconv.Quote(string(body["k"])))
	}, `
streams:
  parents: {request: {path: /parents}, records: {path: $}, pagination: {type: none}}
  kids:
    partitions: [{stream: parents, take: {key: k}}]
    chains: {concurrency: 1}
    request: {method: POST, path: /kids, body: {k: "${partition.key}", fixed: 1}}
    records: {path: $, key: id}
    pagination: {type: none}
`)
	want(t, r.run(), "complete")
	wanted := []string{`1`, `9007199254740993`, `1.10`, `"a/b ü & \"c\""`, `true`, `{"x":[1,{"y":"z"}]}`, `[1,2]`, `""`, `"last"`}
	if !slices.Equal(bodies, wanted) {
		t.Errorf("got %q\nwant %q", bodies, wanted)
	}
	if r.noticed(runtime.NoticeParentField) != 2 {
		t.Error("the records without the field, or with null there, are not noticed")
	}
}

// family serves tenants, their projects and the projects' issues.
type family struct {
	mu     sync.Mutex
	of     map[string][]string // tenant → projects
	issues int                 // of each project
	asked  map[string]int      // by path
	broken map[string]int      // path → status
}

func newFamily(tenants, projects, issues int) *family {
	f := &family{of: map[string][]string{}, issues: issues, asked: map[string]int{}, broken: map[string]int{}}
	for t := range tenants {
		name := fmt.Sprintf("t%d", t)
		for p := range projects {
			f.of[name] = append(f.of[name], fmt.Sprintf("%s.p%d", name, p))
		}
	}
	return f
}

func (f *family) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := q.URL.Path
	f.asked[path]++
	if status := f.broken[path]; status != 0 {
		w.WriteHeader(status)
		return
	}
	at, _ := strconv.Atoi(q.URL.Query().Get("offset"))
	var list []string
	switch parts := strings.Split(strings.Trim(path, "/"), "/"); {
	case path == "/tenants":
		for t := range f.of {
			list = append(list, t)
		}
		slices.Sort(list)
	case len(parts) == 2:
		list = f.of[parts[1]]
	case !slices.Contains(f.of[parts[1]], parts[2]):
		w.WriteHeader(404)
		return
	default:
		for i := range f.issues {
			list = append(list, fmt.Sprintf("%s.i%d", parts[2], i))
		}
	}
	end := min(len(list), at+2)
	var b strings.Builder
	for i := min(at, end); i < end; i++ {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%q}`, list[i])
	}
	answer(w, `{"total":%d,"items":[%s]}`, len(list), b.String())
}

func (f *family) times(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[path]
}

func (f *family) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

const familyStreams = `
streams:
  tenants:
    request: {path: /tenants}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, total: body.total}
  projects:
    partitions: [{stream: tenants, take: {tenant: id}}]
    request: {path: "/tenants/${partition.tenant}"}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, total: body.total}
  issues:
    partitions: [{stream: projects, take: {project: id}}]
    request: {path: "/tenants/${partition.tenant}/${partition.project}"}
    records: {path: items, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, total: body.total}
  comments:
    partitions: [{stream: projects, take: {project: id}}, {values: {kind: [a, b]}}]
    request: {path: "/tenants/${partition.tenant}/${partition.project}", query: {kind: "${partition.kind}"}}
    records: {path: items, key: id, set: {kind: "${partition.kind}"}}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, total: body.total}
`

// TestFamily walks three generations, whichever of them are asked for; parents are read once a run.
func TestFamily(t *testing.T) {
	for _, streams := range [][]string{nil, {"issues"}, {"issues", "comments"}, {"tenants", "issues"}, {"comments", "projects"}} {
		t.Run(strings.Join(streams, "+"), func(t *testing.T) {
			f := newFamily(3, 5, 3)
			r := newRig(t, f.ServeHTTP, familyStreams)
			rep := r.run(func(j *runtime.Job) { j.Streams = streams })
			want(t, rep, "complete")
			if rep.Attested != engine.Proved {
				t.Errorf("attested %s", rep.Attested)
			}
			for stream, n := range map[string]int{"tenants": 3, "projects": 15, "issues": 45, "comments": 90} {
				if streams != nil && !slices.Contains(streams, stream) {
					n = 0
				}
				if got := len(r.lines(stream)); got != n {
					t.Errorf("%s: %d records, want %d", stream, got, n)
				}
			}
			if f.times("/tenants") != 2 || f.times("/tenants/t1") != 3 {
				t.Errorf("parents are fetched twice: %d, %d", f.times("/tenants"), f.times("/tenants/t1"))
			}
			if streams == nil && rep.Streams.Of("comments").Chains != 30 {
				t.Errorf("%d chains", rep.Streams.Of("comments").Chains)
			}
		})
	}
}

// TestParentFails reads what is there, says so, and goes on in the next run without reading twice.
func TestParentFails(t *testing.T) {
	f := newFamily(3, 3, 2)
	f.broken["/tenants/t1"] = 403
	r := newRig(t, f.ServeHTTP, familyStreams)
	only := func(j *runtime.Job) { j.Streams = []string{"projects", "issues"} }
	rep := r.run(only)
	want(t, rep, "failed http_403")
	if s := rep.Streams.Of("issues"); s.Verdict != runtime.Incomplete || s.Reason != runtime.CodeStream || s.Records != 12 {
		t.Errorf("%+v", s)
	}
	f.set(func() { delete(f.broken, "/tenants/t1") })
	want(t, r.run(only), "complete")
	if p, i := len(r.lines("projects")), len(r.lines("issues")); p != 9 || i != 18 {
		t.Errorf("%d projects, %d issues; want 9 and 18", p, i)
	}
	if n := f.times("/tenants/t0/t0.p0"); n != 1 {
		t.Errorf("a chain that had ended was asked %d times", n)
	}
}

// TestParentIsGone notes a parent that vanished between runs and lets go of its chains; a parent that is
// new gets its own.
func TestParentIsGone(t *testing.T) {
	f := newFamily(1, 3, 2)
	f.broken["/tenants/t0/t0.p1"] = 500
	r := newRig(t, f.ServeHTTP, familyStreams)
	only := func(j *runtime.Job) { j.Streams = []string{"issues"} }
	want(t, r.run(only), "failed http_500")
	f.set(func() { f.of["t0"] = []string{"t0.p0", "t0.p2", "t0.new"} })
	want(t, r.run(only), "complete")
	if got := r.noticed(runtime.NoticeParentGone); got != 1 {
		t.Errorf("%d parents are gone, want 1", got)
	}
	if got := len(r.lines("issues")); got != 6 {
		t.Errorf("%d issues, want those of p0, p2 and new", got)
	}
	f.set(func() { f.of["t0"] = []string{"t0.p0"} })
	want(t, r.run(only), "complete")
	if got := r.noticed(runtime.NoticeParentGone); got != 3 {
		t.Errorf("%d parents are gone, want 3", got)
	}
}

// TestKilledBetweenGenerations cuts a run off at every request: the parents' records are delivered once,
// and no child is left out.
func TestKilledBetweenGenerations(t *testing.T) {
	for kill := 1; kill <= 40; kill += 3 {
		f := newFamily(2, 3, 3)
		ctx, cancel := context.WithCancel(context.Background())
		var n atomic.Int64
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if n.Add(1) == int64(kill) {
				cancel()
			}
			f.ServeHTTP(w, q)
		}, familyStreams)
		r.runIn(ctx)
		cancel()
		want(t, r.run(), "complete")
		for stream, n := range map[string]int{"tenants": 2, "projects": 6, "issues": 18, "comments": 36} {
			got := r.lines(stream)
			if slices.Sort(got); len(got) != n || len(slices.Compact(got)) != n {
				t.Fatalf("killed at request %d: %s has %d records, want %d", kill, stream, len(got), n)
			}
		}
	}
}

// TestIncrementalParent has a chain for every record of the parent in every run, also where the parent's
// own walk brings the new ones alone.
func TestIncrementalParent(t *testing.T) {
	var mu sync.Mutex
	parents := []int{1, 2, 3}
	var kids []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if q.URL.Path == "/kids" {
			kids = append(kids, q.URL.Query().Get("p"))
			answer(w, `[]`)
			return
		}
		since, _ := strconv.Atoi(q.URL.Query().Get("since"))
		var list []string
		for _, p := range parents {
			if p > since {
				list = append(list, fmt.Sprintf(`{"id":%d}`, p))
			}
		}
		answer(w, `[%s]`, strings.Join(list, ","))
	}, `
streams:
  parents:
    request: {path: /parents, query: {since: "${watermark}"}}
    records: {path: $, key: id}
    pagination: {type: none}
    incremental: {watermark: max.id, type: number, order: asc}
  kids:
    partitions: [{stream: parents, take: {p: id}}]
    request: {path: /kids, query: {p: "${partition.p}"}}
    records: {path: $}
    pagination: {type: none}
`)
	want(t, r.run(), "complete")
	if r.requests() != 4 {
		t.Errorf("%d requests in the first run, want 4", r.requests())
	}
	parents = append(parents, 4)
	kids = nil
	want(t, r.run(func(j *runtime.Job) { j.Streams = []string{"parents"} }), "complete")
	want(t, r.run(), "complete")
	slices.Sort(kids)
	if strings.Join(kids, " ") != "1 2 3 4" {
		t.Errorf("the chains of the third run: %v", kids)
	}
	r.count("parents", "id", 4)
}

// TestChildAfterItsParentHasBegun asks for a child for the first time while the parent's walk is under
// way: it has a chain for the parents of the first pages too.
func TestChildAfterItsParentHasBegun(t *testing.T) {
	f := newFamily(5, 1, 1)
	r := newRig(t, f.ServeHTTP, familyStreams)
	want(t, r.run(func(j *runtime.Job) { j.Streams, j.MaxPages = []string{"tenants"}, 1 }), "truncated limit")
	want(t, r.run(func(j *runtime.Job) { j.Streams = []string{"tenants", "projects"} }), "complete")
	if a, b := len(r.lines("tenants")), len(r.lines("projects")); a != 5 || b != 5 {
		t.Errorf("%d tenants and %d projects, want 5 each", a, b)
	}
}
