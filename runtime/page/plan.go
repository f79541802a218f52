package page

import (
	"sync"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// Plan says what is wanted from the pages of a stream. It is set up once, is not changed after its
// first Read, and may be used by many goroutines.
type Plan struct {
	Format   string      // json (also ""), ndjson, csv, xml
	Path     engine.Path // where the records stand
	HasPath  bool        // Path is given; without it a JSON body must be the array itself
	Optional bool        // a missing path means no records
	One      bool        // an object in the list's place is the one record
	NullLost bool        // a null in the list's place is a missing path, not an empty list

	// NoRecords leaves a json or xml body without records: it is validated and its references are
	// read. Replace may give it records then.
	NoRecords bool

	Keys   []engine.Path // what identifies a record, empty for nothing
	Fields []engine.Path // wanted of every record: Page.Field
	Refs   []engine.Ref  // wanted once: Page.Values; header, link and status are left to the caller

	// Compare orders the values of Refs[i] with root max or min; nil there, or a shorter list, means
	// Order. Null and absent values take no part.
	Compare []func(a, b []byte) int

	CSV CSV

	once sync.Once
	prog *program
}

// CSV says how csv is written. Its fields are those of spec.CSV, so that one converts to the other.
type CSV struct {
	Comma   string   // one character, "" for a comma
	Comment string   // one character, "" for none: lines that begin with it are passed over
	Header  bool     // the first row names the columns
	Columns []string // without Header their names in order; with it the columns that are taken
	Quote   bool     // fields may be quoted (RFC 4180); without, a quote is a character like others
	Skip    int      // lines before the first row
}

// Read fills p from a body. The slices of p point into body or into p: they are valid until p is
// read into again or reset, and as long as body is not changed. contentType is the answer's
// Content-Type header, "" without one. The error is an *Error; p is empty then.
func (pl *Plan) Read(body []byte, contentType string, p *Page) error {
	pl.once.Do(func() { pl.prog = compile(pl) })
	if !p.begun || p.plan != pl {
		p.Reset()
	}
	if err := pl.read(body, contentType, p); err != nil {
		p.Reset()
		return err
	}
	return nil
}

// Begin scans a body while it comes: more waits for more of it and returns what there is so far, which
// may lie elsewhere then, and false when that was all. Read is to follow with the whole body, on p as
// it is left here; it scans the body only if this has not come to its end.
func (pl *Plan) Begin(more func() ([]byte, bool), p *Page) {
	pl.once.Do(func() { pl.prog = compile(pl) })
	p.Reset()
	if (pl.Format == "" || pl.Format == "json") && !pl.prog.far {
		p.ready(pl, nil)
		p.begun = p.scan.Arriving(more, pl.prog.root)
	}
}

// Replace gives p, which pl has read, the elements of another JSON array as its records: keys, fields
// and references to records are theirs then, Body and references into it stay. The slices of p point
// into list too. The error is an *Error.
func (pl *Plan) Replace(list []byte, p *Page) error {
	p.Records, p.List, p.Keys, p.Keyless, p.Fingerprint, p.arena = p.Records[:0], nil, p.Keys[:0], 0, 0, p.arena[:0]
	p.ready(pl, list)
	ok := p.scan.Document(pl.prog.list)
	if !ok || rawjson.Kind(list) != '[' {
		return &Error{Code: CodeNotArray, Msg: "the records that were put in the page's place are no JSON array"}
	}
	err := p.finish()
	p.List = nil // it is not the page's to write in
	return err
}

func (pl *Plan) read(body []byte, contentType string, p *Page) error {
	for _, f := range Formats {
		if f.Name == pl.Format {
			return f.read(pl, body, contentType, p)
		}
	}
	return readJSON(pl, body, contentType, p)
}

// Format is a way in which a body holds records.
type Format struct {
	Name string
	Doc  string
	read func(pl *Plan, body []byte, contentType string, p *Page) error
}

// Formats lists every format; the first is the default.
var Formats = []Format{
	{"json", "one JSON value, the records in an array of it", readJSON},
	{"ndjson", "one JSON value a line, each a record", readNDJSON},
	{"csv", "rows of text, each an object of strings by column name", readCSV},
	{"xml", "elements as objects: @attribute, #text, repeated elements as arrays", readXML},
}
