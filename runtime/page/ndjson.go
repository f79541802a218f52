package page

import (
	"bytes"
	"fmt"
)

// readNDJSON reads a body of one JSON value a line, perhaps behind a byte order mark. Blank lines are passed over, an empty body has
// no records, and the last line need not end with a line break. A records path leads from a line's
// value to its record, or with [*] to its records; a line without it is an error unless the path is
// optional. References into the body find nothing.
func readNDJSON(pl *Plan, body []byte, contentType string, p *Page) error {
	body = Unmark(body)
	p.Body = []byte("null")
	p.ready(pl, body)
	p.bodyValues()
	s, line := &p.scan, pl.prog.line
	for i, n := s.Skip(0), 1; i < len(body); n++ {
		start, rows := i, len(s.Rows)
		if i = s.Value(i, line); i < 0 {
			return explain(s.Err(), pl, body, contentType)
		}
		value := body[start:i]
		if k := bytes.IndexByte(value, '\n'); k >= 0 {
			return &Error{Code: CodeBody, Offset: int64(start + k),
				Msg: "the body is not one JSON value per line: " + place(body, int64(start)) + ", a value goes on over the end of its line"}
		}
		next := s.Skip(i)
		if next < len(body) && bytes.IndexByte(body[i:next], '\n') < 0 {
			return &Error{Code: CodeBody, Offset: int64(next),
				Msg: "the body is not one JSON value per line: " + place(body, int64(next)) + ", something follows the line's value"}
		}
		found := len(s.Rows) > rows
		if pl.prog.far {
			had := len(p.doc)
			p.doc = gather(p.doc, pl.Path, value)
			found = len(p.doc) > max(had, 1)
		}
		if !found && !pl.Optional && pl.prog.all < 0 {
			return &Error{Code: CodePathMissing, Offset: int64(start),
				Msg: fmt.Sprintf("nothing stands at records.path `%s` of the value %s: it %s", pl.Path, place(body, int64(start)), describe(value))}
		}
		i = next
	}
	if pl.prog.far && len(p.doc) > 0 {
		p.doc = append(p.doc, ']')
		p.ready(pl, p.doc)
		if !s.Document(pl.prog.list) {
			return s.Err()
		}
	}
	return p.finish()
}
