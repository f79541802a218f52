package page

import (
	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// bodyValues fills in the values of body references, nil for all others.
func (p *Page) bodyValues() {
	for i, r := range p.plan.Refs {
		var v []byte
		if r.Root == engine.RootBody {
			v = p.compact(p.plan.prog.refs[i].of(p.scan.Cells, p.src))
		}
		p.Values = append(p.Values, v)
	}
}

// recordValues fills in the values of references to the page's records.
func (p *Page) recordValues() {
	n := len(p.Records)
	for i, r := range p.plan.Refs {
		if r.Root == engine.RootBody {
			continue
		}
		p.Values[i] = nil
		if n == 0 {
			continue
		}
		switch r.Root {
		case engine.RootFirst:
			p.Values[i], _ = r.Path.Get(p.Records[0])
		case engine.RootLast:
			p.Values[i], _ = r.Path.Get(p.Records[n-1])
		case engine.RootMax:
			p.Values[i] = p.compact(p.extreme(i, 1))
		case engine.RootMin:
			p.Values[i] = p.compact(p.extreme(i, -1))
		}
	}
}

// extreme returns the greatest (sign 1) or least (sign -1) value of a reference over the records,
// the first of equal ones; nil when no record has one.
func (p *Page) extreme(ref, sign int) (best []byte) {
	compare := Order
	if c := p.plan.Compare; ref < len(c) && c[ref] != nil {
		compare = c[ref]
	}
	s := p.plan.prog.refs[ref]
	take := func(v []byte) {
		if !absent(v) && (best == nil || sign*compare(v, best) > 0) {
			best = v
		}
	}
	noted := source{slot: s.slot}
	for r := range p.Records {
		v := noted.of(p.cells(r), p.src)
		if len(s.rest) > 0 && v != nil {
			s.rest.Each(v, take)
			continue
		}
		take(v)
	}
	return best
}

// compact returns v without the whitespace outside strings.
func (p *Page) compact(v []byte) []byte {
	if k := rawjson.Kind(v); k != '{' && k != '[' || !p.scan.Spaced() {
		return v
	}
	n := len(p.vals)
	p.vals = rawjson.Compact(p.vals, v)
	return p.vals[n:len(p.vals):len(p.vals)]
}
