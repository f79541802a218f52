package page

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// readCSV reads rows of text (RFC 4180; LF line ends too). A record is an object of strings in the
// order of the columns, and the body an array of them; a records path has no meaning. A row with
// another number of fields than there are columns is an error. A byte order mark is passed over, and
// an empty body has no records.
func readCSV(pl *Plan, body []byte, contentType string, p *Page) error {
	body = Unmark(body)
	if start := bytes.TrimLeft(body, " \t\r\n"); len(start) > 0 && (start[0] == '<' && html(start, contentType) || body[0] == 0x1F || body[0] >= 0xFE) {
		if err := foreign(body, "csv", contentType); err != nil {
			return err
		}
	}
	if !utf8.Valid(body) {
		if !western(charset(contentType)) {
			at := firstInvalid(body)
			return &Error{Code: CodeBody, Offset: at, Msg: fmt.Sprintf("the body is not UTF-8: %s stands 0x%02x", place(body, at), body[at])}
		}
		body = fromWestern(body)
	}
	rows := rowReader(pl.CSV, body)
	if err := p.writeRows(pl.CSV, rows); err != nil {
		return err
	}
	if err := p.document(pl, p.doc); err != nil {
		return err
	}
	return nil
}

// rowSource gives one row at a time, with the line it begins on, until io.EOF. The row is valid
// until the next call.
type rowSource func() (fields []string, line int, err error)

// rowReader reads rows as the options say.
func rowReader(opt CSV, body []byte) rowSource {
	skipped := 0
	for ; skipped < opt.Skip; skipped++ {
		n := bytes.IndexByte(body, '\n')
		if n < 0 {
			body = nil
			break
		}
		body = body[n+1:]
	}
	comma, comment := ',', rune(0)
	if opt.Comma != "" {
		comma, _ = utf8.DecodeRuneInString(opt.Comma)
	}
	if opt.Comment != "" {
		comment, _ = utf8.DecodeRuneInString(opt.Comment)
	}
	if !opt.Quote {
		return bareRows(body, skipped, string(comma), comment)
	}
	r := csv.NewReader(bytes.NewReader(body))
	r.Comma, r.Comment = comma, comment
	r.FieldsPerRecord, r.ReuseRecord = -1, true
	return func() ([]string, int, error) {
		fields, err := r.Read()
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			return nil, parse.StartLine + skipped, parse.Err
		}
		if err != nil {
			return nil, 0, err
		}
		line, _ := r.FieldPos(0)
		return fields, line + skipped, nil
	}
}

// bareRows reads rows in which a quote is a character like any other.
func bareRows(body []byte, line int, comma string, comment rune) rowSource {
	return func() ([]string, int, error) {
		for len(body) > 0 {
			row, rest, _ := bytes.Cut(body, []byte{'\n'})
			body = rest
			line++
			row = bytes.TrimSuffix(row, []byte{'\r'})
			if c, _ := utf8.DecodeRune(row); len(row) == 0 || comment != 0 && c == comment {
				continue
			}
			return strings.Split(string(row), comma), line, nil
		}
		return nil, 0, io.EOF
	}
}

// writeRows writes the rows as an array of objects into p.doc.
func (p *Page) writeRows(opt CSV, next rowSource) error {
	width, taken, names := 0, []int(nil), opt.Columns
	if opt.Header {
		header, line, err := next()
		if err == nil {
			width = len(header)
			taken, names, err = columns(header, opt.Columns)
		}
		if err != nil && err != io.EOF {
			return badRow(line, err)
		}
	}
	for i := 0; i < len(names) && !opt.Header; i++ {
		taken = append(taken, i)
	}
	if !opt.Header {
		width = len(names)
	}
	quoted := quote(names)
	p.doc = append(p.doc[:0], '[')
	for {
		fields, line, err := next()
		if err == io.EOF {
			p.doc = append(p.doc, ']')
			return nil
		}
		if err == nil && width == 0 { // neither header nor columns: they are numbered
			width = len(fields)
			for i := range fields {
				taken, names = append(taken, i), append(names, fmt.Sprintf("column_%d", i+1))
			}
			quoted = quote(names)
		}
		if err == nil && len(fields) != width {
			err = fmt.Errorf("%d fields where there are %d columns", len(fields), width)
		}
		if err != nil {
			return badRow(line, err)
		}
		if len(p.doc) > 1 {
			p.doc = append(p.doc, ',')
		}
		open := byte('{')
		for i, f := range taken {
			p.doc = append(append(p.doc, open), quoted[i]...)
			p.doc = rawjson.AppendString(p.doc, fields[f])
			open = ','
		}
		if len(taken) == 0 {
			p.doc = append(p.doc, '{')
		}
		p.doc = append(p.doc, '}')
	}
}

func badRow(line int, err error) error {
	return &Error{Code: CodeBody, Msg: fmt.Sprintf("the body is not valid csv: line %d: %v", line, err)}
}

func quote(names []string) [][]byte {
	quoted := make([][]byte, len(names))
	for i, n := range names {
		quoted[i] = append(rawjson.AppendString(nil, n), ':')
	}
	return quoted
}

// columns says which fields of a row are taken, and their names, by the header: all of them, or
// those that are declared, in the order of the declaration.
func columns(header, declared []string) (taken []int, names []string, err error) {
	at := map[string]int{}
	for i, n := range header {
		if n == "" {
			n = fmt.Sprintf("column_%d", i+1)
		}
		if j, twice := at[n]; twice {
			return nil, nil, fmt.Errorf("fields %d and %d of the header are both named `%s`; name the columns with `csv.columns`, `header: false` and `skip: 1`", j+1, i+1, shorten(n))
		}
		at[n] = i
		taken, names = append(taken, i), append(names, n)
	}
	if len(declared) == 0 {
		return taken, names, nil
	}
	taken = nil
	for _, n := range declared {
		i, ok := at[n]
		if !ok {
			return nil, nil, fmt.Errorf("the header has no column `%s` (it has %s); if the first row is a record, set `csv.header: false`", n, strings.Join(listing(names), ", "))
		}
		taken = append(taken, i)
	}
	return taken, declared, nil
}

func listing(names []string) []string {
	var out []string
	for i, n := range names {
		if i == shownKeys {
			return append(out, fmt.Sprintf("%d more", len(names)-i))
		}
		out = append(out, "`"+shorten(n)+"`")
	}
	return out
}
