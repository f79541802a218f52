package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// faultSinks are the sinks that promise exactly once, and how their records are read back.
var faultSinks = []struct {
	to    string
	state string
	read  func(t *testing.T, path string) []int
	extra []string
}{
	{"jsonl:out", "state.db", killJSON, nil},
	{"jsonl:out", "state.db", killJSON, []string{"--commit-every", "3"}},
	{"csv:out", "state.db", killCSV, nil},
	{"sqlite:out?table=page", "state.db", killSQLite, nil},
	{"sqlite:out?table=page", "out", killSQLite, nil}, // the same file: one transaction
}

// TestFaultPoints kills the real command (built with the tag faultpoints) at every point of a commit in
// turn, on its first, second and fifth page, and before and after it tells its end, for every sink that
// promises exactly once, and lets it go on: afterwards there is each record exactly once.
func TestFaultPoints(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "runner")
	if out, err := exec.Command("go", "build", "-tags", "faultpoints", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	connector := filepath.Join(dir, "kill.yaml")
	if err := os.WriteFile(connector, []byte(killConnector), 0o600); err != nil {
		t.Fatal(err)
	}
	api := newKillAPI(8)
	defer api.Close()
	close(api.gate)
	for _, s := range faultSinks {
		for _, stream := range []string{"page", "token", "parts"} {
			name := strings.Join(append([]string{stream, s.to, s.state}, s.extra...), " ")
			t.Run(name, func(t *testing.T) {
				for _, point := range []string{"after-answer", "before-write", "after-write", "before-checkpoint", "after-checkpoint", "before-report", "after-report"} {
					for _, n := range []int{1, 2, 5} {
						if n > 1 && strings.HasSuffix(point, "-report") {
							break // a run has one
						}
						work := t.TempDir()
						args := append([]string{"run", connector, stream, "--set", "base_url=" + api.URL, "--to", s.to, "--state", s.state}, s.extra...)
						if !killAt(t, bin, work, args, fmt.Sprintf("%s:%d", point, n)) {
							killAt(t, bin, work, args, "")
						}
						ids := s.read(t, filepath.Join(work, "out"))
						slices.Sort(ids)
						if len(ids) != api.pages*killSize || len(slices.Compact(ids)) != api.pages*killSize {
							t.Fatalf("killed at %s, page %d: %d records, want each of %d once", point, n, len(ids), api.pages*killSize)
						}
					}
				}
			})
		}
	}
}

// killAt runs the command and reports whether it ended complete; with a point it may die there, without
// one it must not. A run that died behind its last checkpoint leaves nothing to the next one.
func killAt(t *testing.T, bin, dir string, args []string, point string) bool {
	t.Helper()
	var msg bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir, cmd.Stderr = dir, &msg
	cmd.Env = append(os.Environ(), "RUNNER_FAULTPOINT="+point)
	err := cmd.Run()
	if err == nil && strings.Contains(msg.String(), "complete, ") {
		return true
	}
	if point == "" || cmd.ProcessState.Exited() {
		t.Fatalf("at %q: %v\n%s", point, err, msg.String())
	}
	return false
}
