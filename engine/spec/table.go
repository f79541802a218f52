package spec

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// given says what became of a value.
type given uint8

const (
	absent   given = iota // not there, or null
	wrong                 // there, and refused: an error says why
	deferred              // there, as an expression that has no value yet
	set                   // there, and read
)

// shape is what may stand as a value: how it is read, its default, and how the JSON Schema says it.
type shape[V any] struct {
	read   func(r reader, n *yaml.Node, v *V) given
	init   func(v *V) // fills in the defaults of the value's parts; nil without
	schema func(*definitions) schema
}

// key is one key of a mapping that is read into a T.
type key[T any] struct {
	name     string
	doc      string
	required bool
	def      *yaml.Node // default, nil without
	read     func(r reader, n *yaml.Node, t *T) given
	init     func(t *T)
	reset    func(t *T) // back to the default
	schema   func(*definitions) schema
}

// table describes a mapping: its keys and what must hold between them.
type table[T any] struct {
	name  string // as the JSON Schema names it
	what  string // "a request", for messages
	like  string // an example of the mapping, for messages; "" without
	keys  []key[T]
	check func(r reader, m *mapping, t *T)
}

// field makes the key whose value has shape s and is kept where at says.
func field[T, V any](name, doc string, s shape[V], at func(*T) *V) key[T] {
	return key[T]{
		name:   name,
		doc:    doc,
		schema: s.schema,
		read:   func(r reader, n *yaml.Node, t *T) given { return s.read(r, n, at(t)) },
		init: func(t *T) {
			if s.init != nil {
				s.init(at(t))
			}
		},
		reset: func(t *T) {
			var zero V
			*at(t) = zero
			if s.init != nil {
				s.init(at(t))
			}
		},
	}
}

// need makes the key required.
func (k key[T]) need() key[T] {
	k.required = true
	return k
}

// or gives the key a default, written as YAML.
func (k key[T]) or(def string) key[T] {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(def), &doc); err != nil {
		panic(fmt.Sprintf("default of %s: %v", k.name, err))
	}
	k.def = doc.Content[0]
	k.init = func(t *T) {
		f := newFile("default of "+k.name, def, Options{})
		if k.read(reader{file: f}, k.def, t) != set {
			panic(f.errs.Error())
		}
	}
	k.reset = k.init
	return k
}

// init fills in every default.
func (tb *table[T]) init(t *T) {
	for _, k := range tb.keys {
		k.init(t)
	}
}

// shape is the shape of a mapping that the table describes.
func (tb *table[T]) shape() shape[T] {
	return shape[T]{
		init: tb.init,
		read: tb.read,
		schema: func(d *definitions) schema {
			return d.object(tb.name, func() schema { return tb.schema(d) })
		},
	}
}

// mapping is what was found of a table in a file.
type mapping struct {
	r    reader
	node *yaml.Node
	got  map[string]given
	keys map[string]entry
	docs map[string]string // of every key that the table knows
}

// has reports whether the key is there, also as an expression that has no value yet.
func (m *mapping) has(name string) bool { return m != nil && m.got[name] >= deferred }

// known reports whether the key is there with a value.
func (m *mapping) known(name string) bool { return m != nil && m.got[name] == set }

// any reports whether something stands at the key, right or wrong.
func (m *mapping) any(name string) bool { return m != nil && m.got[name] != absent }

// at is where the key's value stands, or the mapping when it is not there.
func (m *mapping) at(name string) *yaml.Node {
	if e, ok := m.keys[name]; ok {
		return e.value
	}
	return m.node
}

// keyAt is where the key itself stands.
func (m *mapping) keyAt(name string) *yaml.Node {
	if e, ok := m.keys[name]; ok {
		return e.key
	}
	return m.node
}

// sub is the mapping at the key, nil when there is none.
func (m *mapping) sub(name string) *mapping {
	if m == nil {
		return nil
	}
	if e, ok := m.keys[name]; ok {
		return m.r.maps[follow(e.value)]
	}
	return nil
}

// read reads a mapping into t, over what t holds already.
func (tb *table[T]) read(r reader, n *yaml.Node, t *T) given {
	n, got := r.expect(n, yaml.MappingNode, tb.what, tb.like)
	if got != set {
		return got
	}
	m := &mapping{r: r, node: n, got: map[string]given{}, keys: map[string]entry{}, docs: map[string]string{}}
	r.maps[n] = m
	known := make([]string, len(tb.keys))
	for i, k := range tb.keys {
		known[i] = k.name
		m.docs[k.name] = k.doc
	}
	for _, e := range entries(n, r.fail) {
		m.keys[e.name] = e
		if !slices.Contains(known, e.name) {
			r.fail(e.key, fmt.Sprintf("unknown key `%s`", e.name), r.unknownHint(tb.name, e.name, known))
			if near := nearest(e.name, known); near != "" {
				m.got[near] = wrong // misspelt, not missing
			}
		}
	}
	for _, k := range tb.keys {
		e, ok := m.keys[k.name]
		if ok {
			inner := r
			inner.key = k.name
			if r.over && isNull(e.value) { // a stream takes back what the connector says
				k.reset(t)
				continue
			}
			m.got[k.name] = k.read(inner, e.value, t)
		}
		if k.required && m.got[k.name] == absent {
			at := n
			if ok {
				at = e.value
			}
			r.fail(at, fmt.Sprintf("%s needs `%s`", tb.what, k.name), k.doc)
		}
	}
	if tb.check != nil {
		tb.check(r, m, t)
	}
	return set
}

// unknownHint says which key was likely meant, or where a key of that name belongs.
func (r reader) unknownHint(tableName, name string, known []string) string {
	if hint := meant(name, known); hint != "" {
		return hint
	}
	if homes := r.homes(name); len(homes) == 1 && homes[0] != tableName {
		return fmt.Sprintf("it belongs in `%s`", homes[0])
	}
	if len(known) <= 12 {
		return "known here: " + strings.Join(known, ", ")
	}
	return ""
}
