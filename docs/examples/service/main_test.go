package main

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime/demo"
)

// TestServe runs the service until it has delivered, and ends it.
func TestServe(t *testing.T) {
	api := httptest.NewServer(demo.New(demo.Options{}))
	defer api.Close()
	dir := t.TempDir()
	text := "connector: widgets\nformat: 1\nhttp: {base_url: \"" + api.URL + "\", query: {records: \"25\"}}\nstreams:\n  items:\n" +
		"    request: {path: /offset}\n    records: {path: items, key: id}\n" +
		"    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 10}, total: body.total}\n"
	if err := os.WriteFile(filepath.Join(dir, "widgets.yaml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, dir, filepath.Join(dir, "state.db"), dir, time.Hour) }()
	end := time.After(time.Minute)
	for lines := 0; lines < 25; {
		select {
		case <-time.After(10 * time.Millisecond):
			b, _ := os.ReadFile(filepath.Join(dir, "widgets.items.jsonl")) // not there yet
			lines = strings.Count(string(b), "\n")
		case err := <-ended:
			t.Fatalf("it ended: %v", err)
		case <-end:
			t.Fatal("nothing was delivered")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
