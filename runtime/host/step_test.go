package host_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/host"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// stepped is an answer of POST /v1/step.
type stepped struct {
	Records []json.RawMessage `json:"records"`
	Count   int               `json:"count"`
	Next    *string           `json:"next"`
	Verdict string            `json:"verdict"`
	Reason  string            `json:"reason"`
}

// walk calls step until there is no next, each call at another of the services.
func walk(t *testing.T, services []*service, body map[string]any) (records []string, calls int, last stepped) {
	t.Helper()
	for {
		s := services[calls%len(services)]
		calls++
		last = stepped{}
		s.ok("POST", "/v1/step", body, &last)
		if last.Count != len(last.Records) {
			t.Fatalf("count %d, %d records", last.Count, len(last.Records))
		}
		for _, r := range last.Records {
			records = append(records, string(r))
		}
		if last.Next == nil {
			return records, calls, last
		}
		if last.Verdict != "more" || calls > 500 {
			t.Fatalf("%s after %d calls", last.Verdict, calls)
		}
		body["next"] = *last.Next
	}
}

// demoConnector is the connector that every stream is drained with.
func demoConnector(t *testing.T) *runtime.Connector {
	t.Helper()
	c, err := runtime.LoadFS(connectors.FS, "demo", script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// drained is what Run delivers of a stream.
func drained(t *testing.T, c *runtime.Connector, stream string, set map[string]string) []string {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, "state.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	path := filepath.Join(dir, "out.jsonl")
	out, err := sink.New(t.Context(), "jsonl:"+path, sink.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := runtime.Run(t.Context(), &runtime.Job{Connector: c, Streams: []string{stream}, Set: set, Ledger: db, Sink: out})
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict != runtime.Complete {
		t.Fatal(report.Message)
	}
	return lines(t, path)
}

// TestStepEqualsRun: one page a call, every second call at another service that shares nothing but the
// key, brings what a run brings, in 50 pages and more.
func TestStepEqualsRun(t *testing.T) {
	t.Parallel()
	demo, connector := api(t), demoConnector(t)
	key := func(o *host.Options) { o.StepKey = "a key of enough entropy" }
	dirs := []string{wholeFolder(t), wholeFolder(t)}
	for _, dir := range dirs { // more pages
		path := filepath.Join(dir, "connectors/demo/connector.yaml")
		write(t, path, strings.Replace(strings.Join(lines(t, path), "\n")+"\n", "limit: {send: query.limit, value: 500}", "limit: {send: query.limit, value: 50}", 1))
	}
	a, b := serve(t, dirs[0], key), serve(t, dirs[1], key)
	for _, c := range []struct {
		stream, faults string
		records        int
	}{
		{"offset", "", 2_600},
		{"cursor", "", 1300},
		{"cursor", "lost@2", 1300}, // recovers by a fallback, whose state travels
		{"cursor", "lost@2*", 1300},
		{"page", "", 1300}, {"search_after", "", 1300}, {"timestamp", "", 1300}, {"number_token", "", 1300}, {"array_token", "", 1300},
		{"object_token", "", 1300}, {"kubernetes", "expire:410@2", 1300}, {"link_body", "", 1300}, {"link_header", "", 1300}, {"graphql", "", 1300},
		{"point_in_time", "", 1300}, {"delta", "", 1300}, {"polling", "", 1300}, {"alerts", "", 1300}, {"ndjson", "", 1300}, {"oai", "", 1300},
	} {
		t.Run(c.stream+" "+c.faults, func(t *testing.T) {
			world := strings.NewReplacer(" ", "-", "@", "-").Replace("w-" + c.stream + "-" + c.faults)
			set := map[string]string{"base_url": demo.URL, "run": world + "-r", "records": fmt.Sprint(c.records), "faults": c.faults}
			want := drained(t, connector, c.stream, set)
			for name, services := range map[string][]*service{"one": {a}, "two": {a, b}} {
				config := map[string]any{"base_url": demo.URL, "run": world + "-" + name, "records": c.records, "faults": c.faults}
				got, calls, last := walk(t, services, map[string]any{"connector": "demo", "stream": c.stream, "config": config})
				if last.Verdict != runtime.Complete {
					t.Errorf("%s: %s %s", name, last.Verdict, last.Reason)
				}
				if c.stream == "offset" && calls < 50 {
					t.Errorf("%s: %d calls", name, calls)
				}
				slices.Sort(got)
				if sorted := slices.Sorted(slices.Values(want)); !slices.Equal(got, sorted) {
					t.Errorf("%s: %d records in %d calls, a run brings %d", name, len(got), calls, len(want))
				}
			}
		})
	}
}

// TestStepLimit: a limit goes on inside the page.
func TestStepLimit(t *testing.T) {
	demo, s := api(t), serve(t, folder(t, ""), nil)
	config := map[string]any{"base_url": demo.URL, "run": "limit", "records": 700}
	got, calls, _ := walk(t, []*service{s}, map[string]any{"connector": "demo", "stream": "offset", "config": config, "limit": 150})
	if len(got) != 700 || calls < 5 {
		t.Errorf("%d records in %d calls", len(got), calls)
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != 700 {
		t.Errorf("%d different records", n)
	}
}

// TestStepEnds: what says that nothing is left asks nothing of the API, and next is never null.
func TestStepEnds(t *testing.T) {
	s := serve(t, folder(t, ""), nil)
	for _, next := range []string{`""`, `"0"`, `0`} {
		got := s.call("POST", "/v1/step", `{"connector":"demo","stream":"cursor","config":{"base_url":"http://127.0.0.1:1"},"next":`+next+`}`)
		if got.status != 200 || !strings.HasPrefix(string(got.body), `{"records":[],"count":0,"verdict":"complete"`) || strings.Contains(string(got.body), `"next"`) {
			t.Errorf("next %s: %d %s", next, got.status, got.body)
		}
	}
	demo := api(t)
	for _, next := range []string{"", `,"next":null`} {
		got := s.call("POST", "/v1/step", fmt.Sprintf(`{"connector":"demo","stream":"all","config":{"base_url":%q,"records":3}%s}`, demo.URL, next))
		if got.status != 200 || strings.Contains(string(got.body), `"next":`) || !strings.Contains(string(got.body), `"count":3,"verdict":"complete","attested"`) {
			t.Errorf("%d %s", got.status, got.body)
		}
	}
}

// TestNextIsTamperEvident: a next opens for its own connector, stream and config, and unchanged.
func TestNextIsTamperEvident(t *testing.T) {
	demo := api(t)
	s := serve(t, folder(t, ""), func(o *host.Options) { o.StepKey = "a key of enough entropy" })
	other := serve(t, folder(t, ""), func(o *host.Options) { o.StepKey = "another key that differs" })
	config := map[string]any{"base_url": demo.URL, "records": 1300}
	ask := func(stream, next string, config map[string]any) map[string]any {
		return map[string]any{"connector": "demo", "stream": stream, "config": config, "next": next}
	}
	var first stepped
	s.ok("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "cursor", "config": config}, &first)
	next := *first.Next
	if strings.Contains(next, "cursor") || strings.Contains(next, "127.0.0.1") {
		t.Error("next shows what it holds")
	}
	for i := range len(next) {
		if i > 40 && i < len(next)-40 && i%97 != 0 {
			continue // every bit of a sealed text counts alike
		}
		b := []byte(next)
		b[i] ^= 1
		p := s.refused("POST", "/v1/step", ask("cursor", string(b), config), 422, "next")
		if p.Detail == "" {
			t.Error("no reason")
		}
	}
	for _, bad := range []string{next[:len(next)-1], next + "A", next + "\n", next[:9] + "\r\n" + next[9:], "s1.", "s2." + next[3:], "0 ", "null", strings.Repeat("A", 5000)} {
		s.refused("POST", "/v1/step", ask("cursor", bad, config), 422, "next")
	}
	s.refused("POST", "/v1/step", ask("offset", next, config), 422, "next")
	s.refused("POST", "/v1/step", ask("cursor", next, map[string]any{"base_url": demo.URL, "records": 1301}), 422, "next")
	other.refused("POST", "/v1/step", ask("cursor", next, config), 422, "next")
	var second stepped
	s.ok("POST", "/v1/step", ask("cursor", next, config), &second)
	if second.Count == 0 {
		t.Error("the true next brought nothing")
	}
}

// TestStepFailures: a page that was not read is a problem, and the same call may come again.
func TestStepFailures(t *testing.T) {
	s := serve(t, folder(t, ""), nil)
	body := func(faults string) map[string]any {
		demo := api(t) // each its own: who is told to wait waits for all calls to that address
		return map[string]any{"connector": "demo", "stream": "cursor", "config": map[string]any{"base_url": demo.URL, "run": faults[:3], "records": 1300, "faults": faults}}
	}
	got := s.call("POST", "/v1/step", body("429:7200@1*"))
	var p host.Problem
	got.into(t, &p)
	if got.status != 429 || p.Verdict != runtime.Parked || p.Until == "" || got.head.Get("Retry-After") == "" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if p := s.refused("POST", "/v1/step", body("401@1*"), 502, "step_failed"); p.Reason == "" {
		t.Errorf("%+v", p)
	}
	s.refused("POST", "/v1/step", map[string]any{"connector": "dmo", "stream": "cursor"}, 404, "no_connector")
	s.refused("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "curser"}, 404, "no_stream")
	s.refused("POST", "/v1/step", map[string]any{"connector": "demo"}, 404, "no_stream")
	s.refused("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "cursor", "limit": -1}, 422, "limit")
	s.refused("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "cursor", "config": map[string]any{"recrods": 1}}, 422, "config")
	s.refused("POST", "/v1/step", map[string]any{"connector": "demo", "stream": "cursor", "config": map[string]any{"records": "many"}}, 422, "config")
}
