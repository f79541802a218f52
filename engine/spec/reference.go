package spec

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
)

// pathFailed reports an error of engine.ParsePath or ParseRef at its place; before is the length
// of what stands before the text that was parsed.
func (r reader) pathFailed(n *yaml.Node, before int, err error) {
	var pe *engine.PathError
	if !errors.As(err, &pe) {
		r.fail(n, err.Error(), "")
		return
	}
	r.failAt(n, before+pe.Col, pe.Msg, pe.Hint)
}

// pathTo is a way down into a record or a body.
var pathTo = shape[engine.Path]{
	schema: func(*definitions) schema { return schema{"type": []string{"string", "number"}, "minLength": 1} },
	read: func(r reader, n *yaml.Node, v *engine.Path) given {
		n, got := r.resolve(n)
		if got != set {
			return got
		}
		if n.Kind != yaml.ScalarNode || n.Tag == "!!bool" {
			r.wants(n, "a path such as `data.items`", "")
			return wrong
		}
		parsed, err := engine.ParsePath(n.Value)
		if err != nil {
			r.pathFailed(n, 0, err)
			return wrong
		}
		*v = parsed
		return set
	},
}

const refPattern = `^(body|header|link|first|last|max|min|status)([.\[]|$)|\$\{`

// oneSource is a reference, or a template of expressions.
var oneSource = shape[Source]{
	schema: func(*definitions) schema { return schema{"type": "string", "pattern": refPattern} },
	read: func(r reader, n *yaml.Node, v *Source) given {
		n, got := r.expect(n, yaml.ScalarNode, "a reference such as `body.meta.next`, or an expression", "")
		if got != set {
			return got
		}
		if holdsExpression(n.Value) {
			r.scope = ScopeResponse
			return templateText.read(r, n, &v.Text)
		}
		ref, err := engine.ParseRef(n.Value)
		if err != nil {
			r.pathFailed(n, 0, err)
			return wrong
		}
		v.Ref = &ref
		return set
	},
}

// pick is a reference or expression, or a list of them of which the first that is present counts.
var pick = shape[*Pick]{
	schema: func(d *definitions) schema {
		return d.define("pick", func() schema { return oneOrMore(oneSource).schema(d) })
	},
	read: func(r reader, n *yaml.Node, v **Pick) given {
		p := &Pick{Pos: r.src.pos(n)}
		got := oneOrMore(oneSource).read(r, n, &p.Any)
		if got == set {
			*v = p
		}
		return got
	},
}

// target reads where a value goes in a request.
func (r reader) target(n *yaml.Node) (*Target, bool) {
	if n.Kind != yaml.ScalarNode {
		r.wants(n, "a target such as `query.cursor`", "")
		return nil, false
	}
	s := n.Value
	t := &Target{Pos: r.src.pos(n), Source: s}
	if s == "url" {
		t.Kind = TargetURL
		return t, true
	}
	end := 0
	for end < len(s) && s[end] != '.' && s[end] != '[' {
		end++
	}
	root, rest := s[:end], s[end:]
	switch root {
	case "query", "header":
		name, err := targetName(rest)
		if err != nil {
			r.pathFailed(n, end, err)
			return nil, false
		}
		t.Name = name
		switch {
		case name == "":
			r.failAt(n, end, fmt.Sprintf("the name is missing, such as `%s.next`", root), "")
			return nil, false
		case root == "header":
			t.Kind = TargetHeader
			if !headerName.MatchString(name) {
				r.failAt(n, end, fmt.Sprintf("`%s` is not the name of a header", shorten(name)), "")
				return nil, false
			}
		case rest == ".*":
			t.Kind, t.Name = TargetQueryAll, ""
		}
		return t, true
	case "body":
		t.Kind = TargetBody
		if rest == "" {
			r.failAt(n, end, "the path is missing, such as `body.cursor`", "")
			return nil, false
		}
		parsed, err := engine.ParsePath("$" + rest)
		if err != nil {
			r.pathFailed(n, end-1, err)
			return nil, false
		}
		for _, step := range parsed {
			if step.Kind == engine.StepAll || step.Index < 0 {
				r.failAt(n, end, "a value goes to one place: `*` and negative indexes cannot stand here", "")
				return nil, false
			}
		}
		t.Path = parsed
		return t, true
	}
	hint := meant(root, []string{"query", "header", "body", "url"})
	if root == "headers" || root == "params" {
		hint = fmt.Sprintf("did you mean `%s%s`?", map[string]string{"headers": "header", "params": "query"}[root], rest)
	} else if rest == "" && hint == "" && headerName.MatchString(root) {
		hint = fmt.Sprintf("did you mean `query.%s`?", root)
	}
	r.failAt(n, 0, fmt.Sprintf("`%s` is not a target: it is query.<name>, query.*, header.<Name>, body.<path> or url", shorten(s)), hint)
	return nil, false
}

// targetName reads `.name`, where the name may hold dots and brackets as query parameters do, or
// ['name'].
func targetName(rest string) (string, error) {
	if rest == "" {
		return "", nil
	}
	if rest[0] == '.' {
		return rest[1:], nil
	}
	p, err := engine.ParsePath(rest)
	if err != nil {
		return "", err
	}
	if len(p) != 1 || p[0].Kind != engine.StepField {
		return "", &engine.PathError{Msg: "a name in brackets is quoted and stands alone", Hint: "write ['name']"}
	}
	return p[0].Field, nil
}

const targetPattern = `^(url|query\.\S+|(query|header|body)\[.+\]|header\.\S+|body\..+)$`

// send is one target, or a mapping from targets to values.
var send = shape[*Send]{
	schema: func(d *definitions) schema {
		return d.define("send", func() schema {
			one := schema{"type": "string", "pattern": targetPattern}
			return schema{"anyOf": []schema{one, {"$ref": "#/$defs/expression"},
				{"type": "object", "minProperties": 1, "propertyNames": one, "additionalProperties": schema{}}}}
		})
	},
	read: func(r reader, n *yaml.Node, v **Send) given {
		s := &Send{Pos: r.src.pos(n)}
		n = follow(n)
		if n.Kind != yaml.MappingNode {
			n, got := r.resolve(n)
			if got != set {
				return got
			}
			t, ok := r.target(n)
			if !ok {
				return wrong
			}
			s.One = t
			*v = s
			return set
		}
		before := len(r.errs)
		for _, e := range entries(n, r.fail) {
			t, ok := r.target(follow(e.key))
			value, _ := r.node(e.value)
			if ok {
				s.Many = append(s.Many, SendField{t, value})
			}
		}
		if len(s.Many) == 0 && len(r.errs) == before {
			r.fail(n, fmt.Sprintf("`%s` names no target", r.key), "")
		}
		if len(r.errs) > before {
			return wrong
		}
		*v = s
		return set
	},
}

// params is fieldsOf for query parameters and forms, headers for headers.
var (
	params  = fieldsOf(paramField)
	headers = fieldsOf(headerField)
	values  = fieldsOf(anyField)
)
