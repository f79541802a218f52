package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lastpage/lastpage/testdata/measure"
)

// plan is one measurement.
type plan struct {
	records  int
	page     int // records
	size     int // bytes a record
	nested   bool
	gzip     bool
	parallel int // pages in flight; 1: a token chain
	to       string
	flags    []string // of the run
	hook     string   // text of hook.js
}

func (p plan) kind() string {
	k := "token chain"
	if p.parallel > 1 {
		k = fmt.Sprintf("offset chain, %d in flight", p.parallel)
	}
	k += fmt.Sprintf(", %d a page", p.page)
	if p.nested {
		k += fmt.Sprintf(", nested, %d bytes", p.size)
	}
	if p.gzip {
		k += ", gzip"
	}
	return k
}

// drain runs the binary once from a fresh state.
func (p plan) drain(dir, bin, url string) (measure.Result, error) {
	conn := filepath.Join(dir, "bench")
	if err := os.MkdirAll(conn, 0o755); err != nil {
		return measure.Result{}, err
	}
	if err := os.WriteFile(filepath.Join(conn, "connector.yaml"), []byte(p.connector(url)), 0o644); err != nil {
		return measure.Result{}, err
	}
	os.Remove(filepath.Join(conn, "hook.js"))
	if p.hook != "" {
		if err := os.WriteFile(filepath.Join(conn, "hook.js"), []byte(p.hook), 0o644); err != nil {
			return measure.Result{}, err
		}
	}
	out := filepath.Join(dir, "out")
	if err := os.RemoveAll(out); err != nil {
		return measure.Result{}, err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return measure.Result{}, err
	}
	args := []string{"run", conn, "--state", filepath.Join(out, "state.db"), "--to", strings.ReplaceAll(p.to, "{dir}", out)}
	r, err := measure.Run(0, bin, append(args, p.flags...)...)
	if err == nil && !strings.Contains(r.Said, "complete") {
		err = fmt.Errorf("the run did not end complete: %s", r.Said)
	}
	return r, err
}

func (p plan) connector(url string) string {
	paging := "{type: cursor, next: body.next, send: query.cursor, total: body.total}"
	if p.parallel > 1 {
		paging = fmt.Sprintf("{type: offset, send: query.offset, limit: {send: query.limit, value: %d}, total: body.total, parallel: %d}", p.page, p.parallel)
	}
	if strings.Contains(p.hook, "function next(") {
		paging = "{type: hook, send: query.cursor}"
	}
	return "connector: bench\nformat: 1\nhttp: {base_url: \"" + url + "\", max_page: 1GB}\nstreams:\n  records:\n    request: {path: /pages}\n    records: {path: items}\n    pagination: " + paging + "\n"
}
