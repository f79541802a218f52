package replay_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime/replay"
)

const answer = "-- 1.response --\nHTTP 200\n\n{}\n"

func TestParseErrors(t *testing.T) {
	for _, k := range []struct{ text, want string }{
		{"", "x.txtar: holds neither an exchange nor a verdict"},
		{"-- config --\nvalue: {}\n" + answer, "config: yaml: unmarshal errors:\n  line 1: field value not found"},
		{"-- config --\nnow: yesterday\n" + answer, `config: now: "yesterday" is not RFC 3339`},
		{"-- config --\nstream: a\nstreams: [b]\n" + answer, "stream and streams exclude each other"},
		{"-- config --\nmax_pages: 1\nruns: [{}]\n" + answer, "with runs, say max_pages"},
		{"-- config --\nruns: [{after: soon}]\n" + answer, "run 1: after: `soon` is not a duration"},
		{"-- config --\nlimit: -1\n" + answer, "not below 0"},
		{"-- checkpoint --\n{\"s\": {\"token\": 1}}\n" + answer, `checkpoint: json: unknown field "token"`},
		{"-- checkpoint --\n{\"s\": {\"chains\": [{\"watermark\": 1}]}}\n" + answer, "needs a partition"},
		{"-- 2.response --\nHTTP 200\n", "1.response is missing"},
		{"-- 1.request --\nGET /\n", "1.request: has no 1.response"},
		{"-- x.request --\nGET /\n" + answer, "want a number before .request"},
		{answer + answer, "1.response: stands in the case twice"},
		{"-- 1.request --\nget /\n" + answer, `begins with "get /"; want a line such as GET /items?page=1`},
		{"-- 1.request --\nGET items\n" + answer, "begins neither with / nor with https://"},
		{"-- 1.request --\nGET /\n{\"a\": 1}\n" + answer, `is no header; an empty line stands before the body`},
		{"-- 1.response --\n200\n", "want a line such as HTTP 200"},
		{"-- 1.response --\nHTTP 999\n", `"999" is no HTTP status`},
		{"-- 1.response --\nHTTP 200 after lunch\n", "`lunch` is not a duration"},
		{"-- 1.response --\nERROR oops\n", "ERROR reset"},
		{"-- 1.response --\nHTTP 200\nfile: a.json\n\n{}\n", "has a file and a body"},
		{"-- 1.response --\nHTTP 200\nfile: none.json\n", "none.json"},
		{"-- 1.response --\nHTTP 200\nfile: ../secret\n", "want a name in the case or beside it"},
		{"-- records --\n{\"a\": }\n" + answer, "records: line 1"},
		{"-- verdict --\nverdikt: complete\n" + answer, "verdict: line 1: unknown key `verdikt`; did you mean `verdict`?"},
		{"-- verdict --\nwaits: [soon]\n" + answer, "waits: `soon` is not a duration"},
		{"-- verdict --\nwaits: 30s\n" + answer, "waits: want a list"},
		{"-- verdict --\nevents: [a]\n" + answer, "events: want a map"},
		{"-- verdict --\nstreams: {a: {pagez: 1}}\n" + answer, "unknown key `pagez`; did you mean `pages`?"},
		{"-- verdict --\n- a\n" + answer, "want a map"},
	} {
		_, err := replay.Parse("x.txtar", []byte(k.text), func(name string) ([]byte, error) {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		})
		var bad *replay.Error
		if err == nil || !errors.As(err, &bad) || !strings.Contains(err.Error(), k.want) {
			t.Errorf("%q:\n got %v\nwant %s", k.text, err, k.want)
		}
	}
}

// TestAllErrorsAtOnce says every problem of a file, not only the first.
func TestAllErrorsAtOnce(t *testing.T) {
	_, err := replay.Parse("x.txtar", []byte("-- config --\nnow: x\n-- records --\n{\n-- verdict --\nx: 1\n"+answer), nil)
	if err == nil || strings.Count(err.Error(), "x.txtar: ") != 3 {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfACase(t *testing.T) {
	c := load(t, "testdata/kitchen")
	text := `The body stands in a file of the case.

-- config --
values: {client_secret: s3cret-for-tests}
stream: channels
-- 1.response --
HTTP 200

{"access_token": "t", "expires_in": 60}
-- 2.response --
HTTP/1.1 200 OK
Content-Type: application/json
File: body.json
-- body.json --
{"channels": [{"id": "C1"}]}
-- records --
{"id": "C1"}
`
	if r := play(t, c, strings.ReplaceAll(text, "\n", "\r\n"), replay.Options{}); !r.OK() {
		t.Errorf("%s", r)
	}
}

func TestSummary(t *testing.T) {
	k, err := replay.Parse("dir/name.txtar", []byte("\n# What it shows.\nMore.\n"+answer), nil)
	if err != nil || k.Summary() != "What it shows." || k.Name != "name" {
		t.Errorf("got %q %q %v", k.Summary(), k.Name, err)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*/cases/*" + replay.Extension)
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := replay.Parse("x.txtar", b, nil)
		if err == nil && k.Name != "x" {
			t.Error(k.Name)
		}
	})
}

// TestManual plays the example of docs/cases.md.
func TestManual(t *testing.T) {
	manual := read(t, "../../docs/cases.md")
	_, text, ok := strings.Cut(manual, "```txtar\n")
	text, _, end := strings.Cut(text, "```")
	if !ok || !end {
		t.Fatal("docs/cases.md has no example")
	}
	if r := play(t, load(t, "testdata/pokemon"), text, replay.Options{}); !r.OK() {
		t.Errorf("%s", r)
	}
}
