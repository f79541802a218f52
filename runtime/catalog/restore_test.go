package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
)

// versions are the IDs that can be put back, the newest first.
func (s *shelf) versions(name string) []string {
	s.t.Helper()
	list, err := s.c.Versions(s.t.Context(), name)
	s.do(err)
	ids := make([]string, len(list))
	for i, r := range list {
		ids[i] = r.ID
		if r.Current != (r.ID == s.status(name).Version) {
			s.t.Errorf("%+v says current, %s is", r, s.status(name).Version)
		}
	}
	return ids
}

// reload saves a new text and waits until it is in use.
func (s *shelf) reload(name, path string) {
	s.t.Helper()
	s.write(name+"/connector.yaml", yaml(name, path))
	s.await(path, func() bool { return s.path(name) == path })
}

func TestRestore(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/0"))
	s.open(func(o *catalog.Options) { o.Keep = 3 })
	for i := 1; i <= 4; i++ {
		s.reload("a", fmt.Sprintf("/%d", i))
	}
	ids := s.versions("a")
	if len(ids) != 3 {
		t.Fatalf("%d versions are kept, want 3", len(ids))
	}
	s.do(s.c.Restore(t.Context(), "a", ids[2]))
	if s.path("a") != "/2" || !s.status("a").Restored {
		t.Errorf("%+v asks for %s", s.status("a"), s.path("a"))
	}
	s.do(s.c.Rescan(t.Context()))
	if s.path("a") != "/2" {
		t.Errorf("a look at the files has undone it: %s", s.path("a"))
	}
	files, err := s.c.Source(t.Context(), "a", ids[1])
	if err != nil || len(files) != 1 || !strings.Contains(files[0].Text, "/3") {
		t.Errorf("source: %v, %v", files, err)
	}
	s.write("a/connector.yaml", "connector: a\nbroken\n")
	s.await("the problem", func() bool { return s.status("a").Problem != nil })
	if s.path("a") != "/2" {
		t.Errorf("a broken file has undone it: %s", s.path("a"))
	}
	s.reload("a", "/5")
	if s.status("a").Restored || s.status("a").Problem != nil {
		t.Errorf("%+v", s.status("a"))
	}
	var none *catalog.VersionError
	if err := s.c.Restore(t.Context(), "a", "0123456789abcdef"); !errors.As(err, &none) {
		t.Errorf("restore of what never was: %v", err)
	}
	var unknown *catalog.UnknownError
	if err := s.c.Restore(t.Context(), "b", ids[0]); !errors.As(err, &unknown) {
		t.Errorf("restore of an unknown one: %v", err)
	}
}

// TestArchive restarts the process: what was put back stays put back, and a file that is broken by
// then still has its last good version.
func TestArchive(t *testing.T) {
	s := newShelf(t)
	archive := filepath.Join(t.TempDir(), "archive")
	hook := "function record(rec) { return rec }\n"
	s.write("a/hook.js", hook)
	s.write("a/connector.yaml", yaml("a", "/0"))
	s.write("b/connector.yaml", yaml("b", "/0"))
	kept := func(o *catalog.Options) { o.Archive, o.Keep = archive, 3 }
	s.open(kept)
	for i := 1; i <= 4; i++ {
		s.reload("a", fmt.Sprintf("/%d", i))
	}
	s.reload("b", "/1")
	s.do(s.c.Restore(t.Context(), "a", s.versions("a")[1]))
	s.c.Close()
	s.write("b/connector.yaml", "connector: b\nformat: 1\nbroken: true\n")

	s.open(kept)
	if s.path("a") != "/3" || !s.status("a").Restored || len(s.versions("a")) != 3 {
		t.Errorf("a: %+v asks for %s and has %v", s.status("a"), s.path("a"), s.versions("a"))
	}
	if files, err := s.c.Source(t.Context(), "a", s.versions("a")[2]); err != nil || len(files) != 2 || files[1].Text != hook {
		t.Errorf("source: %v, %v", files, err)
	}
	if s.path("b") != "/1" || s.status("b").Problem == nil {
		t.Errorf("b: %+v asks for %s", s.status("b"), s.path("b"))
	}
	s.reload("b", "/2")
	s.reload("a", "/5")
	s.c.Close()

	spoiled, err := filepath.Glob(filepath.Join(archive, "*", "*"))
	s.do(err)
	for _, path := range spoiled {
		s.do(os.WriteFile(path, []byte("spoiled"), 0o600))
	}
	s.open(kept)
	if s.path("a") != "/5" || s.path("b") != "/2" {
		t.Errorf("after the archive was spoiled: %+v", s.c.List())
	}
}

