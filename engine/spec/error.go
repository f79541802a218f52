package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one problem of a connector file.
type Error struct {
	Pos  Pos
	Msg  string // one sentence without its full stop
	Hint string // what to do about it, "" without
}

// Error is `file:line:col: msg; hint`.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Pos.String() + ": " + e.Msg
	}
	return e.Pos.String() + ": " + e.Msg + "; " + e.Hint
}

// Errors is every problem of a connector file, in file order; Error prints one a line.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// at reports whether there is an error at a place.
func (e Errors) at(p Pos) bool {
	return slices.ContainsFunc(e, func(one *Error) bool { return one.Pos == p })
}

// sorted returns the errors of a file in order, then those of its hook, each once.
func (e Errors) sorted(file string) Errors {
	hook := func(one *Error) int {
		if one.Pos.File == file {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(hook(a), hook(b)), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return slices.CompactFunc(e, func(a, b *Error) bool { return *a == *b })
}

// meant is the hint that names the nearest of the known words, "" when none is near.
func meant(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean `%s`?", near)
	}
	return ""
}

// quoted lists words as `a`, `b` or `c`.
func quoted(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString("`" + w + "`")
	}
	return b.String()
}
