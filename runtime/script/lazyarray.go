package script

import (
	"github.com/dop251/goja"
)

// lazyArray is a JSON array of a document. Where its elements stand is found at the first use; each
// becomes a JavaScript value when it is touched, once. To scripts it is an array: Array.isArray holds.
type lazyArray struct {
	doc        *document
	start, end int
	known      bool // elements are filled
	changed    bool // an element was set, or the length
	elements   []element
}

type element struct {
	start, end int
	val        goja.Value
}

// longest is the length that a script may give an array.
const longest = 1 << 24

func (a *lazyArray) load() {
	if a.known {
		return
	}
	a.known = true
	d := a.doc
	i := d.space(a.start + 1)
	for i < a.end && d.bytes[i] != ']' {
		end := d.skip(i)
		if end == i || end > a.end {
			return
		}
		a.elements = append(a.elements, element{start: i, end: end})
		if i = d.space(end); i >= a.end || d.bytes[i] != ',' {
			return
		}
		i = d.space(i + 1)
	}
}

// Len implements goja.DynamicArray.
func (a *lazyArray) Len() int {
	a.load()
	return len(a.elements)
}

// Get implements goja.DynamicArray.
func (a *lazyArray) Get(i int) goja.Value {
	a.load()
	if i < 0 || i >= len(a.elements) {
		return nil
	}
	e := &a.elements[i]
	if e.val == nil {
		e.val = a.doc.value(e.start, e.end)
	}
	return e.val
}

// Set implements goja.DynamicArray.
func (a *lazyArray) Set(i int, val goja.Value) bool {
	if !a.doc.mutable {
		a.doc.m.refuse()
	}
	if i < 0 || i >= longest {
		return false
	}
	a.load()
	a.changed = true
	if val == nil {
		val = goja.Undefined()
	}
	a.grow(i + 1)
	a.elements[i].val = val
	return true
}

// SetLen implements goja.DynamicArray.
func (a *lazyArray) SetLen(n int) bool {
	if !a.doc.mutable {
		a.doc.m.refuse()
	}
	if n < 0 || n > longest {
		return false
	}
	a.load()
	if n == len(a.elements) {
		return true
	}
	a.changed = true
	a.grow(n)
	clear(a.elements[n:])
	a.elements = a.elements[:n]
	return true
}

func (a *lazyArray) grow(n int) {
	for len(a.elements) < n {
		a.elements = append(a.elements, element{val: goja.Undefined()})
	}
}

func (a *lazyArray) intact() bool {
	if a.changed {
		return false
	}
	if !a.doc.mutable {
		return true
	}
	for k := range a.elements {
		if !intact(a.elements[k].val) {
			return false
		}
	}
	return true
}
