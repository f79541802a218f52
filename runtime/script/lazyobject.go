package script

import (
	"github.com/dop251/goja"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// lazyObject is a JSON object of a document. Its members are found at the first use; each becomes a
// JavaScript value when it is touched, once, so that `o.x === o.x`. A key that stands twice counts
// where it stands last, as in JSON.parse.
type lazyObject struct {
	doc        *document
	start, end int
	known      bool // members are filled
	changed    bool // a member was set or deleted
	members    []member
	index      map[string]int // of members, when there are many
}

type member struct {
	key        string
	keyStart   int // of the key's opening quote; -1: the script added it
	start, end int // of the value as received
	val        goja.Value
}

// indexed is how many members are searched one by one before a map pays.
const indexed = 12

func (o *lazyObject) load() {
	if o.known {
		return
	}
	o.known = true
	d := o.doc
	if n := d.m.size; n > 0 && n <= indexed {
		o.members = make([]member, 0, n+1)
	}
	defer func() { d.m.size = len(o.members) }()
	i := d.space(o.start + 1)
	for i < o.end && d.bytes[i] == '"' {
		keyStart, keyEnd := i, rawjson.Skip(d.bytes, i)
		if i = d.space(keyEnd); i >= o.end || d.bytes[i] != ':' {
			break
		}
		start := d.space(i + 1)
		end := d.skip(start)
		if end == start || end > o.end {
			break
		}
		o.add(keyStart, keyEnd, start, end)
		if i = d.space(end); i >= o.end || d.bytes[i] != ',' {
			break
		}
		i = d.space(i + 1)
	}
}

// add takes a member, in the place of an earlier one of the same name.
func (o *lazyObject) add(keyStart, keyEnd, start, end int) {
	key := o.doc.m.key(o.doc.bytes[keyStart:keyEnd])
	if k := o.find(key); k >= 0 {
		o.members[k].start, o.members[k].end = start, end
		o.changed = true // the raw text has a member that does not count
		return
	}
	o.put(member{key: key, keyStart: keyStart, start: start, end: end})
}

func (o *lazyObject) put(m member) {
	o.members = append(o.members, m)
	if o.index != nil {
		o.index[m.key] = len(o.members) - 1
		return
	}
	if len(o.members) > indexed {
		o.reindex()
	}
}

func (o *lazyObject) reindex() {
	if len(o.members) <= indexed {
		o.index = nil
		return
	}
	o.index = make(map[string]int, 2*len(o.members))
	for k := range o.members {
		o.index[o.members[k].key] = k
	}
}

// find returns the place of a member, -1 for none.
func (o *lazyObject) find(key string) int {
	if o.index != nil {
		if k, ok := o.index[key]; ok {
			return k
		}
		return -1
	}
	for k := range o.members {
		if o.members[k].key == key {
			return k
		}
	}
	return -1
}

// Get implements goja.DynamicObject.
func (o *lazyObject) Get(key string) goja.Value {
	o.load()
	k := o.find(key)
	if k < 0 {
		return nil
	}
	m := &o.members[k]
	if m.val == nil {
		m.val = o.doc.value(m.start, m.end)
	}
	return m.val
}

// Set implements goja.DynamicObject.
func (o *lazyObject) Set(key string, val goja.Value) bool {
	if !o.doc.mutable {
		o.doc.m.refuse()
	}
	o.load()
	if val == nil {
		val = goja.Undefined()
	}
	o.changed = true
	if k := o.find(key); k >= 0 {
		o.members[k].val = val
		return true
	}
	o.put(member{key: key, keyStart: -1, val: val})
	return true
}

// Has implements goja.DynamicObject.
func (o *lazyObject) Has(key string) bool {
	o.load()
	return o.find(key) >= 0
}

// Delete implements goja.DynamicObject.
func (o *lazyObject) Delete(key string) bool {
	if !o.doc.mutable {
		o.doc.m.refuse()
	}
	o.load()
	k := o.find(key)
	if k < 0 {
		return true
	}
	o.changed = true
	o.members = append(o.members[:k], o.members[k+1:]...)
	if o.index != nil {
		o.reindex()
	}
	return true
}

// Keys implements goja.DynamicObject: in the order of the document.
func (o *lazyObject) Keys() []string {
	o.load()
	keys := make([]string, len(o.members))
	for k := range o.members {
		keys[k] = o.members[k].key
	}
	return keys
}

// intact says whether the object's own bytes still say what it holds.
func (o *lazyObject) intact() bool {
	if o.changed {
		return false
	}
	if !o.doc.mutable {
		return true
	}
	for k := range o.members {
		if !intact(o.members[k].val) {
			return false
		}
	}
	return true
}

// intact says the same of a value that a lazy object or array made; nil is one not touched yet.
func intact(v goja.Value) bool {
	obj, ok := v.(*goja.Object)
	if !ok {
		return true // a primitive, as it was made: a Set marks the container
	}
	switch lazy := lazyOf(obj).(type) {
	case *lazyObject:
		return lazy.intact()
	case *lazyArray:
		return lazy.intact()
	}
	return false
}
