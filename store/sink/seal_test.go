package sink_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/store/sink"
)

func seal(t testing.TB, s sink.Sink, stream string) []byte {
	t.Helper()
	target, m, err := s.(interface {
		Seal(ctx context.Context, stream string) (string, []byte, error)
	}).Seal(t.Context(), stream)
	check(t, err)
	if target != s.Target(stream) || !s.Durable(stream) {
		t.Errorf("the seal is of %q, the sink writes to %q; durable: %t", target, s.Target(stream), s.Durable(stream))
	}
	return m
}

func appended(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	check(t, err)
	_, err = f.WriteString(text)
	check(t, errors.Join(err, f.Close()))
}

// TestSealFile keeps what others have added since a run ended in order, and cuts off what a run that was
// killed has left.
func TestSealFile(t *testing.T) {
	for _, c := range []struct{ uri, first, foreign, want, wantCut string }{
		{"jsonl:out.jsonl", `{"n":1}`, "theirs\n", "{\"n\":1}\ntheirs\n{\"n\":2}\n", "{\"n\":1}\n{\"n\":2}\n"},
		{"jsonl:out.jsonl?fsync=close", `{"n":1}`, "left open", "{\"n\":1}\nleft open\n{\"n\":2}\n", "{\"n\":1}\n{\"n\":2}\n"},
		{"jsonl:out.jsonl?fsync=never", "", "theirs\n", "theirs\n{\"n\":2}\n", "{\"n\":2}\n"},
		{"csv:out.csv?eol=lf", `{"n":1}`, "9\n", "n\n1\n9\n2\n", "n\n1\n2\n"},
		{"csv:out.csv?eol=lf", "", "m,n\n8,9\n", "m,n\n8,9\n,2\n", "n\n2\n"},
	} {
		for _, sealed := range []bool{true, false} {
			t.Run(c.uri+c.first, func(t *testing.T) {
				kind, rest, _ := strings.Cut(c.uri, ":")
				uri := kind + ":" + filepath.Join(t.TempDir(), rest)
				path, _, _ := strings.Cut(uri[len(kind)+1:], "?")
				s := open(t, uri, "a", nil, false, sink.Options{})
				if c.first != "" {
					write(t, s, "a", []byte(c.first))
				}
				m, want := mark(t, s, "a"), c.wantCut
				if sealed {
					m, want = seal(t, s, "a"), c.want
				}
				check(t, s.Close(t.Context()))
				appended(t, path, c.foreign)
				s = open(t, uri, "a", m, false, sink.Options{})
				notes := s.Notes()
				if grown := len(notes) == 1 && notes[0][0] == "output_grown" && strings.Contains(notes[0][1], " bytes "); grown != sealed {
					t.Errorf("notes %q", notes)
				}
				write(t, s, "a", []byte(`{"n":2}`))
				m = seal(t, s, "a")
				check(t, s.Close(t.Context()))
				if b := content(t, path); string(b) != want {
					t.Errorf("\n got %q\nwant %q", b, want)
				}
				s = open(t, uri, "a", m, false, sink.Options{})
				if n := s.Notes(); n != nil {
					t.Errorf("nothing was added, and it says %q", n)
				}
				check(t, s.Close(t.Context()))
				check(t, os.Truncate(path, 1))
				s, err := sink.New(t.Context(), uri, sink.Options{})
				check(t, err)
				var short *sink.ShortError
				if err := s.Open(t.Context(), "a", m, false); !errors.As(err, &short) {
					t.Errorf("shorter than its seal: %v", err)
				}
			})
		}
	}
}

// TestSealCompressed keeps members that somebody else has added.
func TestSealCompressed(t *testing.T) {
	for _, ext := range []string{".gz", ".zst"} {
		dir := t.TempDir()
		path, other := filepath.Join(dir, "out.jsonl"+ext), filepath.Join(dir, "other.jsonl"+ext)
		for _, p := range []string{path, other} {
			s := open(t, "jsonl:"+p, "a", nil, false, sink.Options{})
			write(t, s, "a", []byte(`"`+filepath.Base(p)+`"`))
			m := seal(t, s, "a")
			check(t, s.Close(t.Context()))
			if p == path {
				defer func() {
					s := open(t, "jsonl:"+path, "a", m, false, sink.Options{})
					write(t, s, "a", []byte("3"))
					check(t, s.Close(t.Context()))
					if b, want := content(t, path), `"out.jsonl`+ext+"\"\n\"other.jsonl"+ext+"\"\n3\n"; string(b) != want {
						t.Errorf("%s: %q", ext, b)
					}
				}()
			}
		}
		b, err := os.ReadFile(other)
		check(t, err)
		appended(t, path, string(b))
	}
}

