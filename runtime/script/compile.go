package script

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"
)

// code is everything that was compiled of one connector. It does not change and may be shared by any
// number of calls.
type code struct {
	limits  Limits
	hook    *unit
	exprs   map[int]*unit
	origins map[string]*origin // by the name that the engine knows a text by
}

// unit is one compiled text: the hook file, or one expression.
type unit struct {
	hook       bool
	origin     *origin
	program    *goja.Program
	functions  map[string]*function // of the hook's top level
	names      []string             // data names that the text mentions
	builtins   []builtin            // … and built-in functions, checks included
	console    bool
	guards     []guard
	preludes   []*goja.Program
	tops       []string // functions and regular expressions of the top level
	generators bool     // a generator stands in the text
	shared     bool     // calls cannot leave anything behind for the next
}

// function is a top-level function of the hook.
type function struct {
	at     place
	access *goja.Program // evaluates to the function
}

// begins is where the function or expression begins.
func (u *unit) begins(name string) place {
	if f := u.functions[name]; f != nil {
		return f.at
	}
	return place{file: u.origin.file, line: u.origin.line, col: u.origin.col}
}

// compileCode compiles the hook and the expressions and reports all that is wrong with them.
func compileCode(hook *HookSource, exprs []Source, opt Options) (*code, error) {
	c := &code{limits: opt.Limits.filled(), exprs: make(map[int]*unit, len(exprs)), origins: map[string]*origin{}}
	var errs Errors
	for i := range exprs {
		u, problems := c.guarded(exprs[i].File, exprs[i].Line, exprs[i].Col, func() (*unit, Errors) { return c.expression(&exprs[i]) })
		c.exprs[exprs[i].ID] = u
		errs = append(errs, problems...)
	}
	if hook != nil {
		u, problems := c.guarded(hook.File, 1, 1, func() (*unit, Errors) { return c.hookFile(hook, opt.Roles) })
		c.hook = u
		errs = append(errs, problems...)
	}
	if len(errs) > 0 {
		slices.SortStableFunc(errs, func(a, b *Error) int {
			if a.File != b.File {
				return 0
			}
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Col - b.Col
		})
		return nil, errs
	}
	return c, nil
}

// guarded turns a panic of the engine's compiler, which some texts bring about, into an error.
func (c *code) guarded(file string, line, col int, compile func() (*unit, Errors)) (u *unit, errs Errors) {
	defer func() {
		if x := recover(); x != nil {
			u, errs = nil, Errors{{File: file, Line: line, Col: col, Msg: fmt.Sprintf("the JavaScript engine cannot compile this: %v", x)}}
		}
	}()
	return compile()
}

// expression compiles one ${…}.
func (c *code) expression(s *Source) (*unit, Errors) {
	o := &origin{file: s.File, text: s.Text, line: max(s.Line, 1), col: max(s.Col, 1), indent: s.Indent}
	name := fmt.Sprintf("%s#%d", s.File, s.ID)
	if strings.TrimSpace(s.Text) == "" {
		return nil, Errors{o.errorAt(0, "the expression is empty")}
	}
	prg, errs := parseExpression(name, o)
	if errs != nil {
		return nil, errs
	}
	f := inspect(prg)
	if errs := checkNames(f, o, s.Names); errs != nil {
		return nil, errs
	}
	u := &unit{origin: o, shared: !f.lasting(nil)}
	for _, n := range s.Names {
		if f.uses(n) && !slices.Contains(u.names, n) {
			u.names = append(u.names, n)
		}
	}
	return u, c.finish(u, name, prg, f)
}

// parseExpression parses a text that must be one expression. What would read as a statement — an
// object literal, a function — is put in parentheses, which move no position but the first line's.
func parseExpression(name string, o *origin) (*ast.Program, Errors) {
	wrapped := startsStatement(o.text)
	text := o.text
	if wrapped {
		o.shift = 1
		text = "(" + o.text + "\n)"
		// Parentheses of the text's own that match these would make two expressions of one.
		if _, err := parser.ParseFile(nil, name, "["+o.text+"\n]", 0, parser.WithDisableSourceMaps); err != nil {
			return nil, Errors{o.syntax(err)}
		}
	}
	prg, err := parser.ParseFile(nil, name, text, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, Errors{o.syntax(err)}
	}
	if len(prg.Body) == 1 {
		if _, ok := prg.Body[0].(*ast.ExpressionStatement); ok {
			return prg, nil
		}
	}
	at := 0
	if len(prg.Body) > 1 {
		at = int(prg.Body[1].Idx0()) - 1
		return nil, Errors{o.errorAt(at, "${…} takes one expression; use the hook for statements")}
	}
	return nil, Errors{o.errorAt(at, "${…} takes an expression, not a statement; use `a ? b : c` or the hook")}
}

