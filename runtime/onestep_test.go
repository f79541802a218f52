package runtime_test

import (
	"context"
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

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
)

// heap is a Sink that keeps records by stream.
type heap struct{ records map[string][]string }

func (h *heap) Target(stream string) string { return stream }

func (h *heap) Open(context.Context, string, []byte, bool) error { return nil }

func (h *heap) Write(_ context.Context, stream, _ string, records [][]byte, _ []string) error {
	for _, r := range records {
		h.records[stream] = append(h.records[stream], string(r))
	}
	return nil
}

func (h *heap) Mark(context.Context, string) (string, []byte, error) { return "", nil, nil }

func (h *heap) Durable(string) bool { return true }

func (h *heap) Notes() [][2]string { return nil }

func (h *heap) Close(context.Context) error { return nil }

// drained runs a stream and returns its records, sorted, and the chains that were read.
func drained(t *testing.T, job runtime.Job, stream string) (records, chains []string, report *runtime.Report) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out := &heap{map[string][]string{}}
	var mu sync.Mutex
	job.Ledger, job.Sink, job.Streams = db, out, []string{stream}
	job.Observe = func(e runtime.Event) {
		if e.Kind == runtime.EventChainStart && e.Stream == stream {
			mu.Lock()
			defer mu.Unlock()
			chains = append(chains, e.Chain)
		}
	}
	report, err = runtime.Run(t.Context(), &job)
	if err != nil {
		t.Fatal(err)
	}
	records = out.records[stream]
	slices.Sort(records)
	return records, chains, report
}

