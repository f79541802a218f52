package sink_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/store/sink"
)

// What leaves the page cache behind the writing is on the disk, and stays exact when the file is cut back.
func TestLongFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	record := func(n int) []byte {
		return fmt.Appendf(nil, `{"id":%d,"note":"%s"}`, n, strings.Repeat(string(rune('a'+n%26)), 999_983))
	}
	s := open(t, "jsonl:"+path, "a", nil, false, sink.Options{})
	var kept []byte
	for n := range 60 {
		write(t, s, "a", record(n))
		if m := mark(t, s, "a"); n == 40 {
			kept = m
		}
	}
	check(t, s.Close(t.Context()))
	s = open(t, "jsonl:"+path, "a", kept, false, sink.Options{})
	for n := range 60 {
		write(t, s, "a", record(41+n))
	}
	check(t, s.Close(t.Context()))
	rest := content(t, path)
	for n := range 101 {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if !bytes.Equal(line, record(n)) {
			t.Fatalf("line %d is %.40s…", n, line)
		}
		rest = after
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes follow", len(rest))
	}
}
