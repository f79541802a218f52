package script

import (
	"math/big"
	"reflect"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// The operators and literals below make values of any size in one step of native code, which no
// interrupt stops, or reach a function without its name. rewrite puts a check in front of them; no
// author can write these names.
const (
	checkPower  = "check power"  // base ** exponent
	checkShift  = "check shift"  // a << b
	checkLength = "check length" // Array(n), a.length = n, {length: n}
	checkDigits = "check digits" // BigInt(text)
	checkKey    = "check key"    // value[key]
)

type rewriter struct {
	facts   *facts
	seen    map[any]bool
	bigints bool // BigInts are made here, so a shift may be one of theirs
	used    map[string]bool
}

var expressionType = reflect.TypeOf((*ast.Expression)(nil)).Elem()

// rewrite changes the tree in place and returns the checks that it now calls.
func rewrite(prg *ast.Program, f *facts) map[string]bool {
	r := &rewriter{facts: f, seen: map[any]bool{}, used: map[string]bool{}, bigints: f.bigints || f.uses("BigInt")}
	r.visit(reflect.ValueOf(prg.Body))
	return r.used
}

func (r *rewriter) visit(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		r.visit(v.Elem())
		if v.CanSet() && v.Type() == expressionType {
			if n := r.replace(v.Interface().(ast.Expression)); n != nil {
				v.Set(reflect.ValueOf(n))
			}
		}
	case reflect.Pointer:
		if v.IsNil() || r.seen[v.Interface()] {
			return
		}
		r.seen[v.Interface()] = true
		r.visit(v.Elem())
	case reflect.Slice:
		for i := range v.Len() {
			r.visit(v.Index(i))
		}
	case reflect.Struct:
		t := v.Type()
		for i := range v.NumField() {
			if name := t.Field(i).Name; name != "DeclarationList" && name != "File" {
				r.visit(v.Field(i))
			}
		}
	}
}

// replace returns what stands for n, nil when it stays. Arguments of n are wrapped in place.
func (r *rewriter) replace(n ast.Expression) ast.Expression {
	switch n := n.(type) {
	case *ast.BinaryExpression:
		switch {
		case n.Operator == token.EXPONENT && !(number(n.Left) && number(n.Right)):
			return r.call(checkPower, n.Left, n.Right)
		case n.Operator == token.SHIFT_LEFT && r.bigints && !number(n.Right):
			return r.call(checkShift, n.Left, n.Right)
		}
	case *ast.BracketExpression:
		if _, name := n.Member.(*ast.StringLiteral); !name && !r.facts.indexes.written[n] && !r.facts.indexes.numeric(n.Member) {
			n.Member = r.call(checkKey, n.Member)
		}
	case *ast.AssignExpression:
		r.assign(n)
	case *ast.CallExpression:
		r.construct(n.Callee, n.ArgumentList)
	case *ast.NewExpression:
		r.construct(n.Callee, n.ArgumentList)
	case *ast.ObjectLiteral:
		for _, p := range n.Value {
			if p, ok := p.(*ast.PropertyKeyed); ok && p.Kind == ast.PropertyKindValue {
				if k, ok := p.Key.(*ast.StringLiteral); ok && k.Value == "length" {
					p.Value = r.call(checkLength, p.Value)
				}
			}
		}
	}
	return nil
}

func (r *rewriter) assign(n *ast.AssignExpression) {
	if _, ok := n.Left.(*ast.Identifier); ok {
		check := ""
		switch {
		case n.Operator == token.EXPONENT:
			check = checkPower
		case n.Operator == token.SHIFT_LEFT && r.bigints:
			check = checkShift
		}
		if check != "" {
			n.Operator, n.Right = token.ASSIGN, r.call(check, n.Left, n.Right)
		}
		return
	}
	if d, ok := n.Left.(*ast.DotExpression); ok && d.Identifier.Name == "length" && n.Operator == token.ASSIGN {
		n.Right = r.call(checkLength, n.Right)
	}
}

func (r *rewriter) construct(callee ast.Expression, args []ast.Expression) {
	id, ok := callee.(*ast.Identifier)
	if !ok || len(args) != 1 {
		return
	}
	if _, spread := args[0].(*ast.SpreadElement); spread {
		return
	}
	switch id.Name {
	case "Array":
		args[0] = r.call(checkLength, args[0])
	case "BigInt":
		args[0] = r.call(checkDigits, args[0])
	}
}

func (r *rewriter) call(name string, args ...ast.Expression) ast.Expression {
	r.used[name] = true
	at := args[0].Idx0()
	return &ast.CallExpression{
		Callee:           &ast.Identifier{Name: unistring.String(name), Idx: at},
		LeftParenthesis:  at,
		ArgumentList:     args,
		RightParenthesis: at,
	}
}

// number says whether n is the literal of a Number.
func number(n ast.Expression) bool {
	lit, ok := n.(*ast.NumberLiteral)
	if !ok {
		return false
	}
	_, big := lit.Value.(*big.Int)
	return !big
}
