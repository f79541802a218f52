package sink

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// csv:PATH writes a table: RFC 4180, one header line, one column a field of the record.
var csvKind = Kind{
	Name:      "csv",
	Target:    "PATH, or - for standard output",
	Doc:       "a table with a header line (RFC 4180): one column a field, nested values as JSON; .gz and .zst compress; {stream} in the path is replaced",
	Guarantee: "exactly once: the file is cut back to the last checkpoint on resume",
	Options: append([]Option{
		{"columns", "", "fields to write, in order: id,name; default: the fields of the first page's records, kept from then on"},
		{"delimiter", ",", "between the values: one character, or tab"},
		{"eol", "crlf", "line end: crlf or lf"},
	}, fileOptionDocs...),
	Open: openCSV,
}

func openCSV(_ context.Context, target string, set Settings, opt Options) (Sink, error) {
	s := &csvSink{comma: ',', tables: map[string]*table{}, stdout: opt.Stdout}
	wrap := func(err error) (Sink, error) { return nil, fmt.Errorf("csv:%s: %w", target, err) }
	switch d := set["delimiter"]; {
	case d == "tab":
		s.comma = '\t'
	case d != "":
		if len(d) != 1 || d[0] < ' ' || d[0] >= utf8.RuneSelf || d == `"` {
			return wrap(fmt.Errorf("option delimiter=%s: it is one character, or tab", d))
		}
		s.comma = d[0]
	}
	eol, err := set.word("eol", "crlf", "lf")
	if err != nil {
		return wrap(err)
	}
	s.eol = map[string]string{"crlf": "\r\n", "lf": "\n"}[eol]
	if c := set["columns"]; c != "" {
		s.declared = strings.Split(c, ",")
		for i, name := range s.declared {
			if s.declared[i] = strings.TrimSpace(name); s.declared[i] == "" || slices.Contains(s.declared[:i], s.declared[i]) {
				return wrap(fmt.Errorf("option columns=%s: a column is empty or named twice", c))
			}
		}
	}
	if target == "-" {
		for _, o := range fileOptionDocs {
			if has(set, o.Name) {
				return wrap(fmt.Errorf("option %s is for files", o.Name))
			}
		}
	}
	if s.files, err = newFiles(target, set, opt); err != nil {
		return wrap(err)
	}
	return s, nil
}

// csvSink writes tables. Streams that share a file share its columns.
type csvSink struct {
	*files
	comma    byte
	eol      string
	declared []string
	stdout   io.Writer
	tables   map[string]*table // by target
	buf      []byte
	scratch  []byte
}

// table is what is known of one file's columns.
type table struct {
	columns []string
	index   map[string]int  // column by field; -1: a field that has none and has been told
	cells   [][]byte        // of one record, by column
	next    int             // the column that the record's next field has if it keeps their order
	json    json.RawMessage // the columns, for the mark
	length  int64           // on standard output
	found   bool            // the columns are those of a file that was there, and no record has been compared with them
}

func (s *csvSink) Target(stream string) string {
	if s.target == "-" {
		return "-"
	}
	return s.files.Target(stream)
}

func (s *csvSink) Open(_ context.Context, stream string, mark []byte, fresh bool) error {
	target := s.Target(stream)
	if s.tables[target] != nil {
		return nil
	}
	t := &table{}
	if target == "-" {
		t.set(s.declared)
		s.tables[target] = t
		return nil
	}
	f, m, _, err := s.openFile(stream, mark, fresh, func() []byte { return s.header(t) })
	if err != nil {
		return err
	}
	columns, err := s.present(f, m)
	if err == nil && columns != nil && s.declared != nil && !slices.Equal(columns, s.declared) {
		err = &Error{Output: f.name, What: fmt.Sprintf("it has the columns %s, not the ones that are asked for", strings.Join(columns, ",")),
			Try: "leave out ?columns=…, name another file, or start over with --fresh"}
	}
	if err != nil {
		f.close()
		delete(s.open, target)
		return err
	}
	t.found = columns != nil && m == nil
	if columns == nil {
		columns = s.declared
	}
	t.set(columns)
	s.tables[target] = t
	return nil
}

