package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// service is the process under test.
type service struct {
	bin, dir, addr string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan error
	starts int
	sample []sample
}

// sample is what the process needs at one moment.
type sample struct {
	start      int // which process
	goroutines float64
	memory     float64 // bytes
}

// start begins a process and waits until it takes work.
func (s *service) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.addr == "127.0.0.1:0" {
		l, err := net.Listen("tcp", s.addr)
		if err != nil {
			return err
		}
		s.addr = l.Addr().String()
		if err := l.Close(); err != nil {
			return err
		}
	}
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(s.bin, "serve", "--no-shipped", "--connectors", "connectors", "--archive", "archive", "--state", "state.db", "--listen", s.addr)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	s.cmd, s.exited = cmd, exited
	s.starts++
	for {
		if code, _, err := s.call(ctx, "GET", "/readyz", nil); err == nil && code == 200 {
			return nil
		}
		select {
		case err := <-exited:
			return fmt.Errorf("the service ended: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill ends the process at once.
func (s *service) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
	s.cmd = nil
}

// end asks the process to end, and wants it gone in 10 seconds.
func (s *service) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.exited:
		s.cmd = nil
		return err
	case <-time.After(10 * time.Second):
		return fmt.Errorf("the service is still there 10 s after SIGTERM")
	}
}

var client = &http.Client{Timeout: 10 * time.Second}

// call sends JSON and returns the answer.
func (s *service) call(ctx context.Context, method, path string, body any) (int, []byte, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+path, in)
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}

// measure notes what the process needs.
func (s *service) measure(ctx context.Context) {
	code, b, err := s.call(ctx, "GET", "/metrics", nil)
	if err != nil || code != 200 {
		return
	}
	v := sample{start: s.starts}
	for line := range strings.Lines(string(b)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseFloat(text, 64)
		switch {
		case err != nil:
		case name == "go_goroutines":
			v.goroutines = n
		case name == "process_resident_memory_bytes":
			v.memory = n
		}
	}
	s.sample = append(s.sample, v)
}

// tail is the end of the log.
func (s *service) tail() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-1500):])
}
