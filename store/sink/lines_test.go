package sink_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store/sink"
)

// in gives the records that stand in a body: each ends where the mark | is, which becomes the byte behind it.
func in(body string, between, last byte) (list []byte, records [][]byte) {
	list = []byte(body + "|")
	for from := 0; from < len(list); {
		n := bytes.IndexByte(list[from:], '|')
		records = append(records, list[from:from+n:from+n])
		from += n
		list[from] = between
		from++
	}
	list[len(list)-1] = last
	return list, records
}

// TestWriteList writes lists as Write writes their records, and leaves them as they were.
func TestWriteList(t *testing.T) {
	type given struct {
		list    []byte
		records [][]byte
	}
	lists := map[string]given{}
	add := func(name string, list []byte, records [][]byte) { lists[name] = given{list, records} }
	list, records := in(`{"a":1}|{"b":"é, \n"}|[2,3]|4`, ',', ']')
	add("compact", list, records)
	list, records = in(`{"a":1}|{"b":2}`, '\n', '\n')
	add("lines", list, records)
	list, records = in(`{"a":1}`, ',', ']')
	add("one", list, records)
	for name, l := range lists {
		for _, file := range []string{"out.jsonl", "out.jsonl.gz", "out.jsonl.zst"} {
			path := func(how string) string { return filepath.Join(t.TempDir(), how, file) }
			a, b := path("a"), path("b")
			var said [2][]byte
			for i, p := range []string{a, b} {
				s := open(t, "jsonl:"+p, "s", nil, false, sink.Options{})
				if i == 0 {
					write(t, s, "s", l.records...)
				} else {
					unchanged(t, name, l.list, func() { check(t, s.(runtime.Lister).WriteList(t.Context(), "s", "", l.list, l.records)) })
				}
				check(t, s.Close(t.Context()))
				said[i] = content(t, p)
			}
			if !bytes.Equal(said[0], said[1]) || len(said[0]) == 0 {
				t.Errorf("%s, %s: %q, want %q", name, file, said[1], said[0])
			}
		}
		var printed [2]bytes.Buffer
		var counted [2][]byte
		for i := range 2 {
			out := open(t, "-", "s", nil, false, sink.Options{Stdout: &printed[i]})
			null := open(t, "null:", "s", nil, false, sink.Options{})
			for _, s := range []sink.Sink{out, null} {
				if i == 0 {
					write(t, s, "s", l.records...)
				} else {
					unchanged(t, name, l.list, func() { check(t, s.(runtime.Lister).WriteList(t.Context(), "s", "", l.list, l.records)) })
				}
			}
			counted[i] = mark(t, null, "s")
		}
		if printed[0].String() != printed[1].String() {
			t.Errorf("%s, printed: %q, want %q", name, printed[1].String(), printed[0].String())
		}
		if string(counted[0]) != string(counted[1]) {
			t.Errorf("%s, counted: %s, want %s", name, counted[1], counted[0])
		}
	}
}

// unchanged fails when what is done leaves another list behind.
func unchanged(t *testing.T, name string, list []byte, do func()) {
	t.Helper()
	before := bytes.Clone(list)
	do()
	if !bytes.Equal(list, before) {
		t.Errorf("%s: the list is %q now, it was %q", name, list, before)
	}
}

// TestWriteListFails leaves the list as it was when it cannot be written.
func TestWriteListFails(t *testing.T) {
	list, records := in(`{"a":1}|{"b":2}`, ',', ']')
	s := open(t, "-", "s", nil, false, sink.Options{Stdout: broken{}})
	unchanged(t, "broken", list, func() {
		if err := s.(runtime.Lister).WriteList(t.Context(), "s", "", list, records); err == nil {
			t.Error("a broken output takes it")
		}
	})
}