// TestCases plays the recorded cases of what is saved; a version that does otherwise is refused.
func TestCases(t *testing.T) {
	text := func(send string) string {
		return "connector: a\nformat: 1\nconfig: {base_url: {type: url, default: \"http://127.0.0.1:1\"}}\nhttp: {base_url: \"${config.base_url}\"}\nstreams:\n  items:\n    request: {path: /items}\n    records: {path: items, key: id}\n    pagination: {type: page, send: " + send + ", total_pages: body.pages}\n"
	}
	walk := func(query string) string {
		return "-- 1.request --\nGET /items?" + query + "=1\n-- 1.response --\nHTTP 200\n\n{\"pages\":1,\"items\":[{\"id\":1}]}\n-- records --\n{\"id\":1}\n"
	}
	s := newShelf(t)
	s.write("a/cases/walk.txtar", walk("page"))
	s.write("a/connector.yaml", text("query.page"))
	s.open(func(o *catalog.Options) { o.Replay = play })
	if st := s.status("a"); st.Problem != nil || st.Version == "" {
		t.Fatalf("%+v", st)
	}
	first := s.status("a").Version
	s.write("a/connector.yaml", text("query.p"))
	s.await("the refusal", func() bool { return s.status("a").Problem != nil })
	if p := s.status("a").Problem.Error(); !strings.Contains(p, "a/cases/walk.txtar") || s.status("a").Version != first {
		t.Errorf("%+v", s.status("a"))
	}
	s.write("a/cases/walk.txtar", walk("p"))
	s.await("the case that fits", func() bool { return s.status("a").Problem == nil && s.status("a").Version != first })
	second := s.status("a").Version
	s.write("a/cases/more.txtar", "no case\n")
	s.await("the bad case", func() bool { return s.status("a").Problem != nil })
	s.do(os.Remove(filepath.Join(s.dir, "a/cases/more.txtar")))
	s.await("its end", func() bool { return s.status("a").Problem == nil })
	if s.status("a").Version != second || s.told(catalog.Reloaded, "a") != 1 {
		t.Errorf("%+v after %+v", s.status("a"), s.changes)
	}
}

// TestCasesTakeTooLong has one connector's cases never end: the others are reloaded meanwhile.
func TestCasesTakeTooLong(t *testing.T) {
	s := newShelf(t)
	s.write("slow/cases/walk.txtar", "-- 1.response --\n")
	s.write("slow/connector.yaml", yaml("slow", "/one"))
	s.write("quick/connector.yaml", yaml("quick", "/one"))
	var hang sync.Mutex
	hanging := false
	s.open(func(o *catalog.Options) {
		o.Workers, o.Patience = 2, time.Hour
		o.Replay = func(ctx context.Context, c *runtime.Connector, _ fs.FS, _ string) error {
			hang.Lock()
			wait := hanging
			hang.Unlock()
			if wait {
				<-ctx.Done()
			}
			return ctx.Err()
		}
	})
	hang.Lock()
	hanging = true
	hang.Unlock()
	s.write("slow/connector.yaml", yaml("slow", "/two"))
	for i := range 3 {
		s.reload("quick", fmt.Sprintf("/%d", i))
	}
	if s.path("slow") != "/one" {
		t.Errorf("slow asks for %s", s.path("slow"))
	}
	s.c.Close() // does not wait for an hour
	if _, err := s.c.Use("slow"); !errors.Is(err, catalog.ErrClosed) {
		t.Errorf("use after close: %v", err)
	}
	if err := s.c.Rescan(t.Context()); !errors.Is(err, catalog.ErrClosed) {
		t.Errorf("rescan after close: %v", err)
	}
}

// TestStorm saves, breaks, deletes and restores from all sides while versions are in use. The last save
// is what is in use in the end.
func TestStorm(t *testing.T) {
	s := newShelf(t)
	const connectors = 8
	name := func(i int) string { return fmt.Sprintf("c%d", i) }
	for i := range connectors {
		s.write(name(i)+"/connector.yaml", yaml(name(i), "/start"))
	}
	s.open(func(o *catalog.Options) { o.Archive = t.TempDir(); o.Rescan = 50 * time.Millisecond })
	ctx, stop := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	for i := range connectors {
		writers.Go(func() {
			for n := range 30 {
				switch n % 5 {
				case 0:
					s.write(name(i)+"/connector.yaml", "connector: "+name(i)+"\n")
				case 1:
					os.Remove(filepath.Join(s.dir, name(i), "connector.yaml"))
				case 2:
					os.RemoveAll(filepath.Join(s.dir, name(i)))
				default:
					s.write(name(i)+"/connector.yaml", yaml(name(i), fmt.Sprintf("/%d", n)))
				}
				time.Sleep(3 * time.Millisecond)
			}
			s.write(name(i)+"/connector.yaml", yaml(name(i), "/end"))
		})
		readers.Go(func() {
			for ctx.Err() == nil {
				v, err := s.c.Use(name(i))
				if err != nil {
					t.Errorf("%s: %v", name(i), err)
					return
				}
				if list, err := s.c.Versions(ctx, name(i)); err == nil && len(list) > 1 {
					_ = s.c.Restore(ctx, name(i), list[len(list)-1].ID) // it may have gone meanwhile
				}
				v.Done()
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	writers.Wait()
	stop()
	readers.Wait()
	for i := range connectors { // a Restore after the last save stands: one more save ends it
		s.reload(name(i), "/last")
	}
}
