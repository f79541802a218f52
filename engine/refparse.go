package engine

import (
	"fmt"
	"strings"
)

// Roots names every Root as a reference begins, in the order of the constants.
var Roots = []string{"body", "header", "link", "first", "last", "max", "min", "status"}

func (r Root) String() string { return Roots[r] }

// ParseRef reads a reference such as `body.meta.next`, `header.X-Next`, `link.next.results`,
// `last.id`, `max.updated` or `status`. The error is a *PathError.
func ParseRef(s string) (Ref, error) {
	ref := Ref{Source: s}
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	root, ok := rootOf(s[:end])
	if !ok {
		return ref, &PathError{0, fmt.Sprintf("`%s` is not a reference: it begins with one of %s", s, strings.Join(Roots, ", ")), rootHint(s, s[:end])}
	}
	ref.Root = root
	p := pathParser{s: s, i: end}
	switch root {
	case RootHeader, RootLink:
		return ref, ref.named(&p)
	case RootStatus:
		if end < len(s) {
			return ref, p.fail(end, "`status` is a number and has no parts")
		}
		return ref, nil
	}
	path, err := p.steps(false)
	ref.Path = path
	return ref, err
}

func rootOf(s string) (Root, bool) {
	for i, name := range Roots {
		if name == s {
			return Root(i), true
		}
	}
	return 0, false
}

// rootHint proposes the reference that was likely meant, "" when nothing is near.
func rootHint(s, word string) string {
	if i := map[string]string{"headers": "header", "links": "link", "response": "body", "$": "body"}[word]; i != "" {
		return "did you mean `" + i + s[len(word):] + "`?"
	}
	if strings.EqualFold(word, "body") || strings.EqualFold(word, "header") {
		return "did you mean `" + strings.ToLower(word) + s[len(word):] + "`?"
	}
	if path, err := ParsePath(s); err == nil && len(path) > 0 && path[0].Kind == StepField {
		return "did you mean `body." + strings.TrimPrefix(s, "$.") + "`?"
	}
	return ""
}

// named reads what follows `header` or `link`: a name, and for a link an attribute.
func (r *Ref) named(p *pathParser) error {
	what, example := "the header's name", "header.X-Next"
	if r.Root == RootLink {
		what, example = "the link's rel", "link.next"
	}
	at := p.i
	parts, err := p.steps(false)
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		return p.fail(at, "%s is missing, such as `%s`", what, example)
	}
	for _, step := range parts {
		if step.Kind != StepField || step.Field == "" {
			return p.fail(at, "%s is a name, such as `%s`", what, example)
		}
	}
	r.Name = parts[0].Field
	switch {
	case r.Root == RootHeader && len(parts) > 1 && p.s[at] != '.':
		return p.fail(at, "a header has one name and no parts")
	case r.Root == RootHeader && len(parts) > 1:
		return &PathError{at, "a header has one name and no parts", "a name with a dot is quoted: header['" + p.s[at+1:] + "']"}
	case r.Root == RootLink && len(parts) > 2:
		return &PathError{at, "a link has a rel and at most one attribute", "a rel with a dot is quoted: link['…']"}
	case len(parts) == 2:
		r.Attr = parts[1].Field
	}
	return nil
}

// String writes the reference as ParseRef reads it.
func (r Ref) String() string {
	var b strings.Builder
	b.WriteString(r.Root.String())
	switch r.Root {
	case RootHeader, RootLink:
		Path{{Field: r.Name}}.write(&b, false)
		if r.Attr != "" {
			Path{{Field: r.Attr}}.write(&b, false)
		}
	case RootStatus:
	default:
		r.Path.write(&b, false)
	}
	return b.String()
}
