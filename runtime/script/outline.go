package script

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja/token"
)

// Outline tells the parts of a hook file apart: its top-level declarations, and which of them use
// which others.
type Outline struct {
	whole  *declared // the file, where its parts cannot be told apart; nil where they can
	byName map[string]*declared
	always []string // names of declarations whose values are made by calls: they could do anything
}

// declared is a top-level declaration.
type declared struct {
	hash   uint64 // of its syntax tree: neither comments nor white space count
	uses   []string
	config settings
}

// NewOutline reads a hook's text. A text with statements at top level, and one that is no JavaScript, is
// one part.
func NewOutline(text string) (o *Outline) {
	opaque := &Outline{whole: &declared{hash: xxhash.Sum64String(text), config: settings{any: strings.Contains(text, "config")}}}
	defer func() {
		if recover() != nil { // the engine's parser, on some texts that are no JavaScript
			o = opaque
		}
	}()
	prg, err := parser.ParseFile(nil, "", text, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return opaque
	}
	o = &Outline{byName: map[string]*declared{}}
	for _, s := range prg.Body {
		if !o.statement(s) {
			return opaque
		}
	}
	return o
}

// statement takes in a top-level statement; false when it is no declaration.
func (o *Outline) statement(s ast.Statement) bool {
	switch s := s.(type) {
	case *ast.FunctionDeclaration:
		o.byName[s.Function.Name.Name.String()] = declare(s)
	case *ast.ClassDeclaration:
		o.byName[s.Class.Name.Name.String()] = declare(s)
		if !inert(s.Class) {
			o.always = append(o.always, s.Class.Name.Name.String())
		}
	case *ast.LexicalDeclaration:
		o.bindings(s.List)
	case *ast.VariableStatement:
		o.bindings(s.List)
	case *ast.EmptyStatement:
	case *ast.ExpressionStatement:
		_, directive := s.Expression.(*ast.StringLiteral)
		return directive
	default:
		return false
	}
	return true
}

func (o *Outline) bindings(list []*ast.Binding) {
	for _, b := range list {
		d := declare(b)
		p := &plain{own: map[string]bool{}}
		p.pattern(reflect.ValueOf(b.Target))
		for name := range p.own {
			if before := o.byName[name]; before != nil { // `var` twice
				d.hash, d.uses = d.hash*31+before.hash, append(d.uses, before.uses...)
			}
			o.byName[name] = d
			if !inert(b.Initializer) {
				o.always = append(o.always, name)
			}
		}
	}
}

// inert reports whether making the value calls nothing and writes nowhere.
func inert(value any) bool {
	calls := false
	each(reflect.ValueOf(value), func(n any) bool {
		switch n := n.(type) {
		case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
			return false
		case *ast.NewExpression:
			id, ok := n.Callee.(*ast.Identifier)
			calls = calls || !ok || !slices.Contains([]string{"Set", "Map", "RegExp", "Array"}, id.Name.String())
		case *ast.UnaryExpression:
			calls = calls || n.Operator == token.DELETE || n.Operator == token.INCREMENT || n.Operator == token.DECREMENT
		case *ast.CallExpression, *ast.AssignExpression:
			calls = true
		case *ast.TemplateLiteral:
			calls = calls || n.Tag != nil
		}
		return true
	}, nil)
	return !calls
}

// Part is what a function of the file is, with every declaration that it refers to, directly or not.
type Part struct {
	Hash   string
	Config []string // names that it reads of `config`, sorted
	Any    bool     // it may read any of them
}

// Of is the part of a function.
func (o *Outline) Of(function string) Part {
	if o.whole != nil {
		return Part{Hash: fmt.Sprintf("%016x", o.whole.hash), Any: o.whole.config.any}
	}
	seen, left := map[string]bool{}, append([]string{function}, o.always...)
	for len(left) > 0 {
		name := left[0]
		left = left[1:]
		if d := o.byName[name]; d != nil && !seen[name] {
			seen[name] = true
			left = append(left, d.uses...)
		}
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	h := xxhash.New()
	var p Part
	for _, name := range names {
		d := o.byName[name]
		fmt.Fprintf(h, "%s %x\n", name, d.hash)
		p.Config, p.Any = append(p.Config, d.config.names...), p.Any || d.config.any
	}
	slices.Sort(p.Config)
	p.Hash, p.Config = fmt.Sprintf("%016x", h.Sum64()), slices.Compact(p.Config)
	return p
}

// declare looks at a declaration.
func declare(n any) *declared {
	h := xxhash.New()
	v := reflect.ValueOf(n)
	each(v, nil, func(s string) { h.WriteString(s + "\x00") })
	d := &declared{hash: h.Sum64()}
	p := &plain{own: map[string]bool{}, d: d}
	p.visit(v)
	d.config.read(v)
	return d
}

var indexType = reflect.TypeFor[file.Idx]()

// each walks a syntax tree: enter is called with each node, and false leaves out what is below it; write
// is called with all that makes the tree what it is, places left out. Either may be nil.
func each(v reflect.Value, enter func(n any) bool, write func(string)) {
	if write == nil {
		write = func(string) {}
	}
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			each(v.Elem(), enter, write)
			return
		}
		write("nil")
	case reflect.Pointer:
		switch {
		case v.IsNil():
			write("nil")
		case v.Type() == reflect.TypeFor[*big.Int]():
			write(v.Interface().(*big.Int).String())
		case enter == nil || enter(v.Interface()):
			each(v.Elem(), enter, write)
		}
	case reflect.Slice:
		write(fmt.Sprint(v.Len()))
		for i := range v.Len() {
			each(v.Index(i), enter, write)
		}
	case reflect.Struct:
		t := v.Type()
		write(t.Name())
		for i := range v.NumField() {
			f := t.Field(i)
			if f.Type == indexType || f.Name == "DeclarationList" || f.Name == "File" || f.Name == "Source" && f.Type.Kind() == reflect.String {
				continue
			}
			each(v.Field(i), enter, write)
		}
	default:
		if v.IsValid() {
			write(fmt.Sprint(v.Interface()))
		}
	}
}
