package sink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/lastpage/lastpage/store/sink"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	if uri := os.Getenv("SINK_TEST_CHILD"); uri != "" {
		signal.Ignore(syscall.SIGXFSZ)
		if err := fill(context.Background(), uri); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, uri, stream string, mark []byte, fresh bool, opt sink.Options) sink.Sink {
	t.Helper()
	s, err := sink.New(t.Context(), uri, opt)
	check(t, err)
	t.Cleanup(func() { s.Close(context.Background()) })
	check(t, s.Open(t.Context(), stream, mark, fresh))
	return s
}

func mark(t testing.TB, s sink.Sink, stream string) []byte {
	t.Helper()
	target, m, err := s.Mark(t.Context(), stream)
	check(t, err)
	if target != s.Target(stream) {
		t.Errorf("the mark is of %q, the sink writes to %q", target, s.Target(stream))
	}
	return m
}

// pages gives n pages of records, which are numbered through.
func pages(n int) (list [][][]byte) {
	id := 0
	for i := range n {
		var page [][]byte
		for range i%4 + 1 {
			page = append(page, fmt.Appendf(nil, `{"id":%d,"name":"record \"%d\"\né","n":{"x":[1,2]}}`, id, id))
			id++
		}
		list = append(list, page)
	}
	return list
}

func write(t testing.TB, s sink.Sink, stream string, page ...[]byte) {
	t.Helper()
	check(t, s.Write(t.Context(), stream, "", page, nil))
}

// content is what a file holds, decompressed.
func content(t testing.TB, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	var r io.Reader = f
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(f)
	case ".zst":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(f); err == nil {
			defer d.Close()
			r = d
		}
	}
	if info, _ := f.Stat(); info.Size() == 0 {
		return nil
	}
	check(t, err)
	b, err := io.ReadAll(r)
	check(t, err)
	return b
}

func lines(list [][][]byte) []byte {
	var b []byte
	for _, p := range list {
		for _, r := range p {
			b = append(append(b, r...), '\n')
		}
	}
	return b
}

func TestURIErrors(t *testing.T) {
	for uri, want := range map[string]string{
		"out.jsonl":                              `sink "out.jsonl": the kind is missing (jsonl, csv, sqlite, http, null); write jsonl:out.jsonl`,
		"out.txt":                                `sink "out.txt": the kind is missing (jsonl, csv, sqlite, http, null)`,
		"json:out":                               `sink "json:out": unknown kind "json"; did you mean "jsonl"?`,
		"postgres:x":                             `sink "postgres:x": unknown kind "postgres"; known: jsonl, csv, sqlite, http, null`,
		"jsonl:a?fsnyc=page":                     `sink "jsonl:a?fsnyc=page": unknown option "fsnyc" of jsonl; did you mean "fsync"?`,
		"null:?a=b":                              `sink "null:?a=b": unknown option "a" of null; it has none`,
		"jsonl:a?fsync=page&fsync=page":          `sink "jsonl:a?fsync=page&fsync=page": option "fsync" is given twice`,
		"jsonl:a?fsync=often":                    `jsonl:a: option fsync=often: it is page, interval, close, never or a duration such as 1s`,
		"jsonl:a?rotate=big":                     `jsonl:a: option rotate=big: it is a size, an age, or both: 100MB, 1h, 100MB,1h`,
		"jsonl:":                                 `jsonl:: the sink needs a path`,
		"jsonl:-?fsync=page":                     `jsonl:- takes no options`,
		"csv:a?delimiter=ab":                     `csv:a: option delimiter=ab: it is one character, or tab`,
		"csv:a?columns=a,,b":                     `csv:a: option columns=a,,b: a column is empty or named twice`,
		"csv:a?eol=cr":                           `csv:a: option eol=cr: it is one of crlf, lf`,
		"sqlite:-":                               `sqlite:-: the sink needs the path of a file`,
		"http:ftp://host":                        `http:ftp://host: it is not a URL such as https://host/path`,
		"https://host?format=xml":                `http:https://host: option format=xml: it is one of ndjson, hec, logscale, bulk`,
		"https://host?batch=0":                   `http:https://host: option batch=0: it is a whole number above 0`,
		"https://host?index=a":                   `http:https://host: option index does not belong to format=ndjson`,
		"https://host?format=bulk":               `http:https://host: format=bulk needs ?index= or an index in the path`,
		"https://user:secret@host/":              `http:https://host/: no user and password in the URL; put user:password into a variable and name it with ?user_env=`,
		"https://host?token_env=NONE":            `http:https://host: the environment variable NONE is not set`,
		"https://host?token_env=A&user_env=B":    `http:https://host: token_env and user_env exclude each other`,
		"https://host?format=bulk&index=a&op=up": `http:https://host: option op=up: it is one of index, create`,
	} {
		_, err := sink.New(t.Context(), uri, sink.Options{Getenv: func(string) string { return "" }})
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", uri, err, want)
		}
	}
}

