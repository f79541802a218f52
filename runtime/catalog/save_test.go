package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime/catalog"
)

// rename saves a file as a careful editor does: beside it, then in one step.
func (s *shelf) rename(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shelf) do(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestSaves saves in every way that editors, shells and Kubernetes know.
func TestSaves(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/0"))
	s.open()
	file := filepath.Join(s.dir, "a/connector.yaml")
	for i, save := range []func(text string){
		func(text string) { s.write("a/connector.yaml", text) },
		func(text string) { s.rename("a/connector.yaml", text) },
		func(text string) { // as vim does
			s.do(os.Rename(file, file+"~"))
			s.write("a/connector.yaml", text)
			s.do(os.Remove(file + "~"))
		},
		func(text string) { // piece by piece, with pauses inside lines and between them
			f, err := os.Create(file)
			s.do(err)
			for len(text) > 0 {
				n := min(23, len(text))
				_, err := f.WriteString(text[:n])
				s.do(err)
				text = text[n:]
				time.Sleep(3 * time.Millisecond)
			}
			s.do(f.Close())
		},
		func(text string) { // the folder is exchanged
			s.write("new/connector.yaml", text)
			s.do(os.Rename(filepath.Join(s.dir, "a"), filepath.Join(s.dir, ".old")))
			s.do(os.Rename(filepath.Join(s.dir, "new"), filepath.Join(s.dir, "a")))
			s.do(os.RemoveAll(filepath.Join(s.dir, ".old")))
		},
		func(text string) { // without an end of its last line
			s.write("a/connector.yaml", strings.TrimSuffix(text, "\n"))
		},
		func(text string) { // the file becomes a link
			s.write(".store/a.yaml", text)
			s.do(os.Remove(file))
			s.do(os.Symlink("../.store/a.yaml", file))
		},
		func(text string) { s.rename("a/connector.yaml", text) },
	} {
		path := fmt.Sprintf("/%d", i+1)
		save(yaml("a", path))
		s.await("save "+path, func() bool { return s.path("a") == path && s.status("a").Problem == nil })
	}
}

// TestHalfWritten leaves files as a writer does that died, again and again; the last good version stays
// and the watching goes on.
func TestHalfWritten(t *testing.T) {
	s := newShelf(t)
	whole := yaml("a", "/one")
	s.write("a/connector.yaml", whole)
	s.open()
	for _, n := range []int{0, 5, 30, len(whole) / 2, len(whole) - 12} {
		s.write("a/connector.yaml", whole[:n])
		s.await(fmt.Sprintf("the problem of %d bytes", n), func() bool { return s.status("a").Problem != nil })
		if got := s.path("a"); got != "/one" {
			t.Fatalf("%d bytes: the version is %q", n, got)
		}
		if text := s.status("a").Problem.Error(); !strings.Contains(text, "connector.yaml:") {
			t.Errorf("%d bytes: the problem has no place: %s", n, text)
		}
		s.write("a/connector.yaml", whole)
		s.await("the mending", func() bool { return s.status("a").Problem == nil })
	}
	s.write("a/connector.yaml", yaml("a", "/two"))
	s.await("the end", func() bool { return s.path("a") == "/two" })
}

// TestPrefixIsNotTaken writes a file whose beginning is a valid connector: what stood there for a
// moment is never in use.
func TestPrefixIsNotTaken(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/one"))
	s.open(func(o *catalog.Options) { o.Settle = 500 * time.Millisecond })
	prefix := strings.TrimSuffix(yaml("a", "/two"), "\n")
	s.write("a/connector.yaml", prefix)
	time.Sleep(600 * time.Millisecond) // longer than Settle, and much shorter than ten times that
	s.write("a/connector.yaml", prefix+"\ntitle: whole\n")
	s.await("the whole", func() bool { return s.path("a") == "/two" })
	v, err := s.c.Use("a")
	s.do(err)
	defer v.Done()
	if v.Connector.Spec.Title != "whole" {
		t.Errorf("the beginning of the file was taken for all of it")
	}
	if n := s.told(catalog.Reloaded, "a"); n != 1 {
		t.Errorf("reloaded %d times", n)
	}
}

// TestConfigMap lays a folder out as Kubernetes does and swaps its link.
func TestConfigMap(t *testing.T) {
	s := newShelf(t)
	publish := func(n int, files map[string]string) {
		at := fmt.Sprintf("..2026_%04d", n)
		for name, text := range files {
			s.write(at+"/"+name, text)
		}
		tmp := filepath.Join(s.dir, "..data_tmp")
		s.do(os.Symlink(at, tmp))
		s.do(os.Rename(tmp, filepath.Join(s.dir, "..data")))
		for name := range files {
			link := filepath.Join(s.dir, name)
			if _, err := os.Lstat(link); err != nil {
				s.do(os.Symlink("..data/"+name, link))
			}
		}
		if n > 0 {
			s.do(os.RemoveAll(filepath.Join(s.dir, fmt.Sprintf("..2026_%04d", n-1))))
		}
	}
	hooked := func(n int) map[string]string {
		return map[string]string{
			"a.yaml":  yaml("a", fmt.Sprintf("/%d", n)),
			"b.yaml":  strings.Replace(yaml("b", fmt.Sprintf("/%d", n)), "{type: none}", "{type: hook, send: query.x}", 1) + "hook: b.js\n",
			"b.js":    fmt.Sprintf("function next(page) { return {end: \"%d\"} }\n", n),
			"jobs.md": "not a connector\n",
		}
	}
	publish(0, hooked(0))
	s.open()
	for n := 1; n <= 5; n++ {
		path := fmt.Sprintf("/%d", n)
		publish(n, hooked(n))
		s.await("the swap to "+path, func() bool { return s.path("a") == path && s.path("b") == path })
		v, err := s.c.Use("b")
		s.do(err)
		if !strings.Contains(v.Connector.Spec.Hook.Text, fmt.Sprintf("%q", fmt.Sprint(n))) {
			t.Errorf("%s has the hook %s", path, v.Connector.Spec.Hook.Text)
		}
		v.Done()
	}
	if n := len(s.c.List()); n != 2 {
		t.Errorf("%d connectors: %+v", n, s.c.List())
	}
}

// TestHookReloads changes the hook alone, breaks it, and mends it.
func TestHookReloads(t *testing.T) {
	s := newShelf(t)
	s.write("a/hook.js", "function next(page) { return {end: \"one\"} }\n")
	s.write("a/connector.yaml", strings.Replace(yaml("a", "/one"), "{type: none}", "{type: hook, send: query.x}", 1))
	s.open()
	hook := func() string {
		v, err := s.c.Use("a")
		if err != nil {
			return err.Error()
		}
		defer v.Done()
		return v.Connector.Spec.Hook.Text
	}
	s.write("a/hook.js", "function next(page) { return {end: \"two\"} }\n")
	s.await("the hook", func() bool { return strings.Contains(hook(), "two") })
	s.write("a/hook.js", "function next(page) { return {end: \"three\" }\n}}\n")
	s.await("its problem", func() bool { return s.status("a").Problem != nil })
	if p := catalog.Problems(s.status("a").Problem); !strings.Contains(p[0], "hook.js:2:") || !strings.Contains(hook(), "two") {
		t.Errorf("problems %q with %s", p, hook())
	}
	s.do(os.Remove(filepath.Join(s.dir, "a/hook.js")))
	s.await("that it is missing", func() bool { return strings.Contains(fmt.Sprint(s.status("a").Problem), "next") })
	s.write("a/hook.js", "function next(page) { return {end: \"four\"} }\n")
	s.await("the mending", func() bool { return s.status("a").Problem == nil && strings.Contains(hook(), "four") })
}

// TestGone deletes files and folders; what was good stays until it is told to go.
func TestGone(t *testing.T) {
	s := newShelf(t)
	for _, name := range []string{"a", "b", "c"} {
		s.write(name+"/connector.yaml", yaml(name, "/one"))
	}
	s.open()
	s.do(os.Remove(filepath.Join(s.dir, "a/connector.yaml")))
	s.do(os.RemoveAll(filepath.Join(s.dir, "b")))
	s.await("both gone", func() bool { return s.status("a").Gone && s.status("b").Gone })
	if s.path("a") != "/one" || s.path("b") != "/one" || s.told(catalog.Gone, "b") != 1 {
		t.Errorf("%+v", s.c.List())
	}
	s.write("b/connector.yaml", yaml("b", "/two"))
	s.await("b again", func() bool { return s.path("b") == "/two" && !s.status("b").Gone })
	if ok, err := s.c.Forget(t.Context(), "a"); !ok || err != nil {
		t.Errorf("forget: %v, %v", ok, err)
	}
	if ok, _ := s.c.Forget(t.Context(), "c"); ok || s.path("c") != "/one" || s.path("a") != "" {
		t.Errorf("%+v", s.c.List())
	}
	s.do(os.Rename(filepath.Join(s.dir, "c"), filepath.Join(s.dir, "moved")))
	s.await("the move", func() bool { return strings.HasSuffix(s.status("c").Path, "moved/connector.yaml") })
	if n := s.told(catalog.Refused, "c") + s.told(catalog.Dropped, "c"); n != 0 || s.status("c").Problem != nil {
		t.Errorf("%+v after %+v", s.status("c"), s.changes)
	}
}

// TestUnreadable puts what is no readable file in a connector's place.
func TestUnreadable(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("a", "/one"))
	s.open()
	file := filepath.Join(s.dir, "a/connector.yaml")
	for name, spoil := range map[string]func() error{
		"a folder":             func() error { return os.Mkdir(file, 0o755) },
		"a link that is loose": func() error { return os.Symlink("nowhere.yaml", file) },
		"a link to itself":     func() error { return os.Symlink("connector.yaml", file) },
		"a pipe":               func() error { return pipe(file) },
		"a binary":             func() error { return os.WriteFile(file, []byte("\x00\xff\xfe\n"), 0o644) },
	} {
		s.do(os.Remove(file))
		s.do(spoil())
		s.await(name, func() bool { return s.status("a").Problem != nil })
		if s.path("a") != "/one" {
			t.Errorf("%s: the version is gone", name)
		}
		s.do(os.RemoveAll(file))
		s.write("a/connector.yaml", yaml("a", "/one"))
		s.await("the mending of "+name, func() bool { return s.status("a").Problem == nil })
	}
	if os.Getuid() != 0 { // root reads everything
		s.do(os.Chmod(file, 0))
		s.await("no permission", func() bool { return s.status("a").Problem != nil })
		s.do(os.Chmod(file, 0o644))
		s.await("permission", func() bool { return s.status("a").Problem == nil })
	}
}

