package sink_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lastpage/lastpage/store/sink"
)

// Whatever is written after the mark that was kept, the file ends with each record once.
func TestFileExactlyOnce(t *testing.T) {
	list := pages(60)
	for _, ext := range []string{".jsonl", ".jsonl.gz", ".jsonl.zst"} {
		for _, policy := range []string{"page", "interval", "close", "never", "1ns"} {
			t.Run(ext+" "+policy, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "out"+ext)
				rnd := rand.New(rand.NewPCG(1, 2))
				var kept []byte
				for done := 0; done < len(list); {
					s := open(t, "jsonl:"+path+"?fsync="+policy, "a", kept, false, sink.Options{})
					if kept == nil {
						kept = mark(t, s, "a")
					}
					for n := rnd.IntN(8); n > 0 && done < len(list); n-- {
						write(t, s, "a", list[done]...)
						kept = mark(t, s, "a")
						done++
					}
					if done < len(list) && rnd.IntN(2) == 0 { // lost: written but not kept
						write(t, s, "a", list[done]...)
						if rnd.IntN(2) == 0 {
							mark(t, s, "a")
						}
					}
					check(t, s.Close(t.Context()))
					if rnd.IntN(2) == 0 {
						f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
						check(t, err)
						f.WriteString("{half a page")
						f.Close()
					}
				}
				s := open(t, "jsonl:"+path, "a", kept, false, sink.Options{})
				check(t, s.Close(t.Context()))
				if got := content(t, path); !bytes.Equal(got, lines(list)) {
					t.Errorf("%d bytes, want %d", len(got), len(lines(list)))
				}
			})
		}
	}
}

func TestFileOpen(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deep", "er", "out.jsonl")
	s := open(t, "jsonl:"+path, "a", nil, false, sink.Options{})
	write(t, s, "a", []byte("1"))
	kept := mark(t, s, "a")

	t.Run("another run writes to it", func(t *testing.T) {
		other, err := sink.New(t.Context(), "jsonl:"+path, sink.Options{})
		check(t, err)
		err = other.Open(t.Context(), "a", nil, true)
		if want := path + ": another run is writing to it; wait for it to end, or name another output"; err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	})
	check(t, s.Close(t.Context()))

	t.Run("shorter than the mark", func(t *testing.T) {
		check(t, os.Truncate(path, 1))
		again, err := sink.New(t.Context(), "jsonl:"+path, sink.Options{})
		check(t, err)
		err = again.Open(t.Context(), "a", kept, false)
		var short *sink.ShortError
		if !errors.As(err, &short) || short.Have != 1 || short.Want != 2 || short.Target != path {
			t.Fatalf("%v", err)
		}
		want := path + ": it holds 1 of the 2 that were committed: it was cut or changed since the last run; restore it, move it away to go on in a new one, or start over with --fresh"
		if err.Error() != want {
			t.Errorf("\n got %s\nwant %s", err, want)
		}
		if b := content(t, path); string(b) != "1" {
			t.Errorf("it was changed: %q", b)
		}
	})
	t.Run("moved away", func(t *testing.T) {
		check(t, os.Rename(path, path+".1"))
		s := open(t, "jsonl:"+path, "a", kept, false, sink.Options{})
		write(t, s, "a", []byte("2"))
		if n := s.Notes(); len(n) != 1 || n[0][0] != "output_moved" || s.Notes() != nil {
			t.Errorf("%v", n)
		}
		check(t, s.Close(t.Context()))
		if b := content(t, path); string(b) != "2\n" {
			t.Errorf("%q", b)
		}
	})
	t.Run("fresh", func(t *testing.T) {
		s := open(t, "jsonl:"+path, "a", kept, true, sink.Options{})
		write(t, s, "a", []byte("3"))
		check(t, s.Close(t.Context()))
		if b := content(t, path); string(b) != "3\n" {
			t.Errorf("%q", b)
		}
	})
	t.Run("appended to, after a line that was left open", func(t *testing.T) {
		check(t, os.WriteFile(path, []byte("0\nx"), 0o600))
		s := open(t, "jsonl:"+path, "a", nil, false, sink.Options{})
		write(t, s, "a", []byte("4"))
		check(t, s.Close(t.Context()))
		if b := content(t, path); string(b) != "0\nx\n4\n" {
			t.Errorf("%q", b)
		}
	})
	t.Run("mark of another file", func(t *testing.T) {
		s, err := sink.New(t.Context(), "jsonl:"+path+"2", sink.Options{})
		check(t, err)
		if err := s.Open(t.Context(), "a", kept, false); err == nil || !strings.Contains(err.Error(), "the mark is of another output, "+path) {
			t.Error(err)
		}
	})
	t.Run("folder", func(t *testing.T) {
		s, err := sink.New(t.Context(), "jsonl:"+dir, sink.Options{})
		check(t, err)
		if err := s.Open(t.Context(), "a", nil, false); err == nil || err.Error() != dir+": it is a folder; name a file in it" {
			t.Error(err)
		}
	})
	t.Run("below a file", func(t *testing.T) {
		s, err := sink.New(t.Context(), "jsonl:"+path+"/x", sink.Options{})
		check(t, err)
		if err := s.Open(t.Context(), "a", nil, false); err == nil || err.Error() != path+"/x: a part of its path is not a folder; name another output" {
			t.Error(err)
		}
	})
}