// Every kind is documented and its table may be replaced.
func TestKinds(t *testing.T) {
	for _, k := range sink.Kinds {
		if k.Name == "" || k.Target == "" || k.Doc == "" || k.Guarantee == "" || k.Open == nil {
			t.Errorf("%+v", k)
		}
		for _, o := range k.Options {
			if o.Name == "" || o.Doc == "" {
				t.Errorf("%s: %+v", k.Name, o)
			}
		}
	}
	mine := append([]sink.Kind{{Name: "mine", Open: func(context.Context, string, sink.Settings, sink.Options) (sink.Sink, error) { return nil, nil }}}, sink.Kinds...)
	if _, err := sink.New(t.Context(), "mine:x", sink.Options{Kinds: mine}); err != nil {
		t.Error(err)
	}
}

// The manual names every kind and every option.
func TestManual(t *testing.T) {
	b, err := os.ReadFile("../../docs/sinks.md")
	check(t, err)
	for _, k := range sink.Kinds {
		_, part, ok := strings.Cut(string(b), "\n## `"+k.Name+":`")
		if !ok {
			t.Errorf("docs/sinks.md has no section for %s", k.Name)
			continue
		}
		part, _, _ = strings.Cut(part, "\n## ")
		for _, o := range k.Options {
			if !strings.Contains(part, "`"+o.Name+"`") {
				t.Errorf("docs/sinks.md, section %s: no option `%s`", k.Name, o.Name)
			}
		}
	}
}

func TestStdout(t *testing.T) {
	var out bytes.Buffer
	for _, uri := range []string{"-", "jsonl:-"} {
		out.Reset()
		s := open(t, uri, "a", nil, false, sink.Options{Stdout: &out})
		write(t, s, "a", []byte("{\n\"a\": 1\n}"), []byte(`"x"`))
		mark(t, s, "a")
		check(t, s.Open(t.Context(), "b", []byte(`{"path":"-","length":9}`), false))
		write(t, s, "b", []byte(`2`))
		if got := out.String(); got != "{\"a\":1}\n\"x\"\n2\n" {
			t.Errorf("%q", got)
		}
	}
	s := open(t, "-", "a", nil, false, sink.Options{Stdout: broken{}})
	if err := s.Write(t.Context(), "a", "", [][]byte{[]byte("1")}, nil); err == nil || err.Error() != "standard output: the reader has gone away" {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, &os.PathError{Op: "write", Err: syscall.EPIPE} }

func TestNull(t *testing.T) {
	list := pages(20)
	whole := open(t, "null:", "a", nil, false, sink.Options{})
	for _, p := range list {
		write(t, whole, "a", p...)
	}
	want := mark(t, whole, "a")
	var m []byte
	for i, p := range list { // a new process for every page, each with a page that is lost
		s := open(t, "null:", "a", m, false, sink.Options{})
		write(t, s, "a", p...)
		m = mark(t, s, "a")
		if i%3 == 0 {
			write(t, s, "a", p...)
		}
		check(t, s.Close(t.Context()))
	}
	if string(m) != string(want) {
		t.Errorf("\n got %s\nwant %s", m, want)
	}
	var got struct{ Records, Bytes int64 }
	check(t, json.Unmarshal(m, &got))
	if got.Records != 50 || got.Bytes != int64(len(lines(list))) {
		t.Errorf("%+v", got)
	}
}

func TestNotOpen(t *testing.T) {
	for _, uri := range []string{"jsonl:" + t.TempDir() + "/a", "csv:" + t.TempDir() + "/a", "sqlite:" + t.TempDir() + "/a", "null:", "https://127.0.0.1:1"} {
		s, err := sink.New(t.Context(), uri, sink.Options{})
		check(t, err)
		if err := s.Write(t.Context(), "a", "", [][]byte{[]byte("1")}, nil); err == nil {
			t.Errorf("%s: written without being open", uri)
		}
		if _, _, err := s.Mark(t.Context(), "a"); err == nil {
			t.Errorf("%s: marked without being open", uri)
		}
		check(t, s.Close(t.Context()))
	}
}

// fill writes pages until something fails.
func fill(ctx context.Context, uri string) error {
	limit := syscall.Rlimit{Cur: 100_000, Max: 100_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	s, err := sink.New(ctx, uri, sink.Options{})
	if err != nil {
		return err
	}
	defer s.Close(ctx)
	if err := s.Open(ctx, "a", nil, true); err != nil {
		return err
	}
	page := bytes.Split([]byte(strings.TrimSpace(strings.Repeat(`{"id":1,"text":"abcdefghijklmnopqrstuvwxyz"} `, 20))), []byte(" "))
	for range 1000 {
		if err := s.Write(ctx, "a", "", page, nil); err != nil {
			return err
		}
	}
	return errors.New("nothing failed")
}

// A file that may not grow keeps whole pages only.
func TestFileLimit(t *testing.T) {
	for _, kind := range []string{"jsonl", "csv"} {
		path := filepath.Join(t.TempDir(), "out")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SINK_TEST_CHILD="+kind+":"+path)
		out, err := cmd.CombinedOutput()
		want := path + ": the file may not grow any more; nothing of the page was kept; raise the limit, or write to several files with ?rotate=1GB\n"
		if err == nil || string(out) != want {
			t.Errorf("\n got %s\nwant %s", out, want)
		}
		b := content(t, path)
		n := bytes.Count(b, []byte("\n"))
		if kind == "csv" {
			n--
		}
		if n == 0 || n%20 != 0 || b[len(b)-1] != '\n' {
			t.Errorf("%s: %d records of pages of 20", kind, n)
		}
	}
}
