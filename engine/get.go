package engine

import "github.com/lastpage/lastpage/engine/rawjson"

// Get returns the value that stands at p in a JSON document, as the bytes that stand there. It is
// false when there is none; a JSON null that stands there is a value. A path with [*] or .* gives a
// new JSON array of all matches, in order, when what it asks all of is an array or object; elements
// in which the rest of the path is missing are left out.
// The document must be valid JSON. Where an object has a key twice, the last one counts.
func (p Path) Get(doc []byte) (v []byte, ok bool) {
	for n, s := range p {
		if s.Kind == StepAll {
			if k := rawjson.Kind(doc); k != '[' && k != '{' {
				return nil, false
			}
			v = append(v, '[')
			p[n:].Each(doc, func(e []byte) {
				if len(v) > 1 {
					v = append(v, ',')
				}
				v = append(v, e...)
			})
			return append(v, ']'), true
		}
		if doc, ok = s.get(doc); !ok {
			return nil, false
		}
	}
	return doc, true
}

// Each calls fn with every value that stands at p in a JSON document, in order: at most one unless
// p asks for all of something.
func (p Path) Each(doc []byte, fn func(v []byte)) {
	for n, s := range p {
		if s.Kind != StepAll {
			var ok bool
			if doc, ok = s.get(doc); !ok {
				return
			}
			continue
		}
		rest := p[n+1:]
		for e := range rawjson.Elements(doc) {
			rest.Each(e, fn)
		}
		for _, e := range rawjson.Members(doc) {
			rest.Each(e, fn)
		}
		return
	}
	fn(doc)
}

func (s Step) get(doc []byte) ([]byte, bool) {
	if s.Kind == StepIndex {
		return rawjson.Index(doc, s.Index)
	}
	return rawjson.Field(doc, s.Field)
}
