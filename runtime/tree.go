package runtime

import (
	"encoding/json"
	"strconv"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// tree is a JSON value under construction: a request body whose targets are still to be set. A leaf
// holds raw JSON.
type tree struct {
	raw    json.RawMessage // a leaf, when neither object nor list
	object bool
	list   bool
	names  []string
	items  []*tree
}

func leaf(raw json.RawMessage) *tree { return &tree{raw: raw} }

// open turns a leaf that holds an object or array into branches, so that something can be set in it.
func (t *tree) open() {
	if t.raw == nil {
		return
	}
	switch rawjson.Kind(t.raw) {
	case '{':
		t.object = true
		for k, v := range rawjson.Members(t.raw) {
			name, _ := rawjson.String(k)
			t.names, t.items = append(t.names, name), append(t.items, leaf(v))
		}
		t.raw = nil
	case '[':
		t.list = true
		for v := range rawjson.Elements(t.raw) {
			t.items = append(t.items, leaf(v))
		}
		t.raw = nil
	}
}

// set puts raw at path, making objects and list elements where there are none.
func (t *tree) set(path engine.Path, raw json.RawMessage) {
	if len(path) == 0 {
		*t = tree{raw: raw}
		return
	}
	t.open()
	step := path[0]
	if step.Kind == engine.StepIndex {
		t.element(step.Index).set(path[1:], raw)
		return
	}
	if !t.object {
		*t = tree{object: true}
	}
	for i, name := range t.names {
		if name == step.Field {
			t.items[i].set(path[1:], raw)
			return
		}
	}
	child := &tree{object: true}
	child.set(path[1:], raw)
	t.names, t.items = append(t.names, step.Field), append(t.items, child)
}

func (t *tree) element(i int) *tree {
	if !t.list {
		*t = tree{list: true}
	}
	if i < 0 {
		i = max(0, len(t.items)+i)
	}
	for len(t.items) <= i {
		t.items = append(t.items, leaf(json.RawMessage("null")))
	}
	return t.items[i]
}

func (t *tree) append(b []byte) []byte {
	switch {
	case t.object:
		b = append(b, '{')
		for i, name := range t.names {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(rawjson.AppendString(b, name), ':')
			b = t.items[i].append(b)
		}
		return append(b, '}')
	case t.list:
		b = append(b, '[')
		for i, item := range t.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.append(b)
		}
		return append(b, ']')
	case t.raw == nil:
		return append(b, "null"...)
	}
	return append(b, t.raw...)
}

func number(n int64) json.RawMessage { return strconv.AppendInt(nil, n, 10) }
