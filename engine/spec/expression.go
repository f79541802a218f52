package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// use is an expression with where it stands, for the checks that need the whole file.
type use struct {
	expr   *Expr
	node   *yaml.Node
	names  []freeName // offsets are those in node's value
	stream *Stream    // nil outside streams
	part   string     // "session.open" or "window" where less is known than the scope says
}

// holdsExpression reports whether a text is a template rather than a plain value.
func holdsExpression(s string) bool { return strings.Contains(s, "${") }

// template cuts a scalar's text into literals and expressions and checks what can be checked
// without JavaScript.
func (r reader) template(n *yaml.Node) *Text {
	s := n.Value
	t := &Text{Pos: r.src.pos(n)}
	if r.bound[n] {
		t.Parts = append(t.Parts, Part{Lit: s})
		return t
	}
	lit := func(text string) {
		if last := len(t.Parts) - 1; last >= 0 && t.Parts[last].Expr == nil {
			t.Parts[last].Lit += text
		} else if text != "" {
			t.Parts = append(t.Parts, Part{Lit: text})
		}
	}
	for i := 0; i < len(s); {
		j := strings.IndexByte(s[i:], '$')
		if j < 0 {
			lit(s[i:])
			break
		}
		lit(s[i : i+j])
		i += j
		switch {
		case strings.HasPrefix(s[i:], "$${"):
			lit("${")
			i += 3
		case strings.HasPrefix(s[i:], "${"):
			tokens, end, err := expressionEnd(s, i+2)
			if err != nil {
				at := i
				if err.off < len(s) {
					at = err.off
				}
				r.failAt(n, at, "`${` has no closing `}`: "+err.msg, "a literal `${` is written `$${`")
				return t
			}
			if e := r.expression(n, i+2, end, tokens); e != nil {
				t.Parts = append(t.Parts, Part{Expr: e})
			}
			i = end + 1
		default:
			lit("$")
			i++
		}
	}
	return t
}

// expression makes an Expr of n.Value[from:to]; nil when it is wrong.
func (r reader) expression(n *yaml.Node, from, to int, tokens []token) *Expr {
	text := n.Value[from:to]
	from += len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	text = strings.TrimSpace(text)
	if len(tokens) == 0 {
		r.failAt(n, from-2, "an expression is missing between `${` and `}`", "a literal `${` is written `$${`")
		return nil
	}
	e := &Expr{ID: -1, Source: text, Scope: r.scope}
	e.Pos, e.Indent = r.src.place(n, from)
	u := use{expr: e, node: n, stream: r.stream, part: r.part}
	names, plain := dottedName(tokens)
	switch {
	case !plain:
		u.names = freeNames(tokens)
	case slices.Contains(r.scope.Names(), names[0]):
		u.names = freeNames(tokens)
		if !slices.Contains(names[1:], "length") { // of a list or a text: JavaScript knows
			e.Names = names
		}
	case slices.Contains(scriptNames, names[0]):
	case slices.Contains(Helpers, names[0]):
		r.failAt(n, from, fmt.Sprintf("`%s` is a function", names[0]), fmt.Sprintf("call it: `%s(…)`", names[0]))
		return nil
	default:
		available := strings.Join(r.scope.Names(), ", ")
		known := slices.Concat(r.scope.Names(), Helpers)
		r.failAt(n, from, fmt.Sprintf("`%s` is not defined here; available: %s", names[0], available), meant(names[0], known))
		return nil
	}
	r.file.uses = append(r.file.uses, u)
	return e
}

// dottedName returns the parts of `a.b.c`; false when the tokens are anything else.
func dottedName(tokens []token) ([]string, bool) {
	var names []string
	end := tokens[0].off
	for i, t := range tokens {
		if t.off != end || (i%2 == 0) != (t.kind == tokName) || i%2 == 1 && t.text != "." {
			return nil, false
		}
		end = t.off + len(t.text)
		if i%2 == 0 {
			if c, _ := utf8.DecodeRuneInString(t.text); unicode.IsDigit(c) {
				return nil, false
			}
			names = append(names, t.text)
		}
	}
	return names, len(tokens)%2 == 1
}

// resolve returns the value of a typed field: what stands there, or what its expression gives.
// The answer is absent for null, deferred for an expression that cannot be evaluated yet.
func (r reader) resolve(n *yaml.Node) (*yaml.Node, given) {
	n = follow(n)
	if isNull(n) {
		return n, absent
	}
	if n.Kind != yaml.ScalarNode || !holdsExpression(n.Value) || r.bound[n] {
		return n, set
	}
	r.scope = ScopeConfig
	before := len(r.errs)
	text := r.template(n)
	if len(r.errs) > before {
		return n, wrong
	}
	if literal, ok := text.Literal(); ok {
		plain := *n
		plain.Value = literal
		r.bound[&plain] = true
		return &plain, set
	}
	if r.opt.Bind == nil {
		return n, deferred
	}
	raw, bad, err := r.bind(text)
	if err != nil {
		r.file.errs = append(r.file.errs, &Error{bad.Pos, fmt.Sprintf("`${%s}`: %v", shorten(bad.Source), err), ""})
		return n, wrong
	}
	made, err := nodeOfJSON(raw, n)
	if err != nil {
		r.fail(n, fmt.Sprintf("%v gave no JSON value: %v", kindOf(n), err), "")
		return n, wrong
	}
	r.markBound(made)
	if isNull(made) {
		return made, absent
	}
	return made, set
}

func (r reader) markBound(n *yaml.Node) {
	r.bound[n] = true
	for _, c := range n.Content {
		r.markBound(c)
	}
}

// bind evaluates a template: the value of its one expression, or the text of all its parts, null
// when one of them is.
func (r reader) bind(t *Text) (json.RawMessage, *Expr, error) {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Expr == nil {
			b.WriteString(p.Lit)
			continue
		}
		raw, err := r.opt.Bind(p.Expr)
		if err != nil {
			return nil, p.Expr, err
		}
		text := strings.TrimSpace(string(raw))
		if text == "" {
			text = "null"
		}
		if len(t.Parts) == 1 || text == "null" {
			return json.RawMessage(text), nil, nil
		}
		if text[0] == '"' {
			if err := json.Unmarshal(raw, &text); err != nil {
				return nil, p.Expr, err
			}
		}
		b.WriteString(text)
	}
	raw, err := json.Marshal(b.String())
	return raw, nil, err
}

// nodeOfJSON makes a YAML node of a JSON value, placed where like stands. Numbers keep their digits.
func nodeOfJSON(raw json.RawMessage, like *yaml.Node) (*yaml.Node, error) {
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return nodeOfValue(v, like), nil
}

func nodeOfValue(v any, like *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: like.Line, Column: like.Column}
	switch v := v.(type) {
	case nil:
		n.Tag, n.Value = "!!null", "null"
	case bool:
		n.Tag, n.Value = "!!bool", fmt.Sprint(v)
	case json.Number:
		n.Tag, n.Value = "!!int", v.String()
		if strings.ContainsAny(n.Value, ".eE") {
			n.Tag = "!!float"
		}
	case string:
		n.Tag, n.Value = "!!str", v
	case []any:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for _, e := range v {
			n.Content = append(n.Content, nodeOfValue(e, like))
		}
	case map[string]any:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			n.Content = append(n.Content, nodeOfValue(k, like), nodeOfValue(v[k], like))
		}
	}
	return n
}
