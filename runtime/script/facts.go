package script

import (
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
)

// facts is what a look at a syntax tree tells: names that are declared and used, properties that are
// mentioned, and what an author should be told.
type facts struct {
	declared   map[string]bool // in any scope
	refs       []ref           // uses of names, in order
	props      map[string]bool // property names that are written down
	indexes    indexes         // what is known of names that stand as keys
	dynamic    bool            // a property is read by a computed name that no check stands in front of
	roots      map[string]bool // names through which a property is written
	values     map[string]bool // names that are used as values, not just called or read through
	leaks      bool            // a write, or a built-in as a value, whose owner cannot be told
	async      []file.Idx      // async functions and awaits
	this       []file.Idx      // `this` outside classes and methods
	generators bool            // a generator stands in it
	bigints    bool            // a BigInt literal stands in it
	methods    int             // nesting of functions that have a `this` of their own
}

type ref struct {
	name string
	idx  file.Idx
}

func inspect(prg *ast.Program) *facts {
	f := &facts{declared: map[string]bool{}, props: map[string]bool{}, roots: map[string]bool{}, values: map[string]bool{}, indexes: newIndexes()}
	for _, s := range prg.Body {
		f.visit(reflect.ValueOf(s))
	}
	return f
}

// uses says whether the name is used anywhere.
func (f *facts) uses(name string) bool {
	for _, r := range f.refs {
		if r.name == name {
			return true
		}
	}
	return false
}

// visit walks any node, list of nodes or struct of them.
func (f *facts) visit(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			f.visit(v.Elem())
		}
	case reflect.Pointer:
		if !v.IsNil() && !f.node(v.Interface()) {
			f.visit(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			f.visit(v.Index(i))
		}
	case reflect.Struct:
		t := v.Type()
		for i := range v.NumField() {
			if name := t.Field(i).Name; name != "DeclarationList" && name != "File" {
				f.visit(v.Field(i))
			}
		}
	}
}

// walk visits a node that may be nil.
func (f *facts) walk(n any) { f.visit(reflect.ValueOf(n)) }

// node handles the nodes whose names mean something; false for the rest.
func (f *facts) node(n any) bool {
	switch n := n.(type) {
	case *ast.Identifier:
		f.use(n)
		f.values[n.Name.String()] = true
	case *ast.CallExpression:
		f.call(n)
	case *ast.NewExpression:
		f.base(n.Callee)
		f.walk(n.ArgumentList)
	case *ast.DotExpression:
		f.dot(n, false)
	case *ast.BracketExpression:
		if lit, ok := n.Member.(*ast.StringLiteral); ok {
			f.props[lit.Value.String()] = true
		} else {
			f.walk(n.Member) // rewrite puts a check around it
		}
		f.base(n.Left)
	case *ast.PrivateDotExpression:
		f.walk(n.Left)
	case *ast.Binding:
		f.pattern(n.Target)
		f.walk(n.Initializer)
	case *ast.ParameterList:
		for _, b := range n.List {
			f.walk(b)
		}
		f.pattern(n.Rest)
	case *ast.CatchStatement:
		f.pattern(n.Parameter)
		f.walk(n.Body)
	case *ast.ForStatement:
		f.indexes.loop(n)
		return false
	case *ast.ForIntoExpression:
		f.assigned(n.Expression)
		f.indexes.spoil(n.Expression)
		f.walk(n.Expression)
	case *ast.ForDeclaration:
		f.pattern(n.Target)
	case *ast.LabelledStatement:
		f.walk(n.Statement)
	case *ast.FunctionLiteral:
		f.generators = f.generators || n.Generator
		f.declare(n.Name)
		f.function(n.ParameterList, n.Body, n.Async, n.Function, true)
	case *ast.ArrowFunctionLiteral:
		f.function(n.ParameterList, n.Body, n.Async, n.Start, false)
	case *ast.AwaitExpression:
		f.async = append(f.async, n.Await)
		f.walk(n.Argument)
	case *ast.ClassLiteral:
		f.declare(n.Name)
		f.walk(n.SuperClass)
		f.methods++
		f.walk(n.Body)
		f.methods--
	case *ast.MethodDefinition:
		f.key(n.Key, n.Computed, false)
		f.walk(n.Body)
	case *ast.FieldDefinition:
		f.key(n.Key, n.Computed, false)
		f.walk(n.Initializer)
	case *ast.PropertyKeyed:
		f.key(n.Key, n.Computed, false)
		f.walk(n.Value)
	case *ast.PropertyShort:
		f.props[n.Name.Name.String()] = true
		f.use(&n.Name)
		f.values[n.Name.Name.String()] = true
		f.walk(n.Initializer)
	case *ast.UnaryExpression:
		f.unary(n)
	case *ast.AssignExpression:
		f.indexes.assign(n)
		f.assigned(n.Left)
		f.walk(n.Left)
		f.walk(n.Right)
	case *ast.ThisExpression:
		if f.methods == 0 {
			f.this = append(f.this, n.Idx)
		}
	case *ast.NumberLiteral:
		_, big := n.Value.(*big.Int)
		f.bigints = f.bigints || big
	case *ast.MetaProperty, *ast.BranchStatement, *ast.TemplateElement, *ast.RegExpLiteral,
		*ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral:
	default:
		return false
	}
	return true
}