// stepped reads a chain by one call of Step after the other, each with what the one before printed.
func stepped(t *testing.T, job runtime.Job, at runtime.StepAt) (records []string, last *runtime.StepResult) {
	t.Helper()
	for range 500 {
		r, err := runtime.Step(t.Context(), &job, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range r.Records {
			records = append(records, string(rec))
		}
		if r.Next == nil {
			return records, r
		}
		if r.Verdict != runtime.Complete {
			t.Fatalf("verdict %s with a next position", r.Verdict)
		}
		at.Position = json.RawMessage(string(r.Next)) // as it comes back from a shell
	}
	t.Fatal("no end after 500 pages")
	return nil, nil
}

func loadDemo(t *testing.T) *runtime.Connector {
	t.Helper()
	c, err := runtime.LoadFS(connectors.FS, "demo", script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func startDemo(t *testing.T) *demo.Server {
	t.Helper()
	s, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// unique drops records that two pages share: Step does not, Run does.
func unique(records []string) []string {
	slices.Sort(records)
	return slices.Compact(records)
}

// TestStepReadsWhatRunReads walks every stream of the demo both ways.
func TestStepReadsWhatRunReads(t *testing.T) {
	c, api := loadDemo(t), startDemo(t)
	for _, st := range c.Spec.Streams {
		t.Run(st.Name, func(t *testing.T) {
			t.Parallel()
			job := runtime.Job{Connector: c, Set: map[string]string{"base_url": api.URL, "run": "step-" + st.Name, "records": "1300"}}
			want, chains, report := drained(t, job, st.Name)
			if report.Verdict != runtime.Complete {
				t.Fatal(report.Message)
			}
			var got []string
			for _, chain := range chains {
				at := runtime.StepAt{Stream: st.Name}
				if chain != "" {
					at.Partition = json.RawMessage(chain)
				}
				records, last := stepped(t, job, at)
				if last.Reason == runtime.CodeWindow && strings.Contains(last.Detail, "read its halves") {
					continue // they are among the chains
				}
				if last.Verdict != runtime.Complete {
					t.Errorf("chain %q: %s", chain, last.Message)
				}
				got = append(got, records...)
			}
			if got = unique(got); !slices.Equal(got, want) {
				t.Errorf("%d records step by step, %d by run", len(got), len(want))
			}
		})
	}
}

// TestStepPositionsAreTheAPIs holds the positions to what the API itself says.
func TestStepPositionsAreTheAPIs(t *testing.T) {
	c, api := loadDemo(t), startDemo(t)
	for stream, want := range map[string]string{
		"offset": `500`, "page": `2`, "number_token": `9007199`, "array_token": `[17`, "search_after": `9007199`, "timestamp": `"2026-`,
		"object_token": `{"apcontinue":`, "link_body": `"http://127.0.0.1:`, "cursor": `"+//`,
	} {
		t.Run(stream, func(t *testing.T) {
			job := runtime.Job{Connector: c, Set: map[string]string{"base_url": api.URL}}
			r, err := runtime.Step(t.Context(), &job, runtime.StepAt{Stream: stream, Position: json.RawMessage("null")})
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Records) != 500 || !strings.HasPrefix(string(r.Next), want) {
				t.Errorf("%d records, next %.60s; want 500 and %s…", len(r.Records), r.Next, want)
			}
		})
	}
}

func TestStepEnds(t *testing.T) {
	c, api := loadDemo(t), startDemo(t)
	job := runtime.Job{Connector: c, Set: map[string]string{"base_url": api.URL}}
	for _, position := range []string{`""`, `"0"`} {
		r, err := runtime.Step(t.Context(), &job, runtime.StepAt{Stream: "cursor", Position: json.RawMessage(position)})
		if err != nil || r.Fetched || r.Next != nil || len(r.Records) > 0 || r.Verdict != runtime.Complete {
			t.Errorf("position %s: %+v, %v", position, r, err)
		}
	}
	for _, c := range []struct{ stream, position, partition, want string }{
		{"offset", `"x"`, "", `position: the position "x" does not fit stream offset, which pages by offset; want a whole number`},
		{"all", `5`, "", "position: stream all is one page and has no position"},
		{"link_body", `7`, "", "position: the position 7 does not fit stream link_body"},
		{"object_token", `"x"`, "", "want an object, whose fields become parameters"},
		{"types", ``, "", `partition: stream types has 6 chains; name one with --partition, such as '{"type":"ipv4"}'`},
		{"types", ``, `{"typ":"ipv4"}`, `partition: {"typ":"ipv4"} does not name a chain of stream types; want {"type":…}`},
		{"issues", ``, "", `partition: stream issues has a chain for each record of projects; name one with --partition '{"project":…}'`},
		{"offset", ``, `{"a":1}`, "partition: stream offset has no partitions"},
		{"cursor", `{"$state":{"fp":"0"}}`, "", "position: it was printed by another version of this connector or under other values"},
		{"cursor", `{"$state":7}`, "", "position: it has the member $state but is not one that `runner step` has printed"},
		{"curser", ``, "", "did you mean cursor?"},
	} {
		at := runtime.StepAt{Stream: c.stream}
		if c.position != "" {
			at.Position = json.RawMessage(c.position)
		}
		if c.partition != "" {
			at.Partition = json.RawMessage(c.partition)
		}
		if _, err := runtime.Step(t.Context(), &job, at); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s at %s: %v\nwant %s", c.stream, c.position, err, c.want)
		}
	}
}

// TestStepDoubts: a page that contradicts itself has no next position, and says so.
func TestStepDoubts(t *testing.T) {
	c, api := loadDemo(t), startDemo(t)
	for _, k := range []struct{ stream, faults, verdict, reason string }{
		{"cursor", "lost@2*", runtime.Incomplete, "next_token_missing"},
		{"graphql", "lost@2*", runtime.Incomplete, "next_token_missing"},
		{"cursor", "403@2*", runtime.Failed, "http_403"},
		{"offset", "429:3600@2*", runtime.Parked, "parked"},
	} {
		job := runtime.Job{Connector: c, Set: map[string]string{"base_url": api.URL, "run": k.faults[:3] + k.stream, "faults": k.faults}}
		first, err := runtime.Step(t.Context(), &job, runtime.StepAt{Stream: k.stream})
		if err != nil || first.Next == nil {
			t.Fatalf("%s: %+v, %v", k.stream, first, err)
		}
		r, err := runtime.Step(t.Context(), &job, runtime.StepAt{Stream: k.stream, Position: first.Next})
		if err != nil || r.Verdict != k.verdict || r.Reason != k.reason || r.Next != nil {
			t.Errorf("%s with %s: %s %s next %s, %v; want %s %s", k.stream, k.faults, r.Verdict, r.Reason, r.Next, err, k.verdict, k.reason)
		}
	}
}

// TestStepCutsAPage: a limit of records ends inside the page, and the next step goes on there.
func TestStepCutsAPage(t *testing.T) {
	c, api := loadDemo(t), startDemo(t)
	job := runtime.Job{Connector: c, Set: map[string]string{"base_url": api.URL, "records": "700"}}
	want, _, _ := drained(t, job, "cursor")
	job.MaxRecords = 150
	got, last := stepped(t, job, runtime.StepAt{Stream: "cursor"})
	if slices.Sort(got); last.Verdict != runtime.Complete || !slices.Equal(got, want) {
		t.Errorf("%d of %d records, %s", len(got), len(want), last.Message)
	}
}

// TestStepHandsTheMemoOver: what a hook remembers goes from step to step, and so does a position that
// looks like an end.
func TestStepHandsTheMemoOver(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("at"))
		fmt.Fprintf(w, `{"items":[{"id":%d}],"at":%d}`, n, n)
	}))
	defer api.Close()
	const yaml = `
connector: memo
format: 1
http: {base_url: %s}
streams:
  items:
    request: {path: /}
    records: {path: items, key: id}
    pagination: {type: hook, send: query.at}
`
	hook := `function next(page) {
  const seen = (page.memo || 0) + 1;
  return seen === 4 ? {end: "four pages"} : {token: String(page.body.at + (page.body.at === 2 ? -2 : 1)), memo: seen};
}`
	c, err := runtime.Parse("memo.yaml", fmt.Appendf(nil, yaml, api.URL), func(string) (string, string, error) { return "hook.js", hook, nil }, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, last := stepped(t, runtime.Job{Connector: c}, runtime.StepAt{Stream: "items"})
	if want := `{"id":0} {"id":1} {"id":2} {"id":0}`; strings.Join(got, " ") != want || last.Verdict != runtime.Complete {
		t.Errorf("got %v, %s; want %s", got, last.Message, want)
	}
}

func TestCheckWatermark(t *testing.T) {
	src := `
connector: w
format: 1
http: {base_url: "http://127.0.0.1:1"}
streams:
  timed:    {request: {path: /}, pagination: {type: none}, incremental: {watermark: max.at, type: time}}
  numbered: {request: {path: /}, pagination: {type: none}, incremental: {watermark: max.at, type: number}}
  plain:    {request: {path: /}, pagination: {type: none}}
`
	c, err := runtime.Parse("w.yaml", []byte(src), nil, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, k := range []struct {
		stream, watermark string
		ok                bool
	}{
		{"timed", `"2026-01-31T00:00:00Z"`, true}, {"timed", `"yesterday"`, false}, {"numbered", `17`, true}, {"numbered", `"x"`, false}, {"plain", `1`, false},
	} {
		if err := runtime.CheckWatermark(c.Spec.Stream(k.stream), json.RawMessage(k.watermark)); (err == nil) != k.ok {
			t.Errorf("%s %s: %v", k.stream, k.watermark, err)
		}
	}
}
