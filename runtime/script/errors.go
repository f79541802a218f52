package script

import (
	"fmt"
	"strings"
	"time"
)

// Frame is one line of a JavaScript stack, in the author's own files.
type Frame struct {
	Function string // "" at the top level of a file or expression
	File     string
	Line     int
	Col      int
}

func (f Frame) String() string {
	at := fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Col)
	if f.Function == "" {
		return "at " + at
	}
	return "at " + f.Function + " (" + at + ")"
}

// Error is a problem of a connector's JavaScript at its place: found by Compile, thrown by a call,
// or a result that cannot be used. Line and Col count from 1.
type Error struct {
	File     string
	Line     int
	Col      int
	Msg      string
	Hint     string  // "did you mean `config`?", "" without
	Function string  // hook function that was called, "" for an expression and in Compile's errors
	Source   string  // the expression's text, "" for a hook
	Stack    []Frame // innermost first, nil without
}

// Error is one line: the innermost place of the author's code, what happened, and for an expression
// its text.
func (e *Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Col)
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Source != "" {
		b.WriteString(" in ${" + shorten(e.Source) + "}")
	}
	return b.String()
}

// Detail is Error and below it the JavaScript stack, a line each, innermost first.
func (e *Error) Detail() string { return e.Error() + stackText(e.Stack) }

// Errors is every problem that Compile has found, in the order of the files and lines.
type Errors []*Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, x := range e {
		lines[i] = x.Error()
	}
	return strings.Join(lines, "\n")
}

// Limit names a limit of a call.
type Limit string

const (
	LimitTime   Limit = "time"
	LimitDepth  Limit = "depth"
	LimitMemory Limit = "memory"
)

// LimitError says that a call was stopped at one of its limits. File, Line and Col are where it was
// when that could be seen, else where the function or expression begins.
type LimitError struct {
	Limit    Limit
	Allowed  string // "1s", "256 calls", "64 MB"
	Function string // "" for an expression
	File     string
	Line     int
	Col      int
	Source   string // the expression's text, "" for a hook
	Stack    []Frame
}

func (e *LimitError) Error() string {
	what := e.Function + "()"
	if e.Function == "" {
		what = "${" + shorten(e.Source) + "}"
	}
	verb := "ran longer than"
	switch e.Limit {
	case LimitDepth:
		verb = "called deeper than"
	case LimitMemory:
		verb = "used more than"
	}
	return fmt.Sprintf("%s:%d:%d: %s %s %s", e.File, e.Line, e.Col, what, verb, e.Allowed)
}

// Detail is Error and below it the JavaScript stack, a line each, innermost first.
func (e *LimitError) Detail() string { return e.Error() + stackText(e.Stack) }

// limitError fills the text of what was allowed.
func limitError(l Limit, lim Limits) *LimitError {
	e := &LimitError{Limit: l}
	switch l {
	case LimitTime:
		e.Allowed = lim.Time.Round(time.Millisecond).String()
	case LimitDepth:
		e.Allowed = fmt.Sprintf("%d calls", lim.Depth)
	case LimitMemory:
		e.Allowed = fmt.Sprintf("%d MB", lim.Memory>>20)
	}
	return e
}

func stackText(stack []Frame) string {
	var b strings.Builder
	for _, f := range stack {
		b.WriteString("\n" + FrameIndent + strings.TrimPrefix(f.String(), "at "))
	}
	return b.String()
}

// FrameIndent is what each line of the stack in a Detail begins with.
const FrameIndent = "    at "

// shorten keeps an error on one readable line.
func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 120
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}
