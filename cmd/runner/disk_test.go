//go:build disk

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// diskErrors are what a disk answers when it is broken or full.
var diskErrors = []struct{ name, says string }{
	{"EIO", "input/output error"},
	{"ENOSPC", "full"},
}

// TestDisk lets calls of the real command to the disk fail, one call in each of its threads, by strace
// (Debian package strace). A run whose disk fails says so and loses nothing: the next one goes on, and
// in the end there is each record exactly once.
func TestDisk(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "runner")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	connector := filepath.Join(dir, "kill.yaml")
	if err := os.WriteFile(connector, []byte(killConnector), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []diskCase{
		{"page", "jsonl:out?fsync=page", killJSON},
		{"token", "jsonl:out", killJSON},
		{"token", "jsonl:out?fsync=close", killJSON},
		{"parts", "jsonl:out?fsync=page", killJSON},
		{"page", "csv:out?fsync=page", killCSV},
		{"page", "sqlite:out", killSQLite},
	} {
		sync := "fdatasync"
		if strings.HasPrefix(c.to, "sqlite:") {
			sync = "fsync" // as SQLite is built
		}
		for _, call := range []string{"pwrite64", sync} {
			t.Run(c.stream+" "+c.to+" "+call, func(t *testing.T) {
				failed := 0
				for nth := 1; nth <= 16; nth++ {
					e := diskErrors[nth%len(diskErrors)]
					where := fmt.Sprintf("%s:error=%s:when=%d", call, e.name, nth)
					api := newKillAPI(24)
					close(api.gate)
					if c.broken(t, bin, connector, api.URL, where, e.says) {
						failed++
					}
					api.Close()
				}
				t.Logf("%d of 16 runs failed on the way", failed)
				if failed == 0 {
					t.Error("no run has met an error of the disk")
				}
			})
		}
	}
}

// diskCase is what is walked, where the records go, and how they are read back.
type diskCase struct {
	stream, to string
	read       func(t *testing.T, path string) []int
}

// broken makes a run whose calls fail as where says, and one whose do not; it reports whether the
// first one failed.
func (c diskCase) broken(t *testing.T, bin, connector, url, where, says string) bool {
	dir := t.TempDir()
	run := func(before ...string) (int, string) {
		var msg bytes.Buffer
		args := append(before, bin, "run", connector, c.stream, "--set", "base_url="+url, "--to", c.to)
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Stderr = dir, &msg
		var exit *exec.ExitError
		if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode(), msg.String()
	}
	code, msg := run("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,fdatasync,fsync", "-e", "inject="+where)
	switch {
	case code == exitComplete:
	case code != exitFailed || !strings.Contains(strings.ToLower(msg), says) && !strings.Contains(msg, "disk I/O error"):
		t.Errorf("%s: exit %d\n%s", where, code, msg)
	}
	failed := code != exitComplete
	if failed {
		if code, msg = run(); code != exitComplete || !strings.Contains(msg, "complete, proved") {
			t.Fatalf("%s: the next run: exit %d\n%s", where, code, msg)
		}
	}
	ids := c.read(t, filepath.Join(dir, "out"))
	slices.Sort(ids)
	for i, id := range ids {
		if id != i+1 {
			t.Fatalf("%s: record %d stands where %d belongs, %d records", where, id, i+1, len(ids))
		}
	}
	if want := 24 * killSize; len(ids) != want {
		t.Fatalf("%s: %d records, want %d", where, len(ids), want)
	}
	return failed
}
