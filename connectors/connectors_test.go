// Package connectors_test proves the connectors that ship: their cases are green, they cover what
// APIs do, and a connector whose paging is broken on purpose does not pass them.
package connectors_test

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

// pages is how many pages a walk must have to prove that its connector pages: the first is asked for
// in its own way, and the second could be the last.
const pages = 3

// What the cases of a connector show.
const (
	showsWalk      = "a complete walk of three pages"
	showsEmpty     = "an empty result"
	showsThrottled = "an answer that makes it wait"
	showsResumed   = "a run that goes on from a checkpoint"

	everything = "" // in without: it has no cases
)

// without are connectors that lack one of these on purpose, and why.
var without = map[string]map[string]string{
	"demo": {everything: "its API is part of the product, and the tests of cmd/runner and runtime drain it"},
}

// names are the connectors that ship.
func names(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(connectors.FS, "*/connector.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no connector ships", err)
	}
	for i, f := range files {
		files[i] = path.Dir(f)
	}
	return files
}

// load reads a connector that ships.
func load(t *testing.T, name string) *runtime.Connector {
	t.Helper()
	c, err := runtime.LoadFS(connectors.FS, name, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// cases reads the cases of a connector that ships.
func cases(t *testing.T, name string) []*replay.Case {
	t.Helper()
	files, err := fs.Glob(connectors.FS, name+"/cases/*"+replay.Extension)
	if err != nil {
		t.Fatal(err)
	}
	var list []*replay.Case
	for _, f := range files {
		k, err := replay.LoadFS(connectors.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, k)
	}
	return list
}

func TestConnectors(t *testing.T) {
	for _, name := range names(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := load(t, name)
			if c.Spec.Name != name {
				t.Errorf("the folder's connector is called %s", c.Spec.Name)
			}
			if c.Spec.Title == "" || c.Spec.Docs == "" {
				t.Error("want a title and docs")
			}
			shown := &shown{streams: map[string]bool{}, what: map[string]bool{}}
			for _, k := range cases(t, name) {
				if k.Summary() == "" {
					t.Errorf("%s: its first line does not say what it shows", k.File)
				}
				w := &watch{shown: shown}
				r, err := k.Play(t.Context(), c, replay.Options{Observe: w.observe})
				switch {
				case err != nil:
					t.Errorf("%s: %v", k.File, err)
				case !r.OK():
					t.Errorf("%s: %s\n%s", k.File, k.Summary(), r)
				}
			}
			demand(t, c, shown)
		})
	}
}

// demand is that the cases show what APIs do, and read every stream.
func demand(t *testing.T, c *runtime.Connector, s *shown) {
	t.Helper()
	lack := without[c.Spec.Name]
	for _, what := range []string{showsWalk, showsEmpty, showsThrottled, showsResumed} {
		listed := lack[what] != "" || lack[everything] != ""
		switch {
		case !s.what[what] && !listed:
			t.Errorf("no case shows %s", what)
		case s.what[what] && listed:
			t.Errorf("is listed as without %s, and a case shows it", what)
		}
	}
	for _, st := range c.Spec.Streams {
		if !s.streams[st.Name] && lack[everything] == "" {
			t.Errorf("no case reads stream %s", st.Name)
		}
	}
}

// TestWithoutIsCurrent: what is listed exists.
func TestWithoutIsCurrent(t *testing.T) {
	all := names(t)
	for name := range maps.Keys(without) {
		if !slices.Contains(all, name) {
			t.Errorf("%s is listed and does not ship", name)
		}
	}
}

// TestOnlyConnectorsShip: each folder is a connector, and a case that nobody plays does not ship.
func TestOnlyConnectorsShip(t *testing.T) {
	all := names(t)
	err := fs.WalkDir(connectors.FS, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if folder, _, _ := strings.Cut(p, "/"); !slices.Contains(all, folder) {
			t.Errorf("%s ships, and its folder has no connector.yaml", p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shown is what the cases of one connector have shown.
type shown struct {
	streams map[string]bool // by name: a page of it was read
	what    map[string]bool
}

// watch sees what happens in one case.
type watch struct {
	*shown
	mu       sync.Mutex
	pages    map[string]int // of the run, by stream
	received map[string]int
	unended  bool // an earlier run did not come to its end
}

func (w *watch) observe(e runtime.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e.Kind {
	case runtime.EventRunStart:
		w.pages, w.received = map[string]int{}, map[string]int{}
	case runtime.EventPage:
		w.streams[e.Stream] = true
		w.pages[e.Stream]++
		w.received[e.Stream] += e.Page.Records
	case runtime.EventRetry, runtime.EventWait:
		w.what[showsThrottled] = true
	case runtime.EventStreamEnd:
		if e.Verdict != runtime.Complete {
			break
		}
		if w.received[e.Stream] == 0 {
			w.what[showsEmpty] = true
		}
		if w.pages[e.Stream] >= pages {
			w.what[showsWalk] = true
		}
	case runtime.EventRunEnd:
		if w.unended && e.Verdict == runtime.Complete {
			w.what[showsResumed] = true
		}
		w.unended = e.Verdict != runtime.Complete
	}
}