// present returns the columns that the file has: by its mark, or else by its first line. nil: none yet.
func (s *csvSink) present(f *file, m *fileMark) ([]string, error) {
	var columns []string
	if m != nil && m.Columns != nil && (m.Length > 0 || f.length == 0) {
		if was := m.Delimiter; was != "" && was != string(s.comma) {
			return nil, &Error{Output: f.name, What: fmt.Sprintf("its delimiter is %q", was), Try: "keep that option, name another file, or start over with --fresh"}
		}
		err := json.Unmarshal(m.Columns, &columns)
		return columns, err
	}
	if f.length == 0 || !f.regular {
		return nil, nil
	}
	h, err := os.Open(f.f.Name())
	if err != nil {
		return nil, explain(f.name, err)
	}
	defer h.Close()
	var r io.Reader = h
	if f.opt.codec != nil {
		if r, err = f.opt.codec.reader(h); err != nil {
			return nil, explain(f.name, err)
		}
	}
	c := csv.NewReader(r)
	c.Comma = rune(s.comma)
	if columns, err = c.Read(); err != nil {
		return nil, &Error{Output: f.name, What: "its first line is not a header: " + err.Error(), Try: "name another file, or start over with --fresh", Err: err}
	}
	columns[0] = strings.TrimPrefix(columns[0], "\ufeff")
	return columns, nil
}

// fits refuses records of which no field has a column in the file that was there: it is of something else,
// or its delimiter is another one, and nothing of them would be written.
func (s *csvSink) fits(t *table, name string, records [][]byte) error {
	if !t.found {
		return nil
	}
	fields := s.columnsOf(records)
	if !slices.ContainsFunc(fields, func(f string) bool { return slices.Contains(t.columns, f) }) {
		return &Error{Output: name, What: fmt.Sprintf("it has the columns %s, and the records have none of them (theirs: %s)", strings.Join(t.columns, ","), strings.Join(fields, ",")),
			Try: "name another file, give its delimiter (?delimiter=), or start over with --fresh"}
	}
	t.found = false
	return nil
}

func (t *table) set(columns []string) {
	if columns == nil {
		return
	}
	t.columns = columns
	t.index = make(map[string]int, len(columns))
	for i, c := range columns {
		t.index[c] = i
	}
	t.cells = make([][]byte, len(columns))
	t.json, _ = json.Marshal(columns)
}

func (s *csvSink) header(t *table) []byte {
	var b []byte
	for i, c := range t.columns {
		if i > 0 {
			b = append(b, s.comma)
		}
		b = s.quoted(b, []byte(c), len(t.columns) == 1)
	}
	return append(b, s.eol...)
}

func (s *csvSink) Write(_ context.Context, stream, _ string, records [][]byte, _ []string) error {
	t := s.tables[s.Target(stream)]
	if t == nil {
		return fmt.Errorf("%s: it is not open", place(s.target, stream))
	}
	if len(records) == 0 {
		return nil
	}
	if t.columns == nil {
		t.set(s.columnsOf(records))
	}
	if err := s.fits(t, place(s.target, stream), records); err != nil {
		return err
	}
	s.buf = s.buf[:0]
	for _, r := range records {
		s.buf = s.row(s.buf, t, r)
	}
	defer func() { s.buf = shrink(s.buf) }()
	if s.target == "-" {
		return s.print(t)
	}
	f, err := s.file(stream)
	if err != nil {
		return err
	}
	return f.append(s.buf)
}

func (s *csvSink) print(t *table) error {
	out := s.buf
	if t.length == 0 {
		out = append(s.header(t), out...)
	}
	n, err := s.stdout.Write(out)
	t.length += int64(n)
	return explain("standard output", err)
}

// valueColumn is the one column of records that are not objects.
const valueColumn = "value"

// columnsOf is the union of the records' fields, in the order in which they first appear.
func (s *csvSink) columnsOf(records [][]byte) []string {
	var columns []string
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			columns = append(columns, name)
		}
	}
	for _, r := range records {
		if !members(r, func(name, _ []byte) {
			s.scratch = unquote(s.scratch[:0], name)
			if !seen[string(s.scratch)] {
				add(string(s.scratch))
			}
		}) {
			add(valueColumn)
		}
	}
	if columns == nil {
		columns = []string{valueColumn} // records without a field
	}
	return columns
}