// TestSealRotated goes on in a new file behind those that somebody else has begun.
func TestSealRotated(t *testing.T) {
	dir := t.TempDir()
	uri := "jsonl:" + filepath.Join(dir, "out.jsonl") + "?rotate=1h"
	s := open(t, uri, "a", nil, false, sink.Options{})
	write(t, s, "a", []byte("1"))
	closed := seal(t, s, "a")
	check(t, s.Close(t.Context()))
	other := open(t, uri, "a", nil, false, sink.Options{}) // with another state file
	write(t, other, "a", []byte("22"))
	check(t, other.Close(t.Context()))
	s = open(t, uri, "a", closed, false, sink.Options{})
	if n := s.Notes(); len(n) != 1 || n[0][0] != "output_grown" || !strings.Contains(n[0][1], " 3 bytes ") {
		t.Errorf("notes %q", n)
	}
	openMark := mark(t, s, "a")
	write(t, s, "a", []byte("3"))
	check(t, s.Close(t.Context()))
	check(t, open(t, uri, "a", openMark, false, sink.Options{}).Close(t.Context()))
	files, err := filepath.Glob(filepath.Join(dir, "out-*.jsonl"))
	check(t, err)
	all := ""
	for _, f := range files {
		all += string(content(t, f)) + "|"
	}
	if all != "1\n|22\n||" {
		t.Errorf("%q", all)
	}
}

// TestSealSQLite keeps rows of other runs and rows that were put in by hand.
func TestSealSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.db")
	s := open(t, "sqlite:"+path, "a", nil, false, sink.Options{})
	put(t, s, "c", "k1", "1")
	first, closed := mark(t, s, "a"), seal(t, s, "a")
	check(t, s.Close(t.Context()))
	db, err := sql.Open("sqlite3", path)
	check(t, err)
	_, err = db.Exec(`INSERT INTO a (record, chain, at) VALUES ('9', 'hand', '')`)
	check(t, errors.Join(err, db.Close()))
	s = open(t, "sqlite:"+path, "a", closed, false, sink.Options{})
	if n := s.Notes(); len(n) != 1 || n[0][0] != "output_grown" || !strings.Contains(n[0][1], "ended: 1;") {
		t.Errorf("notes %q", n)
	}
	put(t, s, "c", "k2", "2")
	mark(t, s, "a")
	check(t, s.Close(t.Context()))
	if got := strings.Join(rows(t, path, "a"), ","); got != "1 k1 1 c,2 - 9 hand,3 k2 2 c" {
		t.Error(got)
	}
	check(t, open(t, "sqlite:"+path, "a", first, false, sink.Options{}).Close(t.Context()))
	if got := strings.Join(rows(t, path, "a"), ","); got != "1 k1 1 c" {
		t.Error(got)
	}
}

// TestOldSum goes on from a mark whose sum an older version wrote: xxhash64 of what was not yet on the disk.
func TestOldSum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	check(t, os.WriteFile(path, []byte("1\n2\n3\nbehind the mark"), 0o600))
	for sum, ok := range map[uint64]bool{xxhash.Sum64String("2\n3\n"): true, xxhash.Sum64String("2\n4\n"): false} {
		m := fmt.Appendf(nil, `{"path":%q,"length":6,"synced":2,"sum":"%016x"}`, path, sum)
		s, err := sink.New(t.Context(), "jsonl:"+path, sink.Options{})
		check(t, err)
		err = s.Open(t.Context(), "a", m, false)
		var short *sink.ShortError
		if ok && err != nil || !ok && !errors.As(err, &short) {
			t.Errorf("sum %x: %v", sum, err)
		}
		check(t, s.Close(t.Context()))
		if b := content(t, path); ok && string(b) != "1\n2\n3\n" {
			t.Errorf("%q", b)
		}
	}
}
