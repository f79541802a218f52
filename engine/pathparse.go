package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PathError says what is wrong with a path or a reference, and where.
type PathError struct {
	Col  int // byte offset from 0 in the text that was parsed
	Msg  string
	Hint string // "" without; "did you mean `…`?"
}

func (e *PathError) Error() string {
	msg := fmt.Sprintf("column %d: %s", e.Col+1, e.Msg)
	if e.Hint != "" {
		msg += "; " + e.Hint
	}
	return msg
}

// ParsePath reads a path such as `data.items`, `hits.hits[*]._source`, `query.pages.*`,
// `['a.b'][-1]`, `$.a.b` or `$`. The error is a *PathError.
func ParsePath(s string) (Path, error) {
	if strings.TrimSpace(s) == "" {
		return nil, &PathError{0, "the path is empty", "the whole document is `$`"}
	}
	p := pathParser{s: s}
	if s == "$" {
		return Path{}, nil
	}
	if strings.HasPrefix(s, "$.") || strings.HasPrefix(s, "$[") {
		p.i = 1
		return p.steps(false)
	}
	return p.steps(true)
}

// pathParser reads steps from s at i.
type pathParser struct {
	s string
	i int
}

func (p *pathParser) fail(at int, format string, args ...any) error {
	return &PathError{Col: at, Msg: fmt.Sprintf(format, args...)}
}

// steps reads steps to the end of the text. With bare the first one may be a name without a dot.
func (p *pathParser) steps(bare bool) (Path, error) {
	path := Path{}
	for p.i < len(p.s) {
		step, err := p.step(bare)
		if err != nil {
			return nil, err
		}
		path = append(path, step)
		bare = false
	}
	return path, nil
}

func (p *pathParser) step(bare bool) (Step, error) {
	at := p.i
	switch {
	case p.s[p.i] == '[':
		return p.bracket()
	case p.s[p.i] == '.':
		p.i++
		if p.i == len(p.s) {
			return Step{}, p.fail(at, "the path ends with a dot")
		}
		if p.s[p.i] == '.' {
			return Step{}, p.fail(p.i, "`..` is not supported: write the whole path down to the value")
		}
		if p.s[p.i] == '[' {
			return Step{}, p.fail(at, "a dot stands before `[`: write `a[0]`, not `a.[0]`")
		}
	case !bare:
		return Step{}, p.fail(at, "a dot or `[` is missing before `%s`", p.s[p.i:])
	}
	if p.s[p.i] == '*' {
		p.i++
		if p.i < len(p.s) && p.s[p.i] != '.' && p.s[p.i] != '[' {
			return Step{}, p.fail(p.i, "nothing may stand between `*` and the next dot")
		}
		return Step{Kind: StepAll}, nil
	}
	name, err := p.name()
	return Step{Field: name}, err
}

// name reads a field name that is not quoted.
func (p *pathParser) name() (string, error) {
	start := p.i
	for p.i < len(p.s) {
		c, size := utf8.DecodeRuneInString(p.s[p.i:])
		if c == '.' || c == '[' {
			break
		}
		if !plainRune(c) || c == utf8.RuneError && size == 1 {
			return "", p.fail(p.i, "a field name that holds %q is written in brackets and quotes: ['…']", c)
		}
		p.i += size
	}
	if p.i == start {
		return "", p.fail(p.i, "a field name is missing")
	}
	return p.s[start:p.i], nil
}

// plainRune reports whether a field name may hold c without quotes.
func plainRune(c rune) bool {
	switch c {
	case '.', '[', ']', '\'', '"', '*', '{', '}', '(', ')', ',', '\\', '?', '|', '`':
		return false
	}
	return !unicode.IsSpace(c) && unicode.IsPrint(c)
}

// bracket reads [0], [-1], [*], ['name'] or ["name"].
func (p *pathParser) bracket() (Step, error) {
	open := p.i
	p.i++
	if p.i == len(p.s) {
		return Step{}, p.fail(open, "`[` is not closed")
	}
	step := Step{}
	switch c := p.s[p.i]; {
	case c == '*':
		p.i++
		step.Kind = StepAll
	case c == '\'' || c == '"':
		name, err := p.quoted(c)
		if err != nil {
			return step, err
		}
		step.Field = name
	case c == '?':
		return step, p.fail(p.i, "a filter cannot stand in a path: use `records.filter` or an expression")
	case c == ']':
		return step, &PathError{open, "`[]` says nothing", "every element is `[*]`"}
	default:
		end := strings.IndexByte(p.s[p.i:], ']')
		if end < 0 {
			return step, p.fail(open, "`[` is not closed")
		}
		text := p.s[p.i : p.i+end]
		n, err := strconv.Atoi(text)
		if err != nil || text[0] == '+' {
			if strings.ContainsRune(text, ':') {
				return step, p.fail(p.i, "a slice cannot stand in a path: use `[0]`, `[-1]` or `[*]`")
			}
			return step, &PathError{p.i, fmt.Sprintf("`%s` is not an index", text), "a field name in brackets is quoted: ['" + text + "']"}
		}
		p.i += end
		step.Kind, step.Index = StepIndex, n
	}
	if p.i == len(p.s) || p.s[p.i] != ']' {
		return step, p.fail(open, "`[` is not closed")
	}
	p.i++
	return step, nil
}

// quoted reads a name between quotes; a backslash takes the next character as it is.
func (p *pathParser) quoted(quote byte) (string, error) {
	open := p.i
	var name strings.Builder
	for p.i++; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == quote:
			p.i++
			return name.String(), nil
		case c == '\\' && p.i+1 < len(p.s):
			p.i++
			name.WriteByte(p.s[p.i])
		default:
			name.WriteByte(c)
		}
	}
	return "", p.fail(open, "the quote %c is not closed", quote)
}

// String writes the path as ParsePath reads it.
func (p Path) String() string {
	if len(p) == 0 {
		return "$"
	}
	var b strings.Builder
	p.write(&b, true)
	return b.String()
}

// write appends the steps; with first the first name stands without a dot.
func (p Path) write(b *strings.Builder, first bool) {
	for i, s := range p {
		switch s.Kind {
		case StepAll:
			b.WriteString("[*]")
		case StepIndex:
			fmt.Fprintf(b, "[%d]", s.Index)
		default:
			switch {
			case !plainName(s.Field):
				b.WriteString("['" + quoteEscapes.Replace(s.Field) + "']")
			case i == 0 && first:
				b.WriteString(s.Field)
			default:
				b.WriteString("." + s.Field)
			}
		}
	}
}

var quoteEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// plainName reports whether a field name stands without quotes.
func plainName(s string) bool {
	if s == "" || s == "$" || !utf8.ValidString(s) {
		return false
	}
	for _, c := range s {
		if !plainRune(c) {
			return false
		}
	}
	return true
}
