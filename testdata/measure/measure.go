// Package measure builds the runner, runs it, and says what the run took.
package measure

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Build builds the runner, installs it into dir and returns its path. What the linker has just written
// lies in the page cache in large pieces, which the system maps whole, used or not: it counts 9 MB more
// of the program's file than a copy of it, or the same file after a restart.
func Build(dir string) (string, error) {
	bin := filepath.Join(dir, "runner")
	linked := bin + ".linked"
	if out, err := exec.Command("go", "build", "-o", linked, "./cmd/runner").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	err := install(linked, bin)
	return bin, errors.Join(err, os.Remove(linked))
}

// install copies a program a little at a time, as install(1) does: large writes would be large pieces
// again.
func install(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, make([]byte, 32<<10))
	return errors.Join(err, dst.Close())
}

// Process is a runner that has been started. It has to be waited for.
type Process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer // what it said on stderr
	began time.Time
	peak  chan [2]int64
	done  chan struct{}
}

// Result is what a run took.
type Result struct {
	Took time.Duration
	Peak int64 // bytes of resident memory, of the process and its children; 0 where the system has no /proc
	Own  int64 // of them not backed by a file: without the program's text, which the system may drop and share
	Exit int   // -1: killed
	Said string
}

// Start starts the runner; its standard output is discarded.
func Start(bin string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(bin, args...), began: time.Now(), peak: make(chan [2]int64, 1), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, &p.out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.watch()
	return p, nil
}

// Wait waits until the runner has ended.
func (p *Process) Wait() (Result, error) {
	err := p.cmd.Wait()
	r := Result{Took: time.Since(p.began)}
	close(p.done)
	peak := <-p.peak
	r.Peak, r.Own, r.Said, r.Exit = peak[0], peak[1], p.out.String(), p.cmd.ProcessState.ExitCode()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return r, err
}

// Kill ends the runner as a power cut would.
func (p *Process) Kill() error { return p.cmd.Process.Kill() }

// Resident is the memory that the runner and its children hold now, in bytes.
func (p *Process) Resident() int64 { return family(p.cmd.Process.Pid, "VmRSS:") }

// Run runs the runner to its end, which has to have the exit code.
func Run(exit int, bin string, args ...string) (Result, error) {
	p, err := Start(bin, args...)
	if err != nil {
		return Result{}, err
	}
	r, err := p.Wait()
	if err == nil && r.Exit != exit {
		err = fmt.Errorf("exit code %d, want %d: %s", r.Exit, exit, r.Said)
	}
	return r, err
}

// watch looks for the peak. (The ru_maxrss of a child counts what its parent held when it was forked.)
func (p *Process) watch() {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	var peak [2]int64
	for {
		for i, field := range []string{"VmHWM:", "RssAnon:"} {
			peak[i] = max(peak[i], family(p.cmd.Process.Pid, field))
		}
		select {
		case <-p.done:
			p.peak <- peak
			return
		case <-t.C:
		}
	}
}

// family is the sum of a field of /proc/PID/status over a process and its children.
func family(pid int, field string) int64 {
	sum := status(pid, field)
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, t := range threads {
		list, _ := os.ReadFile(t)
		for _, c := range strings.Fields(string(list)) {
			if n, err := strconv.Atoi(c); err == nil {
				sum += status(n, field)
			}
		}
	}
	return sum
}

func status(pid int, field string) int64 {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, ok := strings.Cut(string(b), field)
	if !ok {
		return 0
	}
	kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	return kb << 10
}

// State is the size of a state file with its log, in bytes.
func State(file string) (size int64) {
	for _, end := range []string{"", "-wal"} {
		if st, err := os.Stat(file + end); err == nil {
			size += st.Size()
		}
	}
	return size
}