func (f *facts) function(params *ast.ParameterList, body any, async bool, at file.Idx, own bool) {
	if async {
		f.async = append(f.async, at)
	}
	if own {
		f.methods++
		f.declared["arguments"] = true
	}
	f.walk(params)
	f.walk(body)
	if own {
		f.methods--
	}
}

func (f *facts) unary(n *ast.UnaryExpression) {
	if id, ok := n.Operand.(*ast.Identifier); ok && n.Operator == token.TYPEOF {
		f.props[id.Name.String()] = true
		return // typeof of a name that does not exist is "undefined"
	}
	if n.Operator == token.INCREMENT || n.Operator == token.DECREMENT || n.Operator == token.DELETE {
		f.assigned(n.Operand)
	}
	f.walk(n.Operand)
}

// assigned notes a write to a name or through it.
func (f *facts) assigned(target ast.Expression) {
	through := false
	for {
		switch t := target.(type) {
		case *ast.DotExpression:
			target, through = t.Left, true
			continue
		case *ast.BracketExpression:
			target, through = t.Left, true
			continue
		case *ast.Identifier:
			if through || !f.declared[t.Name.String()] {
				f.roots[t.Name.String()] = true
			}
			return
		case *ast.ArrayPattern, *ast.ObjectPattern:
			f.leaks, f.indexes.unsure = true, true // written to in a way that is not looked into
			return
		}
		f.leaks = true
		return
	}
}

func (f *facts) use(id *ast.Identifier) { f.refs = append(f.refs, ref{id.Name.String(), id.Idx}) }

// base visits what is called or read through.
func (f *facts) base(n ast.Expression) {
	if id, ok := n.(*ast.Identifier); ok {
		f.use(id)
		return
	}
	f.walk(n)
}

// dot visits a.b; a built-in function that is taken as a value could be written to.
func (f *facts) dot(n *ast.DotExpression, called bool) {
	name := n.Identifier.Name.String()
	f.props[name] = true
	if id, ok := n.Left.(*ast.Identifier); ok && !called && slices.Contains(standard, id.Name.String()) && name != strings.ToUpper(name) {
		f.leaks = true
	}
	f.base(n.Left)
}

// call visits a call. Functions may be handed to the methods of arrays and to built-in functions,
// which do not write to them.
func (f *facts) call(n *ast.CallExpression) {
	takes := false
	switch callee := n.Callee.(type) {
	case *ast.DotExpression:
		f.dot(callee, true)
		takes = slices.Contains(iterating, callee.Identifier.Name.String())
	case *ast.Identifier:
		f.use(callee)
		takes = slices.Contains(Builtins, callee.Name.String())
	default:
		f.base(callee)
	}
	for _, a := range n.ArgumentList {
		if takes {
			f.base(a)
		} else {
			f.walk(a)
		}
	}
}

// iterating are methods that call the function they are given.
var iterating = []string{"map", "filter", "find", "findIndex", "findLast", "some", "every", "forEach", "flatMap", "reduce", "sort", "replace", "from"}

// lasting says whether a call can leave something behind in the runtime. tops are the names of the
// text's top level.
func (f *facts) lasting(tops []string) bool {
	if f.leaks || f.escapes() || slices.ContainsFunc(Builtins, func(n string) bool { return f.declared[n] }) {
		return true
	}
	for name := range f.roots {
		if !f.declared[name] || slices.Contains(tops, name) {
			return true
		}
	}
	for name := range f.values {
		if slices.Contains(tops, name) || slices.Contains(standard, name) && name != "undefined" && name != "NaN" && name != "Infinity" {
			return true
		}
	}
	return false
}

// escapes says whether the text can reach functions without writing their names down.
func (f *facts) escapes() bool {
	if f.dynamic || f.props["constructor"] || f.props["__proto__"] || f.props["prototype"] {
		return true
	}
	return slices.ContainsFunc(computed, func(n string) bool { return f.props[n] || f.uses(n) })
}

// key notes a property's name where it is defined, or read by a pattern.
func (f *facts) key(k ast.Expression, computed, read bool) {
	switch k := k.(type) {
	case *ast.StringLiteral:
		f.props[k.Value.String()] = true
		return
	case *ast.NumberLiteral:
		return
	}
	if computed {
		f.dynamic = f.dynamic || read
		f.walk(k)
	}
}

func (f *facts) declare(id *ast.Identifier) {
	if id != nil {
		f.declared[id.Name.String()] = true
		f.indexes.declared[id.Name.String()]++
	}
}

// pattern declares the names of a binding pattern.
func (f *facts) pattern(n ast.Expression) {
	switch n := n.(type) {
	case nil:
	case *ast.Identifier:
		f.declare(n)
	case *ast.ArrayPattern:
		for _, e := range n.Elements {
			f.pattern(e)
		}
		f.pattern(n.Rest)
	case *ast.ObjectPattern:
		for _, p := range n.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				f.declare(&p.Name)
				f.props[p.Name.Name.String()] = true
				f.walk(p.Initializer)
			case *ast.PropertyKeyed:
				f.key(p.Key, p.Computed, true)
				f.pattern(p.Value)
			}
		}
		f.pattern(n.Rest)
	case *ast.AssignExpression:
		f.pattern(n.Left)
		f.walk(n.Right)
	case *ast.Binding:
		f.pattern(n.Target)
		f.walk(n.Initializer)
	default:
		f.walk(n)
	}
}
