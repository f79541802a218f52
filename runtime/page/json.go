package page

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Unmark is a body without the byte order mark that it may begin with, which is none of its text.
func Unmark(body []byte) []byte { return bytes.TrimPrefix(body, []byte{0xEF, 0xBB, 0xBF}) }

// readJSON reads a body that is one JSON value, perhaps behind a byte order mark.
func readJSON(pl *Plan, body []byte, contentType string, p *Page) error {
	body = Unmark(body)
	if err := p.document(pl, body); err != nil {
		return explain(err, pl, body, contentType)
	}
	return nil
}

// document reads the records and values out of one JSON document. The error is an *Error, or a
// *rawjson.SyntaxError when doc is not valid.
func (p *Page) document(pl *Plan, doc []byte) error {
	if p.begun && p.scan.Holds(doc) {
		p.src = doc
	} else if p.ready(pl, doc); !p.scan.Document(pl.prog.root) {
		return p.scan.Err()
	}
	p.begun = false
	p.Body = doc
	p.bodyValues()
	if pl.NoRecords {
		p.scan.Rows, p.scan.Grid = p.scan.Rows[:0], p.scan.Grid[:0]
		return nil
	}
	found := p.listed
	if pl.prog.far {
		found = p.lookup
	}
	if err := found(); err != nil {
		return err
	}
	return p.finish()
}

// finish hands out the records that were found and what depends on them.
func (p *Page) finish() error {
	if err := p.collect(); err != nil {
		return err
	}
	p.recordValues()
	return nil
}

// explain turns a syntax error into one that says what the body is instead, where that shows.
func explain(err error, pl *Plan, body []byte, contentType string) error {
	var syntax *rawjson.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	format := pl.Format
	if format == "" {
		format = "json"
	}
	if e := foreign(body, format, contentType); e != nil {
		return e
	}
	what := "the body is not valid JSON"
	if syntax.Cut {
		what = "the body is cut"
	}
	msg := fmt.Sprintf("%s: %s, %s", what, place(body, syntax.Offset), strings.TrimPrefix(syntax.Msg, "cut: "))
	if format == "json" && newline(body, syntax) {
		msg += "; is it one value per line? `format: ndjson` reads that"
	}
	if strings.HasSuffix(syntax.Msg, "is not UTF-8") {
		if c := charset(contentType); c != "" && c != "utf-8" {
			msg += fmt.Sprintf(" (the answer declares charset %s; JSON must be UTF-8)", c)
		}
	}
	if kind := declared(contentType); !strings.Contains(kind, "json") {
		msg += kind
	}
	return &Error{Code: CodeBody, Msg: msg, Offset: syntax.Offset}
}

// newline says whether a value has ended at a line's end and another one follows.
func newline(body []byte, e *rawjson.SyntaxError) bool {
	i := int(e.Offset)
	return i > 0 && i < len(body) && rawjson.Kind(body[i:]) != 0 && strings.HasSuffix(e.Msg, "nothing more should be") &&
		bytes.HasSuffix(bytes.TrimRight(body[:i], " \t"), []byte{'\n'})
}

// foreign recognises bodies of another kind than the format: nothing, a web page, another format,
// another encoding. It is nil when the body looks like the format.
func foreign(body []byte, format, contentType string) error {
	what := ""
	start := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(start) == 0:
		what = "the body is empty"
	case bytes.HasPrefix(body, []byte{0xFF, 0xFE}), bytes.HasPrefix(body, []byte{0xFE, 0xFF}), len(body) > 3 && (body[0] == 0) != (body[1] == 0):
		what = "the body is UTF-16, not UTF-8"
	case bytes.HasPrefix(body, []byte{0x1F, 0x8B}):
		what = "the body is gzip data that the answer does not declare (no Content-Encoding)"
	case start[0] == '<' && html(start, contentType):
		what = "the body is HTML where " + format + " is expected: a login, proxy or error page?"
	case start[0] == '<':
		what = "the body is XML where " + format + " is expected; `format: xml` reads that"
	default:
		return nil
	}
	return &Error{Code: CodeBody, Msg: what + declared(contentType)}
}

// webTags are what web pages begin with; the first two also tell a web page from other XML.
var webTags = []string{"<!doctype html", "<html", "<head", "<body", "<title", "<script", "<meta", "<h1", "<p", "<center", "<div", "<pre"}

// html says whether text that begins with < is a web page.
func html(text []byte, contentType string) bool {
	head := strings.ToLower(string(text[:min(len(text), 512)]))
	for strings.HasPrefix(head, "<!--") {
		_, after, _ := strings.Cut(head, "-->")
		head = strings.TrimLeft(after, " \t\r\n")
	}
	for _, tag := range webTags {
		if after, ok := strings.CutPrefix(head, tag); ok && (after == "" || strings.ContainsRune(" \t\r\n/>", rune(after[0]))) {
			return true
		}
	}
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "text/html" || kind == "application/xhtml+xml"
}

// declared says what the answer calls its body, "" when it does not.
func declared(contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind == "" {
		return ""
	}
	return " (Content-Type: " + kind + ")"
}

func charset(contentType string) string {
	_, params, _ := mime.ParseMediaType(contentType)
	return strings.ToLower(params["charset"])
}

// place says where an offset is: the byte, and line and column when there are lines.
func place(body []byte, offset int64) string {
	head := body[:min(int64(len(body)), offset)]
	line := bytes.Count(head, []byte{'\n'}) + 1
	if line == 1 {
		return fmt.Sprintf("at byte %d", offset)
	}
	col := utf8.RuneCount(head[bytes.LastIndexByte(head, '\n')+1:]) + 1
	return fmt.Sprintf("at byte %d (line %d, column %d)", offset, line, col)
}