// Several streams share a file, and each has one of its own with {stream}.
func TestFileOfSeveralStreams(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "jsonl:"+dir+"/all.jsonl", "a", nil, true, sink.Options{})
	check(t, s.Open(t.Context(), "b", nil, true))
	write(t, s, "a", []byte("1"))
	write(t, s, "b", []byte("2"))
	check(t, s.Open(t.Context(), "c", nil, true)) // late: nothing of the others is lost
	write(t, s, "c", []byte("3"))
	kept := mark(t, s, "b")
	if s.Target("a") != s.Target("b") {
		t.Error("two targets for one file")
	}
	write(t, s, "a", []byte("4"))
	check(t, s.Close(t.Context()))
	s = open(t, "jsonl:"+dir+"/all.jsonl", "a", kept, false, sink.Options{})
	check(t, s.Open(t.Context(), "b", kept, false))
	write(t, s, "a", []byte("5"))
	check(t, s.Close(t.Context()))
	if b := content(t, dir+"/all.jsonl"); string(b) != "1\n2\n3\n5\n" {
		t.Errorf("%q", b)
	}

	s = open(t, "jsonl:"+dir+"/{stream}.jsonl", "a/../x", nil, true, sink.Options{})
	check(t, s.Open(t.Context(), "b", nil, true))
	write(t, s, "a/../x", []byte("1"))
	write(t, s, "b", []byte("2"))
	check(t, s.Close(t.Context()))
	if a, b := content(t, dir+"/a_.._x.jsonl"), content(t, dir+"/b.jsonl"); string(a) != "1\n" || string(b) != "2\n" {
		t.Errorf("%q %q", a, b)
	}
}

func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	check(t, syscall.Mkfifo(path, 0o600))
	got := make(chan string)
	go func() {
		b, _ := os.ReadFile(path)
		got <- string(b)
	}()
	s := open(t, "jsonl:"+path, "a", []byte(`{"path":"`+path+`","length":100,"synced":100}`), false, sink.Options{})
	write(t, s, "a", []byte("1"))
	mark(t, s, "a")
	if !s.Durable("a") {
		t.Error("a pipe has nothing to sync")
	}
	check(t, s.Close(t.Context()))
	if b := <-got; b != "1\n" {
		t.Errorf("%q", b)
	}
	s = open(t, "jsonl:/dev/full", "a", nil, false, sink.Options{})
	err := s.Write(t.Context(), "a", "", [][]byte{[]byte("1")}, nil)
	if want := "/dev/full: the disk is full; nothing of the page was kept; free some space and run again: the run goes on from its last checkpoint"; err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestRotation(t *testing.T) {
	at := now
	opt := sink.Options{Now: func() time.Time { return at }}
	for _, ext := range []string{".jsonl", ".jsonl.gz"} {
		t.Run(ext, func(t *testing.T) {
			at = now
			dir := t.TempDir()
			uri := "jsonl:" + dir + "/out" + ext + "?rotate=1KB,1h"
			list := pages(40)
			s := open(t, uri, "a", nil, false, opt)
			kept := mark(t, s, "a")
			var keep25 []byte
			for i, p := range list {
				if i == 20 {
					at = at.Add(2 * time.Hour)
				}
				write(t, s, "a", p...)
				kept = mark(t, s, "a")
				if i == 25 {
					keep25 = kept
				}
			}
			check(t, s.Close(t.Context()))
			names := func() (list []string) {
				entries, err := os.ReadDir(dir)
				check(t, err)
				for _, e := range entries {
					list = append(list, e.Name())
				}
				return list
			}
			all := func() (b []byte) {
				for _, n := range names() { // sorted by name
					if info, err := os.Stat(dir + "/" + n); err != nil || ext == ".jsonl" && info.Size() > 1024 {
						t.Errorf("%s: %d bytes", n, info.Size())
					}
					b = append(b, content(t, dir+"/"+n)...)
				}
				return b
			}
			if got := all(); !bytes.Equal(got, lines(list)) {
				t.Errorf("%q", got)
			}
			if n := names(); len(n) < 3 || n[0] != "out-000001-20260301T120000Z"+ext || !strings.Contains(n[len(n)-1], "20260301T140000Z") {
				t.Errorf("%v", n)
			}

			// Back to page 25: the files that were begun since are gone.
			s = open(t, uri, "a", keep25, false, opt)
			if got := all(); !bytes.Equal(got, lines(list[:26])) {
				t.Errorf("%q", got)
			}
			for _, p := range list[26:] {
				write(t, s, "a", p...)
				kept = mark(t, s, "a")
			}
			check(t, s.Close(t.Context()))
			if got := all(); !bytes.Equal(got, lines(list)) {
				t.Errorf("%q", got)
			}

			// All moved away: numbers go on.
			count := len(names())
			for _, n := range names() {
				check(t, os.Remove(dir+"/"+n))
			}
			s = open(t, uri, "a", kept, false, opt)
			write(t, s, "a", []byte("1"))
			check(t, s.Close(t.Context()))
			if n := names(); len(n) != 1 || !strings.HasPrefix(n[0], fmt.Sprintf("out-%06d-", count+1)) {
				t.Errorf("%v after %d", n, count)
			}
			// Without a mark nothing that is there is touched; fresh begins anew.
			check(t, os.WriteFile(dir+"/out-notes"+ext, nil, 0o600))
			s = open(t, uri, "a", nil, false, opt)
			check(t, s.Close(t.Context()))
			if n := names(); len(n) != 3 {
				t.Errorf("%v", n)
			}
			s = open(t, uri, "a", kept, true, opt)
			check(t, s.Close(t.Context()))
			if n := names(); len(n) != 2 || !strings.HasPrefix(n[0], "out-000001-") || n[1] != "out-notes"+ext {
				t.Errorf("%v", n)
			}
		})
	}
}