// row appends one record. A field that has no column is told once.
func (s *csvSink) row(b []byte, t *table, record []byte) []byte {
	clear(t.cells)
	t.next = 0
	if !members(record, func(name, value []byte) {
		if bytes.IndexByte(name, '\\') >= 0 {
			s.scratch = unquote(s.scratch[:0], name)
			name = s.scratch
		}
		s.cell(t, name, value)
	}) {
		s.cell(t, []byte(valueColumn), record)
	}
	for i, v := range t.cells {
		if i > 0 {
			b = append(b, s.comma)
		}
		b = s.value(b, v, len(t.cells) == 1)
	}
	return append(b, s.eol...)
}

func (s *csvSink) cell(t *table, name, value []byte) {
	if t.next < len(t.columns) && string(name) == t.columns[t.next] { // as a rule fields keep their order
		t.cells[t.next] = value
		t.next++
		return
	}
	i, ok := t.index[string(name)]
	switch {
	case !ok:
		t.index[string(name)] = -1
		if s.declared == nil {
			s.add("csv_new_column", string(name))
		}
	case i >= 0:
		t.cells[i] = value
		t.next = i + 1
	}
}

// value appends a cell: text as it reads, null and absent as nothing, an empty text as "". alone says
// that the row has no other cell, and may not be an empty line.
func (s *csvSink) value(b, v []byte, alone bool) []byte {
	switch {
	case len(v) == 0 || v[0] == 'n':
		if alone {
			return append(b, `""`...)
		}
		return b
	case v[0] == '"':
		in := v[1 : len(v)-1]
		if bytes.IndexByte(in, '\\') >= 0 {
			s.scratch = unquote(s.scratch[:0], in)
			in = s.scratch
		}
		return s.quoted(b, in, true)
	case v[0] == '{' || v[0] == '[':
		if bytes.IndexByte(v, '\n') >= 0 {
			v = line(nil, v)
		}
		return s.quoted(b, v, true)
	}
	return s.quoted(b, v, true) // its digits may hold what separates
}

// quoted appends text, in quotes where RFC 4180 asks for them; with empty also when there is none.
func (s *csvSink) quoted(b, text []byte, empty bool) []byte {
	if (len(text) > 0 || !empty) && bytes.IndexByte(text, s.comma) < 0 && bytes.IndexByte(text, '"') < 0 &&
		bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		return append(b, text...)
	}
	b = append(b, '"')
	for {
		i := bytes.IndexByte(text, '"')
		if i < 0 {
			break
		}
		b = append(append(b, text[:i+1]...), '"')
		text = text[i+1:]
	}
	return append(append(b, text...), '"')
}

func (s *csvSink) Mark(_ context.Context, stream string) (string, []byte, error) {
	return s.mark(stream, func(f *file) (*fileMark, error) { return f.mark() })
}

// Seal is the last Mark of a run that has ended in order.
func (s *csvSink) Seal(_ context.Context, stream string) (string, []byte, error) {
	return s.mark(stream, func(*file) (*fileMark, error) { return s.seal(stream) })
}

func (s *csvSink) mark(stream string, of func(*file) (*fileMark, error)) (string, []byte, error) {
	t := s.tables[s.Target(stream)]
	if t == nil {
		return "", nil, fmt.Errorf("%s: it is not open", place(s.target, stream))
	}
	if s.target == "-" {
		return "-", fmt.Appendf(nil, `{"path":"-","length":%d}`, t.length), nil
	}
	f, err := s.file(stream)
	if err != nil {
		return "", nil, err
	}
	m, err := of(f)
	if err != nil {
		return "", nil, err
	}
	m.Columns, m.Delimiter = t.json, string(s.comma)
	b, err := json.Marshal(m)
	return m.Path, b, err
}

// Holds reports whether there is a file with something in it.
func (s *csvSink) Holds(stream string) bool { return s.target != "-" && s.files.Holds(stream) }

// Repeats reports whether the stream's output is no file that can be cut back.
func (s *csvSink) Repeats(stream string) bool { return s.target == "-" || s.files.Repeats(stream) }

// Durable is in Sink.
func (s *csvSink) Durable(stream string) bool { return s.target == "-" || s.files.Durable(stream) }

func (s *csvSink) Close(context.Context) error {
	clear(s.tables)
	return s.close()
}