func startsStatement(text string) bool {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	if strings.HasPrefix(text, "{") {
		return true
	}
	for _, word := range []string{"function", "class"} {
		if rest, ok := strings.CutPrefix(text, word); ok {
			r, _ := utf8.DecodeRuneInString(rest)
			return rest == "" || !(r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r))
		}
	}
	return strings.HasPrefix(text, "/*") || strings.HasPrefix(text, "//")
}

// hookFile compiles the hook.
func (c *code) hookFile(h *HookSource, roles map[string]string) (*unit, Errors) {
	o := &origin{file: h.File, text: h.Text, line: 1, col: 1}
	prg, err := parser.ParseFile(nil, h.File, h.Text, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return nil, Errors{o.syntax(err)}
	}
	f := inspect(prg)
	u := &unit{hook: true, origin: o, functions: map[string]*function{}}
	u.shared = u.topLevel(prg, f)
	errs := append(checkNames(f, o, nil), u.misspelt(f, roles)...)
	if errs != nil {
		return nil, errs
	}
	return u, c.finish(u, h.File, prg, f)
}

// finish chooses what the text needs, puts the checks in and compiles it.
func (c *code) finish(u *unit, name string, prg *ast.Program, f *facts) Errors {
	for _, b := range builtins {
		if f.uses(b.name) && !f.declared[b.name] {
			u.builtins = append(u.builtins, b)
		}
	}
	u.console = f.uses("console")
	open := f.escapes()
	u.generators = f.generators
	for _, g := range guards {
		if g.needed(f, open) {
			u.guards = append(u.guards, g)
		}
	}
	if open && f.generators {
		u.preludes = append(u.preludes, sealed())
	}
	if f.uses("Date") {
		u.preludes = append(u.preludes, utcDates())
	}
	used := rewrite(prg, f)
	for _, b := range checks {
		if used[b.name] {
			u.builtins = append(u.builtins, b)
		}
	}
	var err error
	if u.program, err = goja.CompileAST(prg, true); err != nil {
		return Errors{u.origin.syntax(err)}
	}
	c.origins[name] = u.origin
	return nil
}

// syntax makes an error of what the parser or compiler found; the first where there are several, as
// the others follow from it.
func (o *origin) syntax(err error) *Error {
	var list parser.ErrorList
	var one *parser.Error
	var comp *goja.CompilerSyntaxError
	e := &Error{File: o.file, Line: o.line, Col: o.col}
	switch {
	case errors.As(err, &list) && len(list) > 0:
		one = list[0]
		fallthrough
	case one != nil || errors.As(err, &one):
		at := o.at(one.Position.Line, one.Position.Column)
		e.Line, e.Col, e.Msg = at.line, at.col, one.Message
	case errors.As(err, &comp):
		e.Msg = comp.Message
		if comp.File != nil {
			at := o.offset(comp.Offset)
			e.Line, e.Col = at.line, at.col
		}
	default:
		e.Msg = err.Error()
	}
	e.Msg = "syntax error: " + lowerFirst(strings.TrimPrefix(e.Msg, "SyntaxError: "))
	if line := o.line1(e.Line); strings.HasPrefix(line, "export") || strings.HasPrefix(line, "import") {
		e.Hint = "a hook is one plain file: functions are found by their name, without import and export"
	}
	return e
}

// line1 is the text of the author's line.
func (o *origin) line1(line int) string {
	lines := strings.Split(o.text, "\n")
	if i := line - o.line; i >= 0 && i < len(lines) {
		return strings.TrimSpace(lines[i])
	}
	return ""
}

func lowerFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}
