// Package ready tells the process that started a seeded server where it listens, and waits for
// the word to stop. It does not serve: each program does that with its own handler.
package ready

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sort"
	"syscall"
	"time"
)

// Line is what a server prints, as one line of JSON on stdout, once it is seeded and answers.
type Line struct {
	URL      string `json:"url"`      // base URL, without a slash at the end
	Expected string `json:"expected"` // file with Expected
}

// Expected lists, by stream of the shipped connector, the sorted keys of every record that a
// complete walk delivers.
type Expected map[string][]string

// Serve answers on addr (port 0: a free one), calls seed with the base URL, writes what seed
// returns to dir/expected.json, prints Line, and serves until stdin ends or SIGTERM or SIGINT comes.
func Serve(addr, dir string, h http.Handler, seed func(ctx context.Context, base string) (Expected, error)) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()

	base := "http://" + l.Addr().String()
	err = announce(ctx, base, dir, seed)
	if err == nil {
		select {
		case <-ctx.Done():
		case <-closed(os.Stdin):
		case err = <-done:
			return err
		}
	}
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	shut := srv.Shutdown(end)
	<-done
	return errors.Join(err, shut)
}

func announce(ctx context.Context, base, dir string, seed func(context.Context, string) (Expected, error)) error {
	want, err := seed(ctx, base)
	if err != nil {
		return fmt.Errorf("seed %s: %w", base, err)
	}
	for _, keys := range want {
		sort.Strings(keys)
	}
	text, err := json.Marshal(want)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "expected.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(Line{URL: base, Expected: file})
}

// closed returns a channel that closes at the end of r, which is read and dropped. The goroutine
// ends with the process when r never does.
func closed(r io.Reader) <-chan struct{} {
	c := make(chan struct{})
	go func() {
		defer close(c)
		_, _ = io.Copy(io.Discard, bufio.NewReader(r))
	}()
	return c
}

// Dir returns path, created, or a new temporary folder when path is "", and what removes it.
func Dir(path string) (string, func(), error) {
	if path != "" {
		return path, func() {}, os.MkdirAll(path, 0o700)
	}
	dir, err := os.MkdirTemp("", "lastpage-server-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