// TestTwoOfAName has two folders hold one connector: the first counts, and the other takes over.
func TestTwoOfAName(t *testing.T) {
	s := newShelf(t)
	s.write("a/connector.yaml", yaml("same", "/a"))
	s.write("b/connector.yaml", yaml("same", "/b"))
	s.open()
	if s.path("same") != "/a" || len(s.c.List()) != 2 || s.told(catalog.Refused, "same") != 1 {
		t.Fatalf("%+v", s.c.List())
	}
	for _, st := range s.c.List() {
		if strings.HasSuffix(st.Path, "b/connector.yaml") && (st.Problem == nil || !strings.Contains(st.Problem.Error(), "a/connector.yaml")) {
			t.Errorf("%+v", st)
		}
	}
	s.do(os.RemoveAll(filepath.Join(s.dir, "a")))
	s.await("the other", func() bool { return s.path("same") == "/b" })
	if st := s.status("same"); st.Problem != nil || len(s.c.List()) != 1 {
		t.Errorf("%+v", s.c.List())
	}
}

// TestSingleFile names a file itself, which is replaced and renamed away.
func TestSingleFile(t *testing.T) {
	s := newShelf(t)
	s.write("one.yaml", yaml("one", "/1"))
	s.open(func(o *catalog.Options) { o.Paths = []string{filepath.Join(s.dir, "one.yaml")} })
	s.rename("one.yaml", yaml("one", "/2"))
	s.await("the replacement", func() bool { return s.path("one") == "/2" })
	s.do(os.Remove(filepath.Join(s.dir, "one.yaml")))
	s.await("its end", func() bool { return s.status("one").Gone })
	s.write("one.yaml", yaml("one", "/3"))
	s.await("its return", func() bool { return s.path("one") == "/3" })
	if _, err := catalog.Open(t.Context(), catalog.Options{Paths: []string{filepath.Join(s.dir, "none")}}); !os.IsNotExist(err) {
		t.Errorf("a path that is not there: %v", err)
	}
}

