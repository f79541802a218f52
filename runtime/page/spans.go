package page

import "github.com/lastpage/lastpage/engine/rawjson"

// Spans are the extents of the records in Body, in order; nil where they are not known to stand there
// one after the other.
func (p *Page) Spans() []rawjson.Span {
	if len(p.Body) == 0 || len(p.src) == 0 || &p.Body[0] != &p.src[0] {
		return nil
	}
	spans := make([]rawjson.Span, 0, len(p.scan.Rows))
	end := 0
	for _, r := range p.scan.Rows {
		if r.Start < end {
			return nil
		}
		spans = append(spans, rawjson.Span{Start: r.Start, End: r.End})
		end = r.End
	}
	return spans
}
