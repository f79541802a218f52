package script

import (
	"sort"

	"github.com/dop251/goja"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// document is one JSON document whose values become JavaScript values when a script touches them.
// An object or array is looked through once, at its first use, and only one level deep.
type document struct {
	m       *machine
	bytes   []byte
	spans   []rawjson.Span // extents that are known, sorted by Start
	mutable bool
}

// root returns the document's value.
func (d *document) root() goja.Value {
	end := len(d.bytes)
	for end > 0 && (d.bytes[end-1] == ' ' || d.bytes[end-1] == '\n' || d.bytes[end-1] == '\r' || d.bytes[end-1] == '\t') {
		end--
	}
	return d.value(d.space(0), end)
}

// value makes the JavaScript value of bytes [start, end).
func (d *document) value(start, end int) goja.Value {
	if start >= end {
		return goja.Null()
	}
	switch d.bytes[start] {
	case '{':
		return d.m.vm.NewDynamicObject(&lazyObject{doc: d, start: start, end: end})
	case '[':
		return d.m.vm.NewDynamicArray(&lazyArray{doc: d, start: start, end: end})
	case '"':
		return d.m.text(d.bytes[start:end])
	case 't':
		return d.m.vm.ToValue(true)
	case 'f':
		return d.m.vm.ToValue(false)
	case 'n':
		return goja.Null()
	}
	return d.m.number(d.bytes[start:end])
}

// skip returns the index after the value at i.
func (d *document) skip(i int) int {
	if n := len(d.spans); n > 0 {
		k := sort.Search(n, func(k int) bool { return d.spans[k].Start >= i })
		if k < n && d.spans[k].Start == i && d.spans[k].End > i && d.spans[k].End <= len(d.bytes) {
			return d.spans[k].End
		}
	}
	return rawjson.Skip(d.bytes, i)
}

// space returns the index of the first byte at or after i that is not whitespace.
func (d *document) space(i int) int {
	for i < len(d.bytes) && (d.bytes[i] == ' ' || d.bytes[i] == '\n' || d.bytes[i] == '\r' || d.bytes[i] == '\t') {
		i++
	}
	return i
}

// refuse throws the TypeError of a write to what is read-only.
func (m *machine) refuse() {
	panic(m.vm.NewTypeError("this value is read-only; change a copy: {...value} or [...value]"))
}
