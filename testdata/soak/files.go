package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// files saves connector files as people and programs do.
type files struct {
	dir    string
	url    string // of the demo API
	list   []*connector
	random *rand.Rand

	mu    sync.Mutex
	bad   map[*connector]time.Time // whose file is broken or loops: until when
	again map[*connector]bool      // whose hook has looped since its walk began
	saves int
	count int
}

// saving saves five times a second until ctx ends.
func (f *files) saving(ctx context.Context) error {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		f.mu.Lock()
		err := f.save()
		f.mu.Unlock()
		if err != nil {
			return err
		}
	}
}

// begin notes that a walk begins anew.
func (f *files) begin(c *connector) {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, bad := f.bad[c]
	f.again[c] = bad && c.loops
}

// looped reports whether the connector's hook has looped since its walk began: then positions were not
// reused, and records came again.
func (f *files) looped(c *connector) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.again[c]
}

// mend makes every file good.
func (f *files) mend() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.list {
		if err := f.good(c); err != nil {
			return err
		}
	}
	return nil
}

// save does one save: it mends a file, breaks one, or changes one without consequence.
func (f *files) save() error {
	f.saves++
	for c, until := range f.bad {
		if time.Now().After(until) {
			return f.good(c)
		}
	}
	c := f.list[f.random.IntN(len(f.list))]
	if _, ok := f.bad[c]; ok || f.random.IntN(2) == 0 {
		return f.good(c)
	}
	f.bad[c] = time.Now().Add(time.Duration(500+f.random.IntN(2500)) * time.Millisecond)
	if c.loops {
		f.again[c] = true
		return f.put(c, "hook.js", "function next(page) {\n  for (;;) {}\n}\n")
	}
	text := f.text(c)
	return f.put(c, "connector.yaml", []string{text[:len(text)/2], text + "streams: {}\n", "connector: [\n", "", "\x00\xff"}[f.random.IntN(5)])
}

// good writes a file that runs can take.
func (f *files) good(c *connector) error {
	delete(f.bad, c)
	if c.loops {
		if err := f.put(c, "hook.js", "function next(page) {\n  return undefined\n}\n"); err != nil {
			return err
		}
	}
	return f.put(c, "connector.yaml", f.text(c))
}

// text is a connector that reads its own world. What changes from one save to the next is nothing that
// positions depend on.
func (f *files) text(c *connector) string {
	f.count++
	paging := []string{
		"request: {path: /offset}\n    records: {path: items, key: id}\n    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 100}, total: body.total}",
		"request: {path: /cursor, query: {limit: 100}}\n    records: {path: items, key: id}\n    pagination: {type: cursor, next: body.next_cursor, send: query.cursor, more: body.has_more, fallback: [{type: offset, send: query.offset}]}",
		"request: {path: /page}\n    records: {path: items, key: id}\n    pagination: {type: page, send: query.page, limit: {send: query.per_page, value: 100}, total_pages: body.total_pages}",
	}[int(c.name[3]-'0')%3]
	return fmt.Sprintf(`connector: %s
format: 1
title: save %d
http:
  base_url: %s
  query: {run: %s, fault: "latency:%dms,503@/7,lost@/9"}
  retry: {initial: 10ms}
streams:
  all:
    %s
`, c.name, f.count, f.url, c.world, 5+int(c.name[2]-'0')*10, paging)
}

// put saves a file: in place, or in one step by a rename.
func (f *files) put(c *connector, name, text string) error {
	path := filepath.Join(f.dir, "connectors", c.name, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if f.random.IntN(2) == 0 {
		return os.WriteFile(path, []byte(text), 0o600)
	}
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+"~", path)
}

// saved is how many times a file was saved.
func (f *files) saved() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.saves
}
