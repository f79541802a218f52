package main

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// serving begins a service on st.db in dir and waits until it answers. What it logs is read to its end.
func serving(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "runner", "serve", "--listen", "127.0.0.1:0", "--no-shipped", "--connectors", "slow.yaml", "--state", "st.db")
	cmd.Dir = dir
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, text, ready := bufio.NewScanner(log), "", false
	for !ready && lines.Scan() {
		text += lines.Text() + "\n"
		ready = strings.Contains(lines.Text(), "msg=serving")
	}
	if !ready {
		t.Fatalf("it does not begin: %s", text)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines.Scan() { //nolint:revive // nobody reads on
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-done
		_ = cmd.Wait()
	})
	return cmd
}

// TestServeOwnsItsState: a second service is told whose the file is; `runner run` works beside one; after a
// kill -9 the next service begins at once.
func TestServeOwnsItsState(t *testing.T) {
	dir := interrupted(t, nil)
	first := serving(t, dir)
	second, text := runnerIn(t, dir, "serve", "--listen", "127.0.0.1:0", "--no-shipped", "--connectors", "slow.yaml", "--state", "./st.db")
	_ = second.Run()
	want := fmt.Sprintf("runner: state file ./st.db is in use by the service of process %d on ", first.Process.Pid)
	if code := second.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(text.String(), want) || !strings.HasSuffix(text.String(), "; stop that first, or name another file (--state FILE)\n") {
		t.Errorf("exit %d: %s", code, text)
	}
	beside, text := runnerIn(t, dir, "run", "slow.yaml", "--to", "jsonl:out.jsonl", "--state", "st.db")
	if err := beside.Run(); err != nil {
		t.Errorf("%v: %s", err, text)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	serving(t, dir)
}
