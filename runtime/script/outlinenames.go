package script

import (
	"reflect"

	"github.com/dop251/goja/ast"
)

// plain finds the names that a declaration takes from outside it. A function's own names count in all of
// it, whatever block they stand in.
type plain struct {
	own map[string]bool // declared in the functions around
	d   *declared       // nil: only the names that are declared are wanted
}

// visit notes the names in a tree.
func (p *plain) visit(v reflect.Value) {
	each(v, func(n any) bool {
		switch n := n.(type) {
		case *ast.FunctionLiteral:
			p.function(n.Name, n.ParameterList, n.Body)
			return false
		case *ast.ArrowFunctionLiteral:
			p.function(nil, n.ParameterList, n.Body)
			return false
		case *ast.DotExpression:
			p.visit(reflect.ValueOf(n.Left))
			return false
		case *ast.PropertyShort:
			p.use(n.Name.Name.String())
		case *ast.Identifier:
			p.use(n.Name.String())
		}
		return true
	}, nil)
}

func (p *plain) use(name string) {
	if p.d != nil && !p.own[name] {
		p.d.uses = append(p.d.uses, name)
	}
}

// function notes the names of a function, with its own declared.
func (p *plain) function(name *ast.Identifier, params *ast.ParameterList, body any) {
	inner := &plain{own: map[string]bool{}, d: p.d}
	for n := range p.own {
		inner.own[n] = true
	}
	if name != nil {
		inner.own[name.Name.String()] = true
	}
	for _, b := range params.List {
		inner.pattern(reflect.ValueOf(b.Target))
	}
	inner.pattern(reflect.ValueOf(params.Rest))
	inner.locals(reflect.ValueOf(body))
	inner.visit(reflect.ValueOf(params))
	inner.visit(reflect.ValueOf(body))
}

// locals declares what a function's body declares, nested functions' own names left out.
func (p *plain) locals(body reflect.Value) {
	each(body, func(n any) bool {
		switch n := n.(type) {
		case *ast.FunctionDeclaration:
			p.own[n.Function.Name.Name.String()] = true
			return false
		case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
			return false
		case *ast.ClassDeclaration:
			p.own[n.Class.Name.Name.String()] = true
		case *ast.Binding:
			p.pattern(reflect.ValueOf(n.Target))
		case *ast.ForDeclaration:
			p.pattern(reflect.ValueOf(n.Target))
		case *ast.CatchStatement:
			p.pattern(reflect.ValueOf(n.Parameter))
		}
		return true
	}, nil)
}

// pattern declares the names of a binding's target.
func (p *plain) pattern(target reflect.Value) {
	if !target.IsValid() {
		return
	}
	each(target, func(n any) bool {
		switch n := n.(type) {
		case *ast.Identifier:
			p.own[n.Name.String()] = true
		case *ast.PropertyShort:
			p.own[n.Name.Name.String()] = true
			return false
		case *ast.PropertyKeyed:
			p.pattern(reflect.ValueOf(n.Value))
			return false
		case *ast.AssignExpression:
			p.pattern(reflect.ValueOf(n.Left))
			return false
		case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral, *ast.DotExpression, *ast.CallExpression:
			return false
		}
		return true
	}, nil)
}

// settings are the names that a text reads of `config`.
type settings struct {
	names []string
	any   bool // of any name: config is handed on, or read by a name that is computed
}

// read notes what a tree reads of config.
func (s *settings) read(v reflect.Value) {
	each(v, func(n any) bool {
		switch n := n.(type) {
		case *ast.DotExpression:
			if isConfig(n.Left) {
				s.names = append(s.names, n.Identifier.Name.String())
				s.below(n.Left)
				return false
			}
			s.any = s.any || isConfig(n)
		case *ast.BracketExpression:
			if lit, ok := n.Member.(*ast.StringLiteral); ok && isConfig(n.Left) {
				s.names = append(s.names, lit.Value.String())
				s.below(n.Left)
				return false
			}
			s.any = s.any || isConfig(n)
		case *ast.Binding:
			if !isConfig(n.Initializer) {
				return true
			}
			switch target := n.Target.(type) {
			case *ast.ObjectPattern: // const {org} = ctx.config
				s.pattern(target)
			case *ast.Identifier: // const config = ctx.config
				s.any = s.any || target.Name.String() != "config"
			default:
				return true
			}
			s.below(n.Initializer)
			return false
		case *ast.PropertyKeyed:
			if key, ok := n.Key.(*ast.StringLiteral); ok && key.Value.String() == "config" {
				switch value := n.Value.(type) {
				case *ast.ObjectPattern: // ({config: {org}}) => …
					s.pattern(value)
					return false
				default:
					s.any = true
				}
			}
		case *ast.ObjectPattern:
			for _, p := range n.Properties { // ({config}) => …: what is read of it is seen where it is used
				if short, ok := p.(*ast.PropertyShort); ok {
					s.read(reflect.ValueOf(short.Initializer))
				} else {
					s.read(reflect.ValueOf(p))
				}
			}
			return false
		case *ast.PropertyShort:
			s.any = s.any || n.Name.Name.String() == "config"
		case *ast.Identifier:
			s.any = s.any || n.Name.String() == "config"
		case *ast.ParameterList:
			for _, b := range n.List {
				s.target(b)
			}
			return false
		}
		return true
	}, nil)
}

// target reads a parameter: that it is called config says nothing.
func (s *settings) target(b *ast.Binding) {
	if _, ok := b.Target.(*ast.Identifier); !ok {
		s.read(reflect.ValueOf(b.Target))
	}
	if b.Initializer != nil {
		s.read(reflect.ValueOf(b.Initializer))
	}
}

// below reads what config is taken from.
func (s *settings) below(e ast.Expression) {
	switch e := e.(type) {
	case *ast.DotExpression:
		s.read(reflect.ValueOf(e.Left))
	case *ast.BracketExpression:
		s.read(reflect.ValueOf(e.Left))
	case *ast.Optional:
		s.below(e.Expression)
	case *ast.OptionalChain:
		s.below(e.Expression)
	}
}

// pattern notes the names that a pattern takes out of config.
func (s *settings) pattern(n *ast.ObjectPattern) {
	s.any = s.any || n.Rest != nil
	for _, p := range n.Properties {
		switch p := p.(type) {
		case *ast.PropertyShort:
			s.names = append(s.names, p.Name.Name.String())
		case *ast.PropertyKeyed:
			key, ok := p.Key.(*ast.StringLiteral)
			if s.any = s.any || !ok; ok {
				s.names = append(s.names, key.Value.String())
			}
		default:
			s.any = true
		}
	}
}

// isConfig reports whether an expression is config: the name, or a property of that name.
func isConfig(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.Identifier:
		return e.Name.String() == "config"
	case *ast.DotExpression:
		return e.Identifier.Name.String() == "config"
	case *ast.BracketExpression:
		lit, ok := e.Member.(*ast.StringLiteral)
		return ok && lit.Value.String() == "config"
	case *ast.Optional:
		return isConfig(e.Expression)
	case *ast.OptionalChain:
		return isConfig(e.Expression)
	}
	return false
}
