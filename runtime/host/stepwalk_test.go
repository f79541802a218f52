package host_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/host"
)

// TestStepThroughChains: a walk without a partition goes through all of them, windows that are cut on
// the way, a parent's records and a job's chunks included, and ends with the worst verdict.
func TestStepThroughChains(t *testing.T) {
	t.Parallel()
	demo, connector, services := api(t), demoConnector(t), pair(t, wholeFolder(t), wholeFolder(t))
	for _, stream := range []string{"types", "windows", "issues", "export"} {
		set := map[string]string{"base_url": demo.URL, "run": "chains-run-" + stream, "records": "1300"}
		want := drained(t, connector, stream, set)
		config := map[string]any{"base_url": demo.URL, "run": "chains-step-" + stream, "records": 1300}
		got, calls, last := walk(t, services, map[string]any{"connector": "demo", "stream": stream, "config": config})
		same(t, stream, got, want)
		if last.Verdict != runtime.Complete || calls < 3 {
			t.Errorf("%s: %d calls, %s %s", stream, calls, last.Verdict, last.Reason)
		}
	}
	config := map[string]any{"base_url": demo.URL, "records": 1300}
	var parents stepped
	services[0].ok("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "projects", "config": config}, &parents)
	var parent struct{ Key string }
	if err := json.Unmarshal(parents.Records[0], &parent); err != nil {
		t.Fatal(err)
	}
	one := map[string]any{"connector": "demo", "stream": "issues", "config": config, "partition": map[string]any{"project": parent.Key}}
	if _, _, last := walk(t, services, one); last.Verdict != runtime.Complete {
		t.Errorf("%+v", last)
	}
	services[0].refused("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "issues", "config": config, "partition": map[string]any{"projct": "a"}}, 422, "partition")
}

// pair are two services on folders of their own that share nothing but a key.
func pair(t *testing.T, a, b string) []*service {
	t.Helper()
	change := func(o *host.Options) {
		o.StepKey, o.StepTime = "a key of enough entropy", 20*time.Second
	}
	return []*service{serve(t, a, change), serve(t, b, change)}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || len(want) == 0 {
		t.Errorf("%s: %d records by steps (%d different), %d by a run", what, len(got), len(slices.Compact(got)), len(want))
	}
}

// TestStepThroughParents: values, windows, parents and their parents, filters and taken fields make the
// chains that they make in a run, each once.
func TestStepThroughParents(t *testing.T) {
	t.Parallel()
	a, c := newTree(t), loadTree(t)
	services := pair(t, treeFolder(t), treeFolder(t))
	// Both begin within the same hour of windows: the set is named by it.
	since := time.Now().UTC().Add(-50 * time.Hour).Truncate(time.Hour).Format(time.RFC3339)
	to := func(records []string) []string { // the last window ends now
		out := []string{}
		for _, r := range records {
			out = append(out, strings.NewReplacer("/2h0m0s/", "/last/", "/3h0m0s/", "/last/").Replace(r))
		}
		return out
	}
	for _, stream := range []string{"projects", "items"} {
		want := drained(t, c, stream, map[string]string{"base_url": a.URL, "since": since})
		got, calls, last := walk(t, services, map[string]any{"connector": "tree", "stream": stream, "config": map[string]any{"base_url": a.URL, "since": since}})
		same(t, stream, to(got), to(want))
		if last.Verdict != runtime.Complete || last.Next != nil {
			t.Errorf("%s: %d calls: %+v", stream, calls, last)
		}
	}
	named := map[string]any{"org": "org00", "slug": "org00-x", "project": 0, "type": "a", "window": map[string]any{"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}}
	got, _, last := walk(t, services, map[string]any{"connector": "tree", "stream": "items", "config": map[string]any{"base_url": a.URL}, "partition": named})
	if last.Verdict != runtime.Complete || len(got) != 2 {
		t.Errorf("%v %+v", got, last)
	}
	var first stepped
	body := map[string]any{"connector": "tree", "stream": "items", "config": map[string]any{"base_url": a.URL}}
	services[0].ok("POST", "/v1/step", body, &first)
	body["next"], body["partition"] = *first.Next, named
	services[0].refused("POST", "/v1/step", body, 422, "partition")
}

// TestStepThroughManyParents: a parent with more records than a walk carries is read on in between, in
// parts where its pages are long.
func TestStepThroughManyParents(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	pages := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		var items []string
		switch n, _ := strconv.Atoi(r.URL.Query().Get("page")); {
		case r.URL.Path == "/leaves":
			items = append(items, fmt.Sprintf(`{"id":%q}`, r.URL.Query().Get("of")))
		default:
			pages++
			for i := range 600 {
				if i += 600 * (n - 1); i < 650 {
					items = append(items, fmt.Sprintf(`{"id":%d}`, i))
				}
			}
		}
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "connectors/many/connector.yaml"), fmt.Sprintf(`connector: many
format: 1
http: {base_url: %q}
streams:
  roots:
    request: {path: /roots}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page}
  leaves:
    request: {path: /leaves, query: {of: "${partition.root}"}}
    records: {path: items, key: id}
    partitions: [{stream: roots, take: {root: id}}]
    pagination: {type: none}
  wide:
    request: {path: /leaves, query: {of: "${window.from}"}}
    records: {path: items, key: id}
    partitions: [{stream: roots, take: {root: id}}, {window: {from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z, every: 1m}}]
    pagination: {type: none}
`, srv.URL))
	write(t, filepath.Join(dir, "jobs.yaml"), "")
	s := serve(t, dir, nil)
	body := map[string]any{"connector": "many", "stream": "leaves"}
	seen, longest := map[string]bool{}, 0
	for calls := range 2000 {
		var got stepped
		s.ok("POST", "/v1/step", body, &got)
		for _, r := range got.Records {
			if seen[string(r)] {
				t.Fatalf("%s comes again", r)
			}
			seen[string(r)] = true
		}
		if got.Next == nil {
			if got.Verdict != runtime.Complete || len(seen) != 650 {
				t.Errorf("%d records in %d calls: %+v", len(seen), calls, got)
			}
			break
		}
		longest = max(longest, len(*got.Next))
		body["next"] = *got.Next
	}
	if longest > 60_000 || pages > 6 {
		t.Errorf("next is %d bytes long, %d pages of the parent were asked for", longest, pages)
	}
	wide := map[string]any{"connector": "many", "stream": "wide"}
	var got stepped
	for got.Count == 0 {
		r := s.call("POST", "/v1/step", wide)
		if r.status == 422 {
			if !strings.Contains(string(r.body), "more than 1000 chains of") || !strings.Contains(string(r.body), "naming each as partition") {
				t.Errorf("%s", r.body)
			}
			return
		}
		got = stepped{}
		r.into(t, &got)
		if got.Next == nil {
			break
		}
		wide["next"] = *got.Next
	}
	t.Errorf("a list without bounds was taken: %+v", got)
}

// TestStepThroughChunks: a job is submitted once, read by whoever is called, and closed at the end.
func TestStepThroughChunks(t *testing.T) {
	t.Parallel()
	c := loadTree(t)
	services := pair(t, treeFolder(t), treeFolder(t))
	for _, tt := range []struct {
		name, stream string
		change       func(*treeAPI)
		opened       int
	}{
		{"reports", "reports", func(*treeAPI) {}, 1},
		{"reports, lost", "reports", func(a *treeAPI) { a.lost = 9 }, 2},
		{"both", "both", func(*treeAPI) {}, 1},
		{"both, lost", "both", func(a *treeAPI) { a.lost = 30 }, 2},
		{"listing", "listing", func(*treeAPI) {}, 1},
		{"listing, lost", "listing", func(a *treeAPI) { a.lost = 2 }, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := drained(t, c, tt.stream, map[string]string{"base_url": newTree(t).URL})
			a := newTree(t)
			tt.change(a)
			body := map[string]any{"connector": "tree", "stream": tt.stream, "config": map[string]any{"base_url": a.URL}}
			got, calls, last := walk(t, services, body)
			same(t, tt.name, got, want)
			if opened, open := a.state(); opened != tt.opened || open != 0 || last.Verdict != runtime.Complete {
				t.Errorf("%d jobs, %d left open, %d calls, %+v", opened, open, calls, last)
			}
		})
	}
}

// TestStepWaitsForAJob: a job that is not ready within the time of a call is waited for over several of
// them, and submitted once.
func TestStepWaitsForAJob(t *testing.T) {
	t.Parallel()
	dir := treeFolder(t)
	write(t, filepath.Join(dir, "connectors/tree/connector.yaml"), strings.ReplaceAll(treeConnector, "every: 30ms", "every: 1s"))
	s := serve(t, dir, func(o *host.Options) { o.StepTime = time.Second })
	for _, stream := range []string{"reports", "listing"} {
		a := newTree(t)
		a.polls = 3
		body := map[string]any{"connector": "tree", "stream": stream, "config": map[string]any{"base_url": a.URL}}
		waits := 0
		for range 100 {
			r := s.call("POST", "/v1/step", body)
			var got struct {
				stepped
				Until   string `json:"until"`
				Message string `json:"message"`
			}
			r.into(t, &got)
			if r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if strings.Contains(string(r.body), "secret-job") {
				t.Errorf("the job's id is shown: %s", r.body)
			}
			if got.Until != "" {
				waits++
				if got.Count != 0 || got.Verdict != "more" || r.head.Get("Retry-After") == "" || !strings.Contains(got.Message, "not ready") {
					t.Errorf("%s", r.body)
				}
			}
			if got.Next == nil {
				break
			}
			body["next"] = *got.Next
		}
		if opened, open := a.state(); opened != 1 || open != 0 || waits != 3 {
			t.Errorf("%s: %d jobs, %d left open, %d waits", stream, opened, open, waits)
		}
	}
}

// TestStepJobFailures: what is passing leaves the job as it is, and what is not closes it.
func TestStepJobFailures(t *testing.T) {
	t.Parallel()
	s := serve(t, treeFolder(t), nil)
	for _, tt := range []struct {
		name, stream string
		change       func(*treeAPI)
		first        int // status of the first call; the second brings a page
		opened       int
	}{
		{"busy at the first poll", "reports", func(a *treeAPI) { a.busy = "-1" }, 200, 1},
		{"busy at the first poll", "listing", func(a *treeAPI) { a.busy = "-1" }, 200, 1},
		{"busy at the first page", "reports", func(a *treeAPI) { a.busy = "/1" }, 200, 1},
		{"busy at the first page", "listing", func(a *treeAPI) { a.busy = "/7" }, 200, 1},
		{"refused at the first poll", "reports", func(a *treeAPI) { a.wrong = "-1" }, 502, 2},
		{"refused at the first poll", "listing", func(a *treeAPI) { a.wrong = "-1" }, 502, 2},
	} {
		a := newTree(t)
		tt.change(a)
		body := map[string]any{"connector": "tree", "stream": tt.stream, "config": map[string]any{"base_url": a.URL}}
		for i, status := range []int{tt.first, 200} {
			r := s.call("POST", "/v1/step", body)
			if r.status != status {
				t.Errorf("%s, %s: call %d: %d %s", tt.stream, tt.name, i, r.status, r.body)
			}
			var got stepped
			r.into(t, &got)
			if got.Next != nil {
				body["next"] = *got.Next
			}
			if i == 1 && got.Count == 0 {
				t.Errorf("%s, %s: %s", tt.stream, tt.name, r.body)
			}
		}
		if opened, open := a.state(); opened != tt.opened || open != 1 {
			t.Errorf("%s, %s: %d jobs, %d left open", tt.stream, tt.name, opened, open)
		}
	}
	a := newTree(t) // carried, and refused in the middle
	body := map[string]any{"connector": "tree", "stream": "reports", "config": map[string]any{"base_url": a.URL}}
	var got stepped
	s.ok("POST", "/v1/step", body, &got)
	body["next"] = *got.Next
	a.mu.Lock()
	a.busy = "/1"
	a.mu.Unlock()
	s.refused("POST", "/v1/step", body, 502, "step_failed")
	if _, open := a.state(); open != 1 {
		t.Error("a job that could be gone on with was closed")
	}
	s.ok("POST", "/v1/step", body, &got)
	a.mu.Lock()
	a.wrong = "/1"
	a.mu.Unlock()
	s.refused("POST", "/v1/step", body, 502, "step_failed")
	if _, open := a.state(); open != 0 {
		t.Error("a job whose page was refused is left open")
	}
}

// TestJobSubmissionParks: an API that takes no job for hours parks a run, and a step, in place of failing
// them.
func TestJobSubmissionParks(t *testing.T) {
	t.Parallel()
	a := newTree(t)
	a.later = true
	s := serve(t, treeFolder(t), nil)
	config := map[string]any{"base_url": a.URL}
	for _, stream := range []string{"reports", "listing"} {
		p := s.refused("POST", "/v1/step", map[string]any{"connector": "tree", "stream": stream, "config": config}, 429, "parked")
		if p.Until == "" || p.Verdict != runtime.Parked {
			t.Errorf("%+v", p)
		}
		var r host.RunStatus
		s.ok("POST", "/v1/runs", map[string]any{"connector": "tree", "streams": []string{stream}, "to": "null:", "config": config}, &r)
		for r.Phase != host.Sleeping && !r.Phase.Over() {
			s.ok("GET", "/v1/runs/"+r.ID, nil, &r)
			pause(t)
		}
		if r.Verdict != runtime.Parked || time.Until(r.Until) < time.Hour {
			t.Errorf("%s: %+v", stream, r)
		}
	}
}

// TestStepParentDoubt: a parent that ends in doubt makes the walk end so, with the records of what it
// has listed.
func TestStepParentDoubt(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/leaves" {
			fmt.Fprintf(w, `[{"id":%q}]`, r.URL.Query().Get("of"))
			return
		}
		n, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		fmt.Fprintf(w, `[{"id":%d},{"id":%d}]`, n, n+1)
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "connectors/doubt/connector.yaml"), fmt.Sprintf(`connector: doubt
format: 1
http: {base_url: %q}
streams:
  roots:
    request: {path: /roots}
    records: {path: $, key: id}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, cap: 4}
  leaves:
    request: {path: /leaves, query: {of: "${partition.root}"}}
    records: {path: $, key: id}
    partitions: [{stream: roots, take: {root: id}}]
    pagination: {type: none}
`, srv.URL))
	write(t, filepath.Join(dir, "jobs.yaml"), "")
	s := serve(t, dir, nil)
	got, _, last := walk(t, []*service{s}, map[string]any{"connector": "doubt", "stream": "leaves"})
	if len(got) != 4 || last.Verdict != runtime.Truncated || last.Reason != runtime.CodeStream {
		t.Errorf("%d records, %+v", len(got), last)
	}
}
