package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// rig is a connector with a ledger and an output on disk that several runs share.
type rig struct {
	t      *testing.T
	dir    string
	server *httptest.Server
	job    runtime.Job // what every run begins with

	mu     sync.Mutex
	events []runtime.Event
	asked  []string // request URIs, in order
}

// newRig serves api and writes the connector, whose ${config.base_url} is the server.
func newRig(t *testing.T, api http.HandlerFunc, streams string) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir()}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, q.Method+" "+q.RequestURI)
		r.mu.Unlock()
		api(w, q)
	}))
	t.Cleanup(r.server.Close)
	r.write(streams)
	return r
}

// write puts the connector file in place; streams is everything below `http`.
func (r *rig) write(streams string) {
	r.t.Helper()
	text := "connector: test\nformat: 1\nconfig:\n  base_url: {type: url, required: true}\n  org: {type: string}\n" +
		"http:\n  base_url: ${config.base_url}\n  retry: {attempts: 3, initial: 1ms, max: 5ms}\n" + streams
	if err := os.WriteFile(filepath.Join(r.dir, "connector.yaml"), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// run makes one run, as a process of its own would: ledger and sink are opened and closed.
func (r *rig) run(change ...func(*runtime.Job)) *runtime.Report {
	r.t.Helper()
	return r.runIn(context.Background(), change...)
}

// runIn is run under a context that may end.
func (r *rig) runIn(ctx context.Context, change ...func(*runtime.Job)) *runtime.Report {
	r.t.Helper()
	report, err := r.start(ctx, change...)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// start is runIn of a run that may not even begin.
func (r *rig) start(runCtx context.Context, change ...func(*runtime.Job)) (*runtime.Report, error) {
	r.t.Helper()
	c, err := runtime.Load(r.dir, script.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	db, err := store.Open(ctx, filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	out, err := sink.New(ctx, "jsonl:"+filepath.Join(r.dir, "{stream}.jsonl"), sink.Options{Ledger: db.Path()})
	if err != nil {
		r.t.Fatal(err)
	}
	job := r.job
	job.Connector, job.Ledger, job.Sink, job.Owner = c, db, out, store.Self(time.Now())
	job.Set = map[string]string{"base_url": r.server.URL}
	job.Observe = func(e runtime.Event) {
		r.mu.Lock()
		r.events = append(r.events, e)
		r.mu.Unlock()
	}
	for _, f := range change {
		f(&job)
	}
	return runtime.Run(runCtx, &job)
}

// want fails unless the run ended as it says: "complete", "incomplete next_token_missing".
func want(t *testing.T, r *runtime.Report, verdict string) {
	t.Helper()
	got := strings.TrimSpace(r.Verdict + " " + r.Reason)
	if got != verdict {
		t.Fatalf("the run ended %q, want %q: %s", got, verdict, r.Message)
	}
}

// ids are the values of a field of the records in the stream's file, in order.
func (r *rig) ids(stream, field string) []string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, stream+".jsonl"))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		var rec map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			r.t.Fatalf("%s: %v", line, err)
		}
		out = append(out, strings.Trim(string(rec[field]), `"`))
	}
	return out
}

// count fails unless every id from 1 to n is there exactly once.
func (r *rig) count(stream, field string, n int) {
	r.t.Helper()
	seen := map[string]int{}
	for _, id := range r.ids(stream, field) {
		seen[id]++
	}
	for i := 1; i <= n; i++ {
		if seen[fmt.Sprint(i)] != 1 {
			r.t.Fatalf("%s: record %d is there %d times; %d ids in all", stream, i, seen[fmt.Sprint(i)], len(seen))
		}
	}
	if len(seen) != n {
		r.t.Fatalf("%s: %d ids, want %d", stream, len(seen), n)
	}
}

// noticed counts the notices of a name in all runs so far.
func (r *rig) noticed(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, e := range r.events {
		if e.Kind == runtime.EventNotice && e.Name == name {
			n++
		}
	}
	return n
}

func (r *rig) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

// answer writes a JSON body.
func answer(w http.ResponseWriter, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, format, args...)
}

// items writes the records from..to (inclusive) as {"id":n} objects.
func items(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		if i > from {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d}`, i)
	}
	return "[" + b.String() + "]"
}

// decode reads a request's JSON body.
func decode(q *http.Request, v any) {
	_ = json.NewDecoder(q.Body).Decode(v) // a body that is none leaves v empty
}