// TestRootIsLink swaps the folder of all connectors behind a link.
func TestRootIsLink(t *testing.T) {
	s := newShelf(t)
	for _, n := range []string{"1", "2"} {
		s.write("releases/"+n+"/a/connector.yaml", yaml("a", "/"+n))
	}
	link := filepath.Join(s.dir, "current")
	s.do(os.Symlink("releases/1", link))
	s.open(func(o *catalog.Options) { o.Paths = []string{link} })
	s.do(os.Symlink("releases/2", link+".new"))
	s.do(os.Rename(link+".new", link))
	s.await("the swap", func() bool { return s.path("a") == "/2" })
	s.write("releases/2/a/connector.yaml", yaml("a", "/3"))
	s.await("a save behind the link", func() bool { return s.path("a") == "/3" })
}

// TestLooking finds changes that the system does not tell of.
func TestLooking(t *testing.T) {
	s := newShelf(t)
	s.write(".elsewhere/a.yaml", yaml("a", "/one"))
	s.do(os.Mkdir(filepath.Join(s.dir, "a"), 0o755))
	s.do(os.Symlink("../.elsewhere/a.yaml", filepath.Join(s.dir, "a/connector.yaml")))
	s.open(func(o *catalog.Options) { o.Rescan = 20 * time.Millisecond })
	s.write(".elsewhere/a.yaml", yaml("a", "/two")) // as long, and in the same second
	s.await("a save behind a link", func() bool { return s.path("a") == "/two" })
}
