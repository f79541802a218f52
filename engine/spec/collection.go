package spec

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// listOf is a list of values of one shape.
func listOf[V any](s shape[V]) shape[[]V] { return listFrom(s, false, 0) }

// oneOrMore is a list, or a single value for a list of one.
func oneOrMore[V any](s shape[V]) shape[[]V] { return listFrom(s, true, 1) }

// listFrom is a list of at least least values; with single, a value that is no list is a list of one.
func listFrom[V any](s shape[V], single bool, least int) shape[[]V] {
	return shape[[]V]{
		schema: func(d *definitions) schema {
			one := s.schema(d)
			list := schema{"type": "array", "items": one}
			if least > 0 {
				list["minItems"] = least
			}
			if single {
				return schema{"anyOf": []schema{one, list}}
			}
			return orExpression(list)
		},
		read: func(r reader, n *yaml.Node, v *[]V) given {
			n = follow(n)
			if isNull(n) {
				return absent
			}
			if !single && n.Kind == yaml.ScalarNode {
				var got given
				if n, got = r.resolve(n); got != set {
					return got
				}
			}
			if n.Kind != yaml.SequenceNode && !single {
				r.wants(n, "a list", "")
				return wrong
			}
			items := n.Content
			if n.Kind != yaml.SequenceNode {
				items = []*yaml.Node{n}
			}
			if len(items) < least {
				r.fail(n, fmt.Sprintf("`%s` is an empty list", r.key), "")
				return wrong
			}
			result := set
			list := make([]V, 0, len(items))
			for _, item := range items {
				var one V
				if s.init != nil {
					s.init(&one)
				}
				switch got := s.read(r, item, &one); got {
				case set:
					list = append(list, one)
				case absent:
					r.fail(item, fmt.Sprintf("`%s` holds an empty entry", r.key), "")
					result = wrong
				case wrong:
					result = wrong
				case deferred:
					if result == set {
						result = deferred
					}
				}
			}
			*v = list
			return result
		},
	}
}

// optional is a value that is nil when it is not given. Over a value that is there already, its
// parts are laid; the value itself is not changed.
func optional[V any](s shape[V]) shape[*V] {
	return shape[*V]{
		schema: s.schema,
		read: func(r reader, n *yaml.Node, v **V) given {
			if isNull(n) {
				return absent
			}
			made := new(V)
			if *v != nil {
				*made = **v
			} else if s.init != nil {
				s.init(made)
			}
			got := s.read(r, n, made)
			if got >= deferred {
				*v = made
			}
			return got
		},
	}
}

// named is a mapping from names of the author's to values of one shape, in file order. add takes
// one of them.
func named[V, L any](what string, s shape[V], add func(r reader, e entry, list *L, v V)) shape[L] {
	return shape[L]{
		schema: func(d *definitions) schema {
			return schema{"type": "object", "additionalProperties": s.schema(d)}
		},
		read: func(r reader, n *yaml.Node, v *L) given {
			n, got := r.expect(n, yaml.MappingNode, what, "")
			if got != set {
				return got
			}
			before := len(r.errs)
			for _, e := range entries(n, r.fail) {
				var one V
				if s.init != nil {
					s.init(&one)
				}
				inner := r
				inner.key = e.name
				switch s.read(inner, e.value, &one) {
				case set, deferred:
					add(r, e, v, one)
				case absent:
					r.fail(e.key, fmt.Sprintf("nothing stands at `%s`", e.name), "")
				}
			}
			if len(r.errs) > before {
				return wrong
			}
			return set
		},
	}
}
