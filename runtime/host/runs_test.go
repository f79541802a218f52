package host_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/host"
)

// slow is the body of POST /v1/runs for a walk that takes its time, in a world of its own.
func slow(d *demo.Server, world string, more map[string]any) map[string]any {
	body := map[string]any{"connector": "demo", "streams": []string{"cursor"}, "to": "jsonl:" + world + "-{stream}.jsonl", "state": world,
		"config": map[string]any{"base_url": d.URL, "run": world, "records": 12_000, "faults": "latency:30ms"}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// exact checks that a file holds every record of a world once.
func (s *service) exact(d *demo.Server, world, file string) {
	s.t.Helper()
	resp, err := http.Get(d.URL + "/w/" + world + "/expected?records=12000")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	want := ids(s.t, strings.Split(strings.TrimSpace(string(b)), "\n"))
	got := ids(s.t, lines(s.t, filepath.Join(s.folder, file)))
	for id, n := range got {
		if n != 1 || want[id] != 1 {
			s.t.Fatalf("record %s: %d times in the file, %d times in the API", id, n, want[id])
		}
	}
	if len(got) != len(want) {
		s.t.Fatalf("%d records, the API has %d", len(got), len(want))
	}
}

func ids(t *testing.T, lines []string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, l := range lines {
		var r struct{ ID json.Number }
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		out[r.ID.String()]++
	}
	return out
}

// started begins a run and waits until it has read a page.
func (s *service) started(body map[string]any) host.RunStatus {
	s.t.Helper()
	var r host.RunStatus
	s.ok("POST", "/v1/runs", body, &r)
	for r.Pages == 0 {
		r = s.run(r.ID, host.Queued, host.Running)
		pause(s.t)
	}
	return r
}

func TestPauseResumeCancel(t *testing.T) {
	t.Parallel()
	d, s := api(t), serve(t, folder(t, ""), nil)
	r := s.started(slow(d, "pausing", nil))
	p := s.refused("POST", "/v1/runs", slow(d, "pausing", nil), 409, "streams_busy")
	if !strings.Contains(p.Detail, "wait") {
		t.Error(p.Detail)
	}
	for range 3 {
		s.ok("POST", "/v1/runs/"+r.ID+"/pause", nil, nil)
		held := s.run(r.ID, host.Paused)
		s.ok("POST", "/v1/runs/"+r.ID+"/pause", nil, nil) // again changes nothing
		s.ok("POST", "/v1/runs/"+r.ID+"/resume", nil, nil)
		for now := held; now.Pages == held.Pages; {
			now = s.run(r.ID, host.Queued, host.Running)
		}
	}
	end := s.run(r.ID, host.Ended)
	if end.Verdict != runtime.Complete || end.Slices != 4 || end.Records != 12_000 {
		t.Errorf("%+v", end)
	}
	s.exact(d, "pausing", "pausing-cursor.jsonl")
	s.refused("POST", "/v1/runs/"+r.ID+"/pause", nil, 409, "run_over")
	s.refused("POST", "/v1/runs/"+r.ID+"/resume", nil, 409, "run_over")
	s.refused("POST", "/v1/runs/none/cancel", nil, 404, "no_run")
	var pages struct{ Pages []map[string]any }
	s.ok("GET", "/v1/runs/"+r.ID+"/pages?limit=7&after=3", nil, &pages)
	if len(pages.Pages) != 7 || pages.Pages[0]["page"] != 3.0 {
		t.Errorf("%v", pages)
	}

	r = s.started(slow(d, "cancelling", nil))
	s.ok("POST", "/v1/runs/"+r.ID+"/cancel", nil, nil)
	gone := s.run(r.ID, host.Cancelled)
	if gone.Verdict != runtime.Interrupted || gone.Ended.IsZero() {
		t.Errorf("%+v", gone)
	}
	// What a cancelled run has read is kept: another run of the state goes on there.
	s.ok("POST", "/v1/runs", slow(d, "cancelling", nil), &r)
	if end := s.run(r.ID, host.Ended); end.Records+gone.Records != 12_000 {
		t.Errorf("%d and %d records", gone.Records, end.Records)
	}
	s.exact(d, "cancelling", "cancelling-cursor.jsonl")
}

// TestQueue: runs wait for their streams and for a place, in the order in which they came.
func TestQueue(t *testing.T) {
	t.Parallel()
	d, s := api(t), serve(t, folder(t, ""), func(o *host.Options) { o.Runs = 1 })
	first := s.started(slow(d, "queue-a", nil))
	var second, third host.RunStatus
	s.ok("POST", "/v1/runs", slow(d, "queue-b", nil), &second)
	s.ok("POST", "/v1/runs", slow(d, "queue-a", map[string]any{"wait": true}), &third)
	if second.Phase != host.Queued || third.Phase != host.Queued {
		t.Fatal(second.Phase, third.Phase)
	}
	s.ok("POST", "/v1/runs/"+second.ID+"/cancel", nil, nil)
	if r := s.run(second.ID, host.Cancelled); r.Slices != 0 {
		t.Errorf("%+v", r)
	}
	s.ok("POST", "/v1/runs/"+first.ID+"/cancel", nil, nil)
	s.run(third.ID, host.Running)
	var list struct{ Runs []host.RunStatus }
	s.ok("GET", "/v1/runs?limit=2", nil, &list)
	if len(list.Runs) != 2 || list.Runs[0].ID != third.ID || list.Runs[1].ID != second.ID {
		t.Errorf("%+v", list)
	}
	s.ok("GET", "/v1/runs?before="+second.ID+"&connector=demo", nil, &list)
	if len(list.Runs) != 1 || list.Runs[0].ID != first.ID {
		t.Errorf("%+v", list)
	}
}

// TestRestart: what was under way when the service ended goes on when it begins, under its own id; what
// was paused stays paused.
func TestRestart(t *testing.T) {
	t.Parallel()
	d := api(t)
	dir := folder(t, "")
	s := serve(t, dir, nil)
	going := s.started(slow(d, "going", map[string]any{"fresh": true}))
	held := s.started(slow(d, "held", nil))
	s.ok("POST", "/v1/runs/"+held.ID+"/pause", nil, nil)
	s.run(held.ID, host.Paused)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, dir, nil)
	end := s.run(going.ID, host.Ended)
	if end.Verdict != runtime.Complete || end.Slices != 2 || end.Records != 12_000 {
		t.Errorf("%+v", end)
	}
	s.exact(d, "going", "going-cursor.jsonl")
	if r := s.run(held.ID, host.Paused); r.Slices != 1 {
		t.Errorf("%+v", r)
	}
	s.ok("POST", "/v1/runs/"+held.ID+"/resume", nil, nil)
	s.run(held.ID, host.Ended)
	s.exact(d, "held", "held-cursor.jsonl")
}

// hooks is a webhook's receiver.
type hooks struct {
	mu   sync.Mutex
	got  []host.RunStatus
	fail int // so many calls first
}

func (h *hooks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var s host.RunStatus
	if h.fail > 0 || json.NewDecoder(r.Body).Decode(&s) != nil {
		h.fail--
		w.WriteHeader(500)
		return
	}
	h.got = append(h.got, s)
}

func (h *hooks) wait(t *testing.T, n int) []host.RunStatus {
	t.Helper()
	for {
		h.mu.Lock()
		got := h.got
		h.mu.Unlock()
		if len(got) >= n {
			return got
		}
		pause(t)
	}
}

// TestJobs: a job is run when it is due, tried again when it did not end well, and told to a webhook.
func TestJobs(t *testing.T) {
	t.Parallel()
	d := api(t)
	in := &hooks{fail: 1}
	web := httptest.NewServer(in)
	defer web.Close()
	dir := folder(t, fmt.Sprintf(`jobs:
  broken:
    connector: demo
    streams: cursor
    config: {base_url: %q, run: broken, records: 1300, faults: "401@2*"}
    to: jsonl:%s/broken.jsonl
    state: broken
    schedule: {every: 24h}
    on: {failed: {retry_after: 10ms, retries: 2, webhook: %q}}
  parks:
    connector: demo
    streams: [cursor]
    config: {base_url: %q, run: parks, records: 1300, faults: "429:3@2"}
    to: jsonl:%s/parks.jsonl
    state: parks
    schedule: {every: 24h}
    time_limit: 2s
    on: {parked: {webhook: %q}, complete: {webhook: %q}}
`, d.URL, dir0(t), web.URL, api(t).URL, dir0(t), web.URL, web.URL))
	s := serve(t, dir, nil)
	seen := map[string]int{}
	for _, r := range in.wait(t, 5) {
		seen[r.Job+" "+string(r.Phase)+" "+r.Verdict+" "+r.Trigger]++
	}
	for want, n := range map[string]int{"broken ended failed schedule": 1, "broken ended failed retry": 2, "parks parked parked schedule": 1, "parks ended complete schedule": 1} {
		if seen[want] != n {
			t.Errorf("%s: %d times, want %d: %v", want, seen[want], n, seen)
		}
	}
	var list struct {
		Jobs []struct {
			Name  string
			Retry *string
			Open  []string
		}
	}
	s.ok("GET", "/v1/jobs", nil, &list)
	if len(list.Jobs) != 2 || list.Jobs[0].Name != "broken" || list.Jobs[0].Retry != nil {
		t.Errorf("%+v", list)
	}
	s.ok("GET", "/v1/jobs/parks", nil, nil)
	s.refused("GET", "/v1/jobs/perks", nil, 404, "no_job")
	var r host.RunStatus
	s.ok("POST", "/v1/jobs/parks/run", "{}", &r)
	if end := s.run(r.ID, host.Ended); end.Trigger != "api" || end.Verdict != runtime.Complete {
		t.Errorf("%+v", end)
	}
}

// dir0 is a folder for records.
func dir0(t *testing.T) string { return filepath.ToSlash(t.TempDir()) }

// TestJobsReload: a good file is taken over, a bad one changes nothing and is told with its place.
func TestJobsReload(t *testing.T) {
	t.Parallel()
	job := func(name string) string {
		return "jobs:\n  " + name + ": {connector: demo, streams: [all], to: \"null:\"}\n"
	}
	dir := folder(t, job("one"))
	s := serve(t, dir, nil)
	type state struct {
		Jobs []struct{ Name string }
		File struct{ Problems []string }
	}
	until := func(what string, ok func(state) bool) {
		t.Helper()
		for {
			var now state
			s.ok("GET", "/v1/jobs", nil, &now)
			if ok(now) {
				return
			}
			pause(t)
		}
	}
	path := filepath.Join(dir, "jobs.yaml")
	write(t, path, job("two"))
	until("two", func(n state) bool { return len(n.Jobs) == 1 && n.Jobs[0].Name == "two" })
	write(t, path, "jobs:\n  two: {connector: dmo, to: \"null:\"}\n")
	until("a problem", func(n state) bool {
		return len(n.File.Problems) == 1 && n.Jobs[0].Name == "two" &&
			n.File.Problems[0] == path+":2:3: job two: there is no connector dmo; did you mean demo?"
	})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	until("another problem", func(n state) bool {
		return len(n.File.Problems) == 1 && n.Jobs[0].Name == "two" && strings.Contains(n.File.Problems[0], "no such file")
	})
	write(t, path, job("three"))
	until("three", func(n state) bool { return n.File.Problems == nil && n.Jobs[0].Name == "three" })
}

// TestRestartWithSeveralStreams: a stream that was read to its end before the service ended is not read
// again by the run that goes on.
func TestRestartWithSeveralStreams(t *testing.T) {
	t.Parallel()
	d := api(t)
	dir := folder(t, "")
	s := serve(t, dir, nil)
	body := slow(d, "several", map[string]any{"streams": []string{"cursor", "page"}, "config": map[string]any{"base_url": d.URL, "run": "several", "records": 12_000, "faults": "latency:30ms"}})
	var small host.RunStatus
	s.ok("POST", "/v1/runs", slow(d, "small", map[string]any{"streams": []string{"all"}, "config": map[string]any{"base_url": d.URL, "run": "several", "records": 12_000}}), &small)
	s.run(small.ID, host.Ended)
	listen := s.listen(t, "/v1/events", "")
	r := s.started(body)
	for e := range listen {
		if e.kind == "stream_end" && strings.Contains(e.data, r.ID) {
			break
		}
	}
	s.call("POST", "/v1/runs/"+r.ID+"/pause", nil) // the other stream may have ended too by now
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, dir, nil)
	if now := s.run(r.ID, host.Paused, host.Queued, host.Running, host.Ended); now.Phase == host.Paused {
		s.ok("POST", "/v1/runs/"+r.ID+"/resume", nil, nil)
	}
	if end := s.run(r.ID, host.Ended); end.Verdict != runtime.Complete {
		t.Errorf("%+v", end)
	}
	s.exact(d, "several", "several-cursor.jsonl")
	s.exact(d, "several", "several-page.jsonl")
}

// TestStalledPageDoesNotHoldUpTheEnd: a page that does not come is given up after the grace, and asked for
// again by the next start.
func TestStalledPageDoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	d := api(t)
	dir := folder(t, "")
	short := func(o *host.Options) { o.Grace = 100 * time.Millisecond }
	s := serve(t, dir, short)
	body := slow(d, "stalled", map[string]any{"config": map[string]any{"base_url": d.URL, "run": "stalled", "records": 12_000, "faults": "stall@3"}})
	r := s.started(body)
	for !struck(t, d, "stalled", "stall") {
		s.run(r.ID, host.Running)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, dir, short)
	if end := s.run(r.ID, host.Ended); end.Verdict != runtime.Complete || end.Slices != 2 {
		t.Errorf("%+v", end)
	}
	s.exact(d, "stalled", "stalled-cursor.jsonl")
}

// struck reports whether a fault has struck in a world.
func struck(t *testing.T, d *demo.Server, world, fault string) bool {
	t.Helper()
	resp, err := http.Get(d.URL + "/w/" + world + "/stats")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), fault)
}
