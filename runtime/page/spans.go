package page

import "github.com/lastpage/lastpage/engine/rawjson"

// Spans are the extents of the list of the records in Body and of the records, by where they begin;
// nil where they are not known to stand there one after the other.
func (p *Page) Spans() []rawjson.Span {
	if len(p.Body) == 0 || len(p.src) == 0 || &p.Body[0] != &p.src[0] {
		return nil
	}
	spans := make([]rawjson.Span, 0, 1+len(p.scan.Rows))
	end := 0
	if g := p.scan.Gate; g.End > g.Start && (len(p.scan.Rows) == 0 || g.Start < p.scan.Rows[0].Start) {
		spans = append(spans, g)
	}
	for _, r := range p.scan.Rows {
		if r.Start < end {
			return nil
		}
		spans = append(spans, rawjson.Span{Start: r.Start, End: r.End})
		end = r.End
	}
	return spans
}
