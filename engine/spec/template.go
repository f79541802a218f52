package spec

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// template is a text that may hold expressions.
var templateText = shape[*Text]{
	schema: func(*definitions) schema { return schema{"type": []string{"string", "number", "boolean"}} },
	read: func(r reader, n *yaml.Node, v **Text) given {
		n, got := r.expect(n, yaml.ScalarNode, "a text", "")
		if got != set {
			return got
		}
		before := len(r.errs)
		*v = r.template(n)
		if len(r.errs) > before {
			return wrong
		}
		return set
	},
}

// condition is a text of exactly one expression.
var condition = shape[*Text]{
	schema: func(*definitions) schema { return schema{"$ref": "#/$defs/expression"} },
	read: func(r reader, n *yaml.Node, v **Text) given {
		got := templateText.read(r, n, v)
		if got == set && (len((*v).Parts) != 1 || (*v).Parts[0].Expr == nil) {
			r.fail(n, fmt.Sprintf("`%s` is one expression", r.key), "write \"${…}\"")
			return wrong
		}
		return got
	},
}

// in reads a value whose expressions have another scope.
func in[V any](scope Scope, s shape[V]) shape[V] {
	return as(s, func(r *reader) { r.scope = scope })
}

// inPart reads a value whose expressions stand in a named part of the stream.
func inPart[V any](part string, s shape[V]) shape[V] {
	return as(s, func(r *reader) { r.part = part })
}

// as reads a value by a reader that is changed first.
func as[V any](s shape[V], change func(*reader)) shape[V] {
	read := s.read
	s.read = func(r reader, n *yaml.Node, v *V) given {
		change(&r)
		return read(r, n, v)
	}
	return s
}

// anyValue is a template of any JSON value. A null stands for "left out" in requests.
var anyValue = shape[*Node]{
	schema: func(*definitions) schema { return schema{} },
	read: func(r reader, n *yaml.Node, v **Node) given {
		made, ok := r.node(n)
		if !ok {
			return wrong
		}
		*v = made
		return set
	},
}

// someValue is anyValue where null means that nothing is given.
var someValue = shape[*Node]{
	schema: anyValue.schema,
	read: func(r reader, n *yaml.Node, v **Node) given {
		if isNull(n) {
			return absent
		}
		return anyValue.read(r, n, v)
	},
}

// node reads a template of a JSON value; false when an error was reported.
func (r reader) node(n *yaml.Node) (*Node, bool) {
	at := r.src.pos(n)
	n = follow(n)
	made := &Node{Pos: at}
	switch n.Kind {
	case yaml.SequenceNode:
		made.Kind, made.List = KindList, []*Node{}
		ok := true
		for _, c := range n.Content {
			e, good := r.node(c)
			ok = ok && good
			made.List = append(made.List, e)
		}
		return made, ok
	case yaml.MappingNode:
		made.Kind, made.Fields = KindMap, []Field{}
		before := len(r.errs)
		for _, e := range entries(n, r.fail) {
			value, _ := r.node(e.value)
			made.Fields = append(made.Fields, Field{r.src.pos(e.key), e.name, value})
		}
		return made, len(r.errs) == before
	}
	switch n.Tag {
	case "!!null":
		made.Kind = KindNull
	case "!!bool":
		made.Kind, made.Raw = KindBool, strings.ToLower(n.Value)
	case "!!int", "!!float":
		raw, err := jsonNumber(n.Value)
		if err != nil {
			r.fail(n, err.Error(), "")
			return made, false
		}
		made.Kind, made.Raw = KindNumber, raw
	default:
		before := len(r.errs)
		made.Kind, made.Text = KindString, r.template(n)
		return made, len(r.errs) == before
	}
	return made, true
}

var jsonNumberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// jsonNumber writes a YAML number as JSON; digits stay as they are where JSON allows it.
func jsonNumber(s string) (string, error) {
	if jsonNumberForm.MatchString(s) {
		return s, nil
	}
	plain := strings.ReplaceAll(strings.TrimPrefix(s, "+"), "_", "")
	if digits := strings.TrimLeft(strings.TrimPrefix(plain, "-"), "0"); len(digits) < len(strings.TrimPrefix(plain, "-")) && digits != "" && strings.Trim(digits, "0123456789") == "" {
		return "", fmt.Errorf("`%s` begins with a zero: write \"%s\" for the text or %s for the number", s, s, digits)
	}
	if jsonNumberForm.MatchString(plain) {
		return plain, nil
	}
	if i, err := strconv.ParseInt(plain, 0, 64); err == nil {
		return strconv.FormatInt(i, 10), nil
	}
	if f, err := strconv.ParseFloat(plain, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return strconv.FormatFloat(f, 'g', -1, 64), nil
	}
	return "", fmt.Errorf("`%s` is not a number that JSON can hold", s)
}

// fieldKind says what the values of named fields may be.
type fieldKind uint8

const (
	anyField    fieldKind = iota // any JSON value
	paramField                   // a single value, or a list for a repeated parameter
	headerField                  // the same, under the name of a header
)

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// fieldsOf is a mapping from names to templates. Over fields that are there already it replaces
// those of the same name; names of headers are the same in any case.
func fieldsOf(kind fieldKind) shape[[]Field] {
	value := schema{"type": []string{"string", "number", "boolean", "null", "array"}}
	if kind == anyField {
		value = schema{}
	}
	return shape[[]Field]{
		schema: func(*definitions) schema { return schema{"type": "object", "additionalProperties": value} },
		read: func(r reader, n *yaml.Node, v *[]Field) given {
			n, got := r.expect(n, yaml.MappingNode, "a mapping from names to values", "")
			if got != set {
				return got
			}
			before := len(r.errs)
			merged := append([]Field{}, *v...)
			own := len(merged)
			for _, e := range entries(n, r.fail) {
				if kind == headerField && !headerName.MatchString(e.name) {
					r.fail(e.key, fmt.Sprintf("`%s` is not the name of a header", shorten(e.name)), "")
					continue
				}
				made, ok := r.node(e.value)
				if ok && kind != anyField {
					r.single(e, made)
				}
				f := Field{r.src.pos(e.key), e.name, made}
				if i := indexOf(merged[:own], e.name, kind == headerField); i >= 0 {
					merged[i] = f
				} else {
					merged = append(merged, f)
				}
			}
			*v = merged
			if len(r.errs) > before {
				return wrong
			}
			return set
		},
	}
}

// single reports a parameter or header whose value is a mapping or a list of lists.
func (r reader) single(e entry, n *Node) {
	bad := n.Kind == KindMap
	for _, one := range n.List {
		bad = bad || one.Kind == KindMap || one.Kind == KindList
	}
	if bad {
		r.fail(e.value, fmt.Sprintf("`%s` is a single value, or a list of single values", e.name), "JSON text is made by `${json(…)}`")
	}
}

func indexOf(fields []Field, name string, foldCase bool) int {
	for i, f := range fields {
		if f.Name == name || foldCase && strings.EqualFold(f.Name, name) {
			return i
		}
	}
	return -1
}
