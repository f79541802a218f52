package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// interrupted is a connector of ten pages, and the API behind it: gate, unless it is nil, is asked before each answer.
func interrupted(t *testing.T, gate func(page int, r *http.Request)) (dir string) {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var page int
		fmt.Sscan(r.URL.Query().Get("page"), &page)
		if gate != nil {
			gate(page, r)
		}
		fmt.Fprintf(w, `{"items":[{"id":%d},{"id":%d}],"pages":10}`, 2*page-1, 2*page)
	}))
	t.Cleanup(api.Close)
	dir = t.TempDir()
	yaml := fmt.Sprintf(`
connector: slow
format: 1
http: {base_url: "%s"}
streams:
  items:
    request: {path: /}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total_pages: body.pages}
`, api.URL)
	if err := os.WriteFile(filepath.Join(dir, "slow.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func runnerIn(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "runner", args...)
	cmd.Dir = dir
	out := &bytes.Buffer{}
	cmd.Stderr = out
	return cmd, out
}

// TestCtrlCOnce: the page is finished and committed, the exit code says so, the next run goes on.
func TestCtrlCOnce(t *testing.T) {
	var asked atomic.Int64
	running := make(chan *os.Process, 1)
	dir := interrupted(t, func(page int, _ *http.Request) {
		switch n := asked.Add(1); {
		case n == 3:
			if err := (<-running).Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
		case n > 3:
			time.Sleep(100 * time.Millisecond) // the signal is on its way
		}
	})
	args := []string{"run", "slow.yaml", "--to", "jsonl:out.jsonl", "--report", "report.json"}
	first, text := runnerIn(t, dir, args...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	running <- first.Process
	err := first.Wait()
	if code := first.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit %d (%v), want %d: %s", code, err, exitInterrupted, text)
	}
	if !strings.Contains(text.String(), "interrupted: ") || !strings.Contains(text.String(), "Try: run again: it goes on from here") {
		t.Errorf("the end does not say what to do: %s", text)
	}
	report := readReport(t, dir)
	if report.Verdict != "interrupted" || report.Streams["items"].Pages < 2 {
		t.Errorf("report %+v", report)
	}
	again, text := runnerIn(t, dir, args...)
	if err := again.Run(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if n := asked.Load(); n > 11 {
		t.Errorf("%d pages were asked for, want 10, or 11 when the third is asked for again", n)
	}
	b, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 20 {
		fmt.Fprintf(&want, "{\"id\":%d}\n", i+1)
	}
	if string(b) != want.String() {
		t.Errorf("records:\n%s", b)
	}
}

// TestCtrlCTwice: the second one does not wait for a page that does not come.
func TestCtrlCTwice(t *testing.T) {
	left := make(chan struct{})
	running := make(chan *os.Process, 1)
	dir := interrupted(t, func(page int, r *http.Request) {
		if page < 2 {
			return
		}
		p := <-running
		for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
			if err := p.Signal(s); err != nil {
				t.Error(err)
			}
		}
		<-r.Context().Done()
		close(left)
	})
	cmd, text := runnerIn(t, dir, "run", "slow.yaml", "--to", "jsonl:out.jsonl", "--report", "report.json")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	running <- cmd.Process
	err := cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit %d (%v), want %d: %s", code, err, exitInterrupted, text)
	}
	<-left
	if r := readReport(t, dir); r.Verdict != "interrupted" || r.Streams["items"].Pages != 1 {
		t.Errorf("report %+v", r)
	}
}

type reportFile struct {
	Verdict string
	Streams map[string]struct{ Pages, Records int64 }
}

func readReport(t *testing.T, dir string) (r reportFile) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "report.json"))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReaderGoesAway: nobody reads standard output any more: the run says so, with report and exit code.
func TestReaderGoesAway(t *testing.T) {
	dir := interrupted(t, nil)
	cmd, said := runnerIn(t, dir, "run", "slow.yaml", "--report", "report.json")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd.Stdout = w
	_ = cmd.Run()
	w.Close()
	report, _ := os.ReadFile(filepath.Join(dir, "report.json"))
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(said.String(), "standard output: the reader has gone away") || !strings.Contains(string(report), `"reason": "sink"`) {
		t.Errorf("exit %d, %s\n%s", code, said, report)
	}
}

// TestKillWhileItTells: nobody reads standard error, so that the last line waits; killed there, the run
// has not ended: the next one tells the same end and delivers nothing again.
func TestKillWhileItTells(t *testing.T) {
	dir := interrupted(t, nil)
	cmd, _ := runnerIn(t, dir, "run", "slow.yaml", "--to", "jsonl:out.jsonl", "--report", "report.json")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = w.Write(make([]byte, 4096))
	}
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	for report := filepath.Join(dir, "report.json"); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(report); err == nil {
			break
		}
	}
	time.Sleep(50 * time.Millisecond)
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); err == nil {
		t.Fatal("the run had ended before it was killed")
	}
	again, said := runnerIn(t, dir, "run", "slow.yaml", "--to", "jsonl:out.jsonl", "--report", "report.json")
	if err := again.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out.jsonl"))
	if n := bytes.Count(out, []byte("\n")); err != nil || n != 20 {
		t.Errorf("%d records (%v), want 20", n, err)
	}
	if !strings.Contains(said.String(), "the end was seen in an earlier run") {
		t.Errorf("it says %s", said)
	}
}

// TestCtrlCWhereTheOutputIsStuck: nobody reads the pipe that records go to; the second Ctrl-C ends the run.
func TestCtrlCWhereTheOutputIsStuck(t *testing.T) {
	dir := interrupted(t, nil)
	cmd, said := runnerIn(t, dir, "run", "slow.yaml", "--to", "jsonl:pipe")
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		time.Sleep(300 * time.Millisecond)
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(said.String(), "the output takes nothing more") {
		t.Errorf("exit %d: %s", code, said)
	}
}