// What a power cut may do to a file between two syncs is seen when it is opened, and the mark of the
// last sync is good.
func TestPowerCut(t *testing.T) {
	for name, damage := range map[string]func(b []byte, synced int) []byte{
		"end missing":  func(b []byte, synced int) []byte { return b[:synced+(len(b)-synced)/2] },
		"all missing":  func(b []byte, synced int) []byte { return b[:synced] },
		"hole":         func(b []byte, synced int) []byte { clear(b[synced+3 : synced+9]); return b },
		"zeros behind": func(b []byte, synced int) []byte { clear(b[len(b)-5:]); return append(b, make([]byte, 100)...) },
	} {
		t.Run(name, func(t *testing.T) {
			at := now
			opt := sink.Options{Now: func() time.Time { return at }}
			path := filepath.Join(t.TempDir(), "out.jsonl")
			s := open(t, "jsonl:"+path+"?fsync=1s", "a", nil, false, opt)
			if mark(t, s, "a"); !s.Durable("a") {
				t.Error("an empty file is not durable")
			}
			list := pages(30)
			var safe, last []byte
			for i, p := range list {
				at = at.Add(90 * time.Millisecond)
				write(t, s, "a", p...)
				last = mark(t, s, "a")
				if s.Durable("a") {
					safe = last
				} else if i == 29 && bytes.Equal(safe, last) {
					t.Error("the last mark should not be on the disk")
				}
			}
			check(t, s.Close(t.Context()))
			var m struct{ Length, Synced int }
			check(t, json.Unmarshal(safe, &m))
			if m.Length != m.Synced || m.Length == 0 {
				t.Fatalf("%+v", m)
			}
			check(t, os.WriteFile(path, damage(content(t, path), m.Synced), 0o600))

			s, err := sink.New(t.Context(), "jsonl:"+path, sink.Options{})
			check(t, err)
			var short *sink.ShortError
			if err := s.Open(t.Context(), "a", last, false); !errors.As(err, &short) || short.Target != path {
				t.Fatalf("the damage was not seen: %v", err)
			}
			check(t, s.Open(t.Context(), "a", safe, false))
			check(t, s.Close(t.Context()))
			if b := content(t, path); !bytes.HasPrefix(lines(list), b) || len(b) != m.Length {
				t.Errorf("%q", b)
			}
		})
	}
}

func TestFullDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	check(t, os.Mkdir(dir, 0o700))
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=128k"); err != nil {
		t.Logf("no small disk here: %v; TestFileLimit and /dev/full stand in", err)
		return
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	for _, uri := range []string{"jsonl:" + dir + "/out", "csv:" + dir + "/out", "sqlite:" + dir + "/db"} {
		s := open(t, uri, "a", nil, false, sink.Options{})
		kept := mark(t, s, "a")
		var err error
		n := 0
		for range 10_000 {
			if err = s.Write(t.Context(), "a", "", [][]byte{[]byte(`{"id":1,"text":"abcdefghijklmnopqrstuvwxyz"}`), []byte(`{"id":2,"text":"abcdefghijklmnopqrstuvwxyz"}`)}, nil); err != nil {
				break
			}
			var m []byte
			if _, m, err = s.Mark(t.Context(), "a"); err != nil {
				break
			}
			kept = m
			n += 2
		}
		path := uri[strings.Index(uri, ":")+1:]
		if want := path + ": the disk is full; nothing of the page was kept; free some space and run again: the run goes on from its last checkpoint"; err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
		check(t, s.Close(t.Context()))
		if strings.HasSuffix(path, "out") {
			if got := bytes.Count(content(t, path), []byte("abc")); got != n {
				t.Errorf("%s: %d records, want %d", uri, got, n)
			}
			check(t, os.Truncate(path, 0))
		} else {
			check(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=1m"))
			s = open(t, uri, "a", kept, false, sink.Options{})
			write(t, s, "a", []byte(`{}`))
			mark(t, s, "a")
			if got := count(t, path, "a"); got != n+1 {
				t.Errorf("%s: %d records, want %d", uri, got, n+1)
			}
		}
	}
}
