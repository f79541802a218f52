package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lastpage/lastpage/runtime/demo"
)

// TestFullDisk: the message says which file, that the disk is full and what to try, the report says
// it too, and with room again the next run goes on. Where the test may not mount a small tmpfs, a
// limit on file sizes stands in for it.
func TestFullDisk(t *testing.T) {
	api, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer api.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "api.yaml"), []byte(scripted), 0o600); err != nil {
		t.Fatal(err)
	}
	small := filepath.Join(dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	limit, why := "ulimit -f 1000; ", "the file may not grow any more"
	if syscall.Mount("tmpfs", small, "tmpfs", 0, "size=500k") == nil {
		limit, why = "", "the disk is full; nothing of the page was kept; free some space and run again: the run goes on from its last checkpoint"
		defer syscall.Unmount(small, 0) //nolint:errcheck // the folder goes with the test
	}
	run := func(limit, command string) (string, int) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", limit+command)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "API="+api.URL, "GORACE=atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	const command = "runner run api.yaml offset --set records=2000 --to jsonl:small/x.jsonl --report report.json"
	text, code := run(limit, command)
	last := strings.Split(strings.TrimSpace(text), "\n")
	if end := last[len(last)-1]; code != exitFailed || !strings.HasPrefix(end, "failed: small/x.jsonl: ") || !strings.Contains(end, why) {
		t.Errorf("exit %d: %s", code, text)
	}
	if r := readReport(t, dir); r.Verdict != "failed" || r.Streams["offset"].Records != 500 {
		t.Errorf("report %+v", r)
	}
	if limit == "" {
		if err := syscall.Mount("tmpfs", small, "tmpfs", syscall.MS_REMOUNT, "size=5m"); err != nil {
			t.Fatal(err)
		}
	}
	if text, code := run("", command); code != exitComplete {
		t.Errorf("with room again: exit %d: %s", code, text)
	}
	b, err := os.ReadFile(filepath.Join(small, "x.jsonl"))
	if n := strings.Count(string(b), "\n"); err != nil || n != 2000 {
		t.Errorf("%d records, %v; want 2000", n, err)
	}
	if limit != "" {
		return
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	for _, k := range []struct {
		args, want string
		code       int
	}{
		{"--to null: --state small/new.db", "runner: state file small/new.db: it lies on a read-only file system; name a file that can be written (--state FILE)\n", exitFailed},
		{"--to jsonl:small/y.jsonl --fresh", "small/y.jsonl: it lies on a read-only file system; name another place with --to\n", exitFailed},
		{"--to null: --report small/r.json", "runner: --report small/r.json: it lies on a read-only file system; name another file\n", exitUsage},
	} {
		if text, code := run("", "runner run api.yaml page "+k.args); code != k.code || !strings.HasSuffix(text, k.want) {
			t.Errorf("%s: exit %d: %s", k.args, code, text)
		}
	}
}
