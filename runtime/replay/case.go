package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Extension is how the names of case files end.
const Extension = ".txtar"

// Names of the files of a case. Requests and responses are numbered: `1.request`, `1.response`.
const (
	fileConfig     = "config"
	fileCheckpoint = "checkpoint"
	fileRecords    = "records"
	fileVerdict    = "verdict"
	suffixRequest  = ".request"
	suffixResponse = ".response"
)

// Case is one recorded exchange.
type Case struct {
	Name string // of the file, without its extension
	File string // as the caller named it

	archive    *txtar.Archive
	config     Config
	checkpoint map[string]Checkpoint
	exchanges  []*exchange
	records    map[string]section // by stream; "": the only one
	verdict    *verdict           // nil without
	open       func(name string) ([]byte, error)
}

// section is a file of a case that is compared as text.
type section struct {
	name string
	data []byte
}

// Error says what is wrong with a case file.
type Error struct {
	File    string
	Section string // "" for the whole file
	Msg     string
}

func (e *Error) Error() string {
	if e.Section == "" {
		return e.File + ": " + e.Msg
	}
	return e.File + ": " + e.Section + ": " + e.Msg
}

// Load reads a case from disk. Every problem of the file is in the error (errors.Join of *Error).
func Load(path string) (*Case, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, b, func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(filepath.Dir(path), name)) })
}

// LoadFS is Load for a case in a file system, such as those of the shipped connectors.
func LoadFS(fsys fs.FS, path string) (*Case, error) {
	b, err := fs.ReadFile(fsys, path)
	if err != nil {
		return nil, err
	}
	dir := filepath.ToSlash(filepath.Dir(path))
	return Parse(path, b, func(name string) ([]byte, error) { return fs.ReadFile(fsys, dir+"/"+name) })
}

var nameless = regexp.MustCompile(`(?m)^-- --$`)

// Parse reads a case from its text; open reads a file beside it that a response names.
func Parse(path string, text []byte, open func(name string) ([]byte, error)) (*Case, error) {
	base := filepath.Base(path)
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if nameless.Match(text) { // txtar.Parse panics
		return nil, &Error{File: path, Msg: "the line `-- --` names no file"}
	}
	c := &Case{
		Name: strings.TrimSuffix(base, filepath.Ext(base)), File: path, archive: txtar.Parse(text),
		records: map[string]section{}, open: open,
	}
	var errs []error
	bad := func(name string, err error) {
		if err != nil {
			errs = append(errs, &Error{File: path, Section: name, Msg: err.Error()})
		}
	}
	bad(fileConfig, c.config.parse(nil))
	pairs := map[int]*exchange{}
	seen := map[string]bool{}
	for _, f := range c.archive.Files {
		if seen[f.Name] {
			bad(f.Name, errors.New("stands in the case twice"))
			continue
		}
		seen[f.Name] = true
		bad(f.Name, c.file(f, pairs))
	}
	for n := 1; len(pairs) > 0; n++ {
		x := pairs[n]
		if x == nil {
			bad("", fmt.Errorf("%d%s is missing: the exchanges are numbered 1, 2, 3 …", n, suffixResponse))
			break
		}
		delete(pairs, n)
		if x.response == nil {
			if !x.answered {
				bad(x.name(suffixRequest), fmt.Errorf("has no %d%s", n, suffixResponse))
			}
			continue
		}
		bad(x.name(suffixResponse), x.response.load(c))
		c.exchanges = append(c.exchanges, x)
	}
	if len(errs) == 0 && len(c.exchanges) == 0 && c.verdict == nil {
		bad("", errors.New("holds neither an exchange nor a verdict: add a file 1.response"))
	}
	return c, errors.Join(errs...)
}

// file reads one file of the archive. Names that mean nothing here are files that responses name.
func (c *Case) file(f txtar.File, pairs map[int]*exchange) error {
	switch name := f.Name; {
	case name == fileConfig:
		return c.config.parse(f.Data)
	case name == fileCheckpoint:
		var err error
		c.checkpoint, err = parseCheckpoint(f.Data)
		return err
	case name == fileRecords, strings.HasPrefix(name, fileRecords+"."):
		stream := strings.TrimPrefix(strings.TrimPrefix(name, fileRecords), ".")
		c.records[stream] = section{name, f.Data}
		_, err := parseRecords(f.Data)
		return err
	case name == fileVerdict:
		var err error
		c.verdict, err = parseVerdict(f.Data)
		return err
	case strings.HasSuffix(name, suffixRequest), strings.HasSuffix(name, suffixResponse):
		kind := filepath.Ext(name)
		n, err := strconv.Atoi(strings.TrimSuffix(name, kind))
		if err != nil || n < 1 {
			return fmt.Errorf("want a number before %s, such as 1%s", kind, kind)
		}
		x := pairs[n]
		if x == nil {
			x = &exchange{number: n}
			pairs[n] = x
		}
		if kind == suffixRequest {
			x.request, err = parseRequest(f.Data)
		} else {
			x.answered = true
			x.response, err = parseResponse(f.Data)
		}
		return err
	}
	return nil
}

// beside returns a file that a response names: one of the case itself, or one beside it.
func (c *Case) beside(name string) ([]byte, error) {
	for _, f := range c.archive.Files {
		if f.Name == name {
			return f.Data, nil
		}
	}
	if !filepath.IsLocal(name) || c.open == nil {
		return nil, fmt.Errorf("file %s: want a name in the case or beside it", name)
	}
	return c.open(name)
}

// Summary is the first line of the case's comment.
func (c *Case) Summary() string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(c.archive.Comment)), "\n")
	return strings.TrimSpace(strings.TrimLeft(line, "#"))
}
