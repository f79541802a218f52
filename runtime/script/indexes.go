package script

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

// indexes tells keys that can only be numbers, such as the i of `for (let i = 0; …; i++) xs[i]`, from
// keys that may be any name: numbers reach nothing but elements.
type indexes struct {
	declared map[string]int                  // how often a name is declared
	counters map[string]bool                 // names that a loop counts with
	spoiled  map[string]bool                 // names that are given other values
	unsure   bool                            // any name may have been given another value
	written  map[*ast.BracketExpression]bool // places that are written to, not read
}

func newIndexes() indexes {
	return indexes{declared: map[string]int{}, counters: map[string]bool{}, spoiled: map[string]bool{}, written: map[*ast.BracketExpression]bool{}}
}

// numeric says whether n can only be a number. Of names it is known when the whole text has been
// looked at.
func (x *indexes) numeric(n ast.Expression) bool {
	switch n := n.(type) {
	case *ast.NumberLiteral:
		return true
	case *ast.Identifier:
		name := n.Name.String()
		return x.counters[name] && !x.spoiled[name] && x.declared[name] == 1 && !x.unsure
	case *ast.BinaryExpression:
		switch n.Operator {
		case token.MINUS, token.MULTIPLY, token.SLASH, token.REMAINDER:
			return true
		case token.PLUS:
			return x.numeric(n.Left) && x.numeric(n.Right)
		}
	case *ast.UnaryExpression:
		switch n.Operator {
		case token.MINUS, token.PLUS, token.INCREMENT, token.DECREMENT:
			return true
		}
	}
	return false
}

// loop takes in what a loop counts with.
func (x *indexes) loop(n *ast.ForStatement) {
	decl, ok := n.Initializer.(*ast.ForLoopInitializerLexicalDecl)
	if !ok {
		return
	}
	for _, b := range decl.LexicalDeclaration.List {
		if id, ok := b.Target.(*ast.Identifier); ok && x.numeric(b.Initializer) {
			x.counters[id.Name.String()] = true
		}
	}
}

// assign notes a place that is written to, and a name that stops being a number.
func (x *indexes) assign(n *ast.AssignExpression) {
	switch left := n.Left.(type) {
	case *ast.BracketExpression:
		switch n.Operator {
		case token.COALESCE, token.LOGICAL_OR, token.LOGICAL_AND: // give back what stands there
		default:
			x.written[left] = true
		}
	case *ast.Identifier:
		if (n.Operator == token.PLUS || n.Operator == token.MINUS) && number(n.Right) {
			return
		}
		x.spoil(left)
	}
}

func (x *indexes) spoil(n ast.Expression) {
	if id, ok := n.(*ast.Identifier); ok {
		x.spoiled[id.Name.String()] = true
	}
}
