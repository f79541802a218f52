package page

import (
	"github.com/zeebo/xxh3"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Page is what one body holds. Reuse it: its tables are allocated once. The zero Page is ready.
type Page struct {
	// Records are the records in order, each as the bytes that were received, without the whitespace
	// outside its strings. A record is any JSON value.
	Records [][]byte
	// List is the part of the body that the records fill and one byte more, when one and the same byte
	// stands between each two of them; nil when they stand otherwise.
	List []byte
	// Values are those of Plan.Refs, in their order, as JSON: nil where nothing stands, `null` where
	// a null does. Those of header, link and status references are nil.
	Values [][]byte
	// Keys are hashes of what identifies each record, empty when the plan has no Keys. Equal keys
	// have equal hashes: 1 and 1.0 are equal, 1 and "1" are not. A record that has none of its key
	// fields is identified by all of it; in a key of several fields, one that is missing counts as
	// null.
	Keys []uint64
	// Keyless is how many records have none of their key fields.
	Keyless int
	// Body is the whole document as JSON, also of xml and csv; `null` with ndjson.
	Body []byte
	// Fingerprint is a hash of the records' bytes in their order, 0 when there are none.
	Fingerprint uint64

	plan  *Plan
	scan  rawjson.Scanner
	src   []byte // what the scanner's rows stand in
	begun bool   // Plan.Begin has scanned the body
	doc   []byte // JSON written from csv or xml, or gathered from an unusual path
	arena []byte // compacted records
	vals  []byte // compacted values
	buf   []byte // one key
}

// What a reset page keeps for the next body; the buffers of larger ones are let go.
const (
	keepBytes = 4 << 20
	keepRows  = 64 << 10
)

// Reset empties p. Its slices must no longer be used.
func (p *Page) Reset() {
	if cap(p.Records) > keepRows || cap(p.scan.Grid) > 8*keepRows {
		p.Records, p.Keys = nil, nil
		p.scan.Rows, p.scan.Grid = nil, nil
	}
	clear(p.Records)
	clear(p.Values)
	p.Records, p.Values, p.Keys = p.Records[:0], p.Values[:0], p.Keys[:0]
	p.Keyless, p.Body, p.List, p.Fingerprint = 0, nil, nil, 0
	p.plan, p.src, p.begun = nil, nil, false
	p.scan.Reset(nil)
	for _, b := range []*[]byte{&p.doc, &p.arena, &p.vals, &p.buf} {
		if cap(*b) > keepBytes {
			*b = nil
		}
		*b = (*b)[:0]
	}
}

// Field returns what stands at Plan.Fields[field] of a record as JSON, nil for nothing.
func (p *Page) Field(record, field int) []byte {
	return p.plan.prog.fields[field].of(p.cells(record), p.src)
}

// cells returns what was noted of a record.
func (p *Page) cells(record int) []rawjson.Span {
	w := p.scan.Width
	return p.scan.Grid[record*w : record*w+w]
}

// ready sets the scanner up for src, which holds the records.
func (p *Page) ready(pl *Plan, src []byte) {
	p.plan, p.src = pl, src
	if n := pl.prog.cells; cap(p.scan.Cells) < n {
		p.scan.Cells = make([]rawjson.Span, n)
	} else {
		p.scan.Cells = p.scan.Cells[:n]
	}
	p.scan.Width = pl.prog.width
	p.scan.Reset(src)
}

// collect turns what the scanner noted into records and keys.
func (p *Page) collect() error {
	rows := p.scan.Rows
	spaced := 0
	for _, r := range rows {
		if r.Space {
			spaced += r.End - r.Start
		}
	}
	if cap(p.arena) < spaced {
		p.arena = make([]byte, 0, spaced)
	}
	if cap(p.Records) < len(rows) {
		p.Records = make([][]byte, 0, len(rows))
	}
	for _, r := range rows {
		rec := r.Of(p.src)
		if r.Space {
			n := len(p.arena)
			p.arena = rawjson.Compact(p.arena, rec)
			rec = p.arena[n:len(p.arena):len(p.arena)]
		}
		p.Records = append(p.Records, rec)
	}
	if len(rows) > 0 {
		p.list(spaced == 0)
		p.Fingerprint = max(p.hash(), 1)
	}
	return p.identify()
}

// list finds the List of records without whitespace.
func (p *Page) list(compact bool) {
	rows := p.scan.Rows
	from, to := rows[0].Start, rows[len(rows)-1].End
	if !compact || to == len(p.src) {
		return
	}
	for k := 1; k < len(rows); k++ {
		if rows[k].Start != rows[k-1].End+1 || p.src[rows[k-1].End] != p.src[rows[0].End] {
			return
		}
	}
	p.List = p.src[from : to+1 : to+1]
}

// hash is a hash of the records with a comma between each two: as a JSON list has them, which is hashed as
// it is.
func (p *Page) hash() uint64 {
	if first := len(p.Records[0]); p.List != nil && (first+1 == len(p.List) || p.List[first] == ',') {
		return xxh3.Hash(p.List[:len(p.List)-1])
	}
	d := xxh3.New()
	for k, rec := range p.Records {
		if k > 0 {
			_, _ = d.WriteString(",")
		}
		_, _ = d.Write(rec)
	}
	return d.Sum64()
}
