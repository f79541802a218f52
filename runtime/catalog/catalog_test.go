package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime/catalog"
)

// shelf is a folder of connectors and a catalog of it.
type shelf struct {
	t   *testing.T
	dir string
	c   *catalog.Catalog

	mu      sync.Mutex
	changes []catalog.Change
	news    chan struct{}
}

// open opens a catalog of the shelf's folder; change may alter its options.
func (s *shelf) open(change ...func(*catalog.Options)) {
	s.t.Helper()
	opt := catalog.Options{Paths: []string{s.dir}, Settle: 10 * time.Millisecond, Rescan: time.Hour, Observe: func(c catalog.Change) {
		s.mu.Lock()
		s.changes = append(s.changes, c)
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
	}}
	for _, f := range change {
		f(&opt)
	}
	c, err := catalog.Open(context.Background(), opt)
	if err != nil {
		s.t.Fatal(err)
	}
	s.c = c
	s.t.Cleanup(c.Close)
}

func newShelf(t *testing.T) *shelf {
	return &shelf{t: t, dir: t.TempDir(), news: make(chan struct{}, 1)}
}

// yaml is a connector whose stream asks for path.
func yaml(name, path string) string {
	return fmt.Sprintf("connector: %s\nformat: 1\nhttp: {base_url: \"http://127.0.0.1:1\"}\nstreams:\n  items:\n    request: {path: %s}\n    records: {path: $}\n    pagination: {type: none}\n", name, path)
}

// write saves a file as a careless editor does: in place.
func (s *shelf) write(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// path is what the version in use asks for, "" without one.
func (s *shelf) path(name string) string {
	v, err := s.c.Use(name)
	if err != nil {
		return ""
	}
	defer v.Done()
	return v.Connector.Spec.Streams[0].Request.Path.Parts[0].Lit
}

// await waits until cond holds, and fails after a minute.
func (s *shelf) await(what string, cond func() bool) {
	s.t.Helper()
	end := time.After(time.Minute)
	for !cond() {
		select {
		case <-s.news:
		case <-time.After(5 * time.Millisecond):
		case <-end:
			s.t.Fatalf("%s never came; the catalog is %+v", what, s.c.List())
		}
	}
}

func (s *shelf) status(name string) catalog.Status {
	st, err := s.c.Status(name)
	if err != nil {
		return catalog.Status{}
	}
	return st
}

// told counts the changes of a kind.
func (s *shelf) told(kind catalog.ChangeKind, name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.changes {
		if c.Kind == kind && c.Name == name {
			n++
		}
	}
	return n
}

func TestReload(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/one"))
	s.open()
	old, err := s.c.Use("a")
	if err != nil {
		t.Fatal(err)
	}
	s.write("a/connector.yaml", yaml("a", "/two"))
	s.await("the new version", func() bool { return s.path("a") == "/two" })
	if got := old.Connector.Spec.Streams[0].Request.Path.Parts[0].Lit; got != "/one" {
		t.Errorf("the run that began before sees %s", got)
	}
	old.Done()
	s.mu.Lock()
	last := s.changes[len(s.changes)-1]
	s.mu.Unlock()
	if last.Kind != catalog.Reloaded || last.Before != old.ID || strings.Join(last.Streams, " ") != "items" {
		t.Errorf("told %+v", last)
	}
}

// TestBrokenUnderAnotherName: a save that is wrong and changes the name leaves the last good version where it was.
func TestBrokenUnderAnotherName(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/one"))
	s.open()
	s.write("a/connector.yaml", yaml("b", "/two")+"strems: {}\n")
	s.await("the problem", func() bool { return s.status("a").Problem != nil })
	if v, err := s.c.Use("a"); err != nil || v.Name != "a" {
		t.Errorf("a is %v, %v", v, err)
	} else {
		v.Done()
	}
	if v, err := s.c.Use("b"); err == nil {
		t.Errorf("b is %s", v.Connector.Spec.Name)
		v.Done()
	}
}

func TestProblems(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/one"))
	s.write("broken/connector.yaml", "connector: broken\nformat: 1\nstreems: {}\n")
	s.write("jobs.yaml", "jobs: []\n")
	s.open()
	if _, err := s.c.Use("broken"); err == nil || !strings.Contains(err.Error(), filepath.Join(s.dir, "broken/connector.yaml")+":3:1: ") {
		t.Errorf("use: %v", err)
	}
	var unknown *catalog.UnknownError
	if _, err := s.c.Use("aa"); !errors.As(err, &unknown) || unknown.Near != "a" {
		t.Errorf("use of an unknown one: %v", err)
	}
	if n := len(s.c.List()); n != 2 {
		t.Errorf("%d connectors, want 2: %+v", n, s.c.List())
	}
	s.write("a/connector.yaml", yaml("a", "/two")+"bogus: 1\n")
	s.await("the problem", func() bool { return s.status("a").Problem != nil })
	if got := s.path("a"); got != "/one" {
		t.Errorf("the last good version is gone: %q", got)
	}
	if p := catalog.Problems(s.status("a").Problem); len(p) != 1 || !strings.Contains(p[0], ":9:1: ") {
		t.Errorf("problems %q", p)
	}
	s.write("a/connector.yaml", yaml("a", "/one"))
	s.await("the mending", func() bool { return s.status("a").Problem == nil })
	s.write("broken/connector.yaml", yaml("broken", "/well"))
	s.await("the repair", func() bool { return s.path("broken") == "/well" })
}

func TestShipped(t *testing.T) {
	s := newShelf(t)
	s.open(func(o *catalog.Options) { o.Shipped = connectors.FS })
	if st := s.status("pocketbase"); !st.Shipped || st.Version == "" {
		t.Fatalf("pocketbase is %+v", st)
	}
	s.write("mine/connector.yaml", yaml("pocketbase", "/mine"))
	s.await("the user's own", func() bool { return s.path("pocketbase") == "/mine" })
}
