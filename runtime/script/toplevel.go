package script

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/unistring"
)

// topLevel takes in the hook's functions and says whether a call can leave nothing behind in the
// runtime: nothing at top level but functions and plain constants, and no write to
// anything but local values. Otherwise each call gets a runtime of its own, also within a page.
func (u *unit) topLevel(prg *ast.Program, f *facts) bool {
	plain := true
	for _, s := range prg.Body {
		switch s := s.(type) {
		case *ast.FunctionDeclaration:
			u.tops = append(u.tops, s.Function.Name.Name.String())
			u.function(s.Function.Name)
		case *ast.LexicalDeclaration:
			for _, b := range s.List {
				plain = u.binding(b) && plain
			}
			plain = plain && s.Token.String() == "const"
		case *ast.VariableStatement:
			plain = false
			for _, b := range s.List {
				u.binding(b)
			}
		case *ast.EmptyStatement:
		case *ast.ExpressionStatement:
			if _, directive := s.Expression.(*ast.StringLiteral); !directive {
				plain = false
			}
		default:
			plain = false
		}
	}
	return plain && !f.lasting(u.tops)
}

// binding takes in `const name = …`; true when the value cannot change.
func (u *unit) binding(b *ast.Binding) bool {
	id, ok := b.Target.(*ast.Identifier)
	if !ok {
		return false
	}
	name := id.Name.String()
	switch n := b.Initializer.(type) {
	case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
		u.tops = append(u.tops, name)
		u.function(id)
		return true
	case *ast.RegExpLiteral:
		u.tops = append(u.tops, name)
		return !strings.ContainsAny(n.Flags, "gy") // others remember nothing
	case *ast.StringLiteral, *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral:
		return true
	}
	return false
}

func (u *unit) function(id *ast.Identifier) {
	if id == nil {
		return
	}
	access, err := goja.CompileAST(&ast.Program{
		Body: []ast.Statement{&ast.ExpressionStatement{Expression: &ast.Identifier{Name: unistring.NewFromString(id.Name.String()), Idx: id.Idx}}},
	}, true)
	if err != nil {
		return
	}
	u.functions[id.Name.String()] = &function{at: u.origin.offset(int(id.Idx) - 1), access: access}
}

// misspelt reports top-level functions that nothing calls and whose names are nearly those of roles.
func (u *unit) misspelt(f *facts, roles map[string]string) Errors {
	var names []string
	for _, fn := range Functions {
		names = append(names, fn.Name)
	}
	var errs Errors
	for name, fn := range u.functions {
		if slices.Contains(names, name) || f.uses(name) {
			continue
		}
		n := near(name, names)
		if _, renamed := roles[n]; n == "" || renamed || u.functions[n] != nil {
			continue
		}
		errs = append(errs, &Error{File: fn.at.file, Line: fn.at.line, Col: fn.at.col,
			Msg: fmt.Sprintf("nothing calls the function `%s`", name), Hint: "did you mean `" + n + "`?"})
	}
	return errs
}
