package script

import (
	"strings"

	"github.com/dop251/goja"
)

// stringify is JSON.stringify with one difference: a BigInt is written as its digits instead of
// being refused, so that numbers beyond 2^53 survive.
func (m *machine) stringify(call goja.FunctionCall) goja.Value {
	e := &encoder{m: m, lenient: true, indent: indentOf(call.Argument(2))}
	if r, ok := call.Argument(1).(*goja.Object); ok {
		if fn, ok := goja.AssertFunction(r); ok {
			e.replacer = fn
		} else if r.ClassName() == "Array" {
			e.only = []string{}
			for i := range int(r.Get("length").ToInteger()) {
				e.only = append(e.only, r.Get(m.vm.ToValue(i).String()).String())
			}
		}
	}
	if !e.value(call.Argument(0), nil, "") {
		return goja.Undefined()
	}
	return m.vm.ToValue(string(e.out))
}

func indentOf(v goja.Value) string {
	const most = 10
	if goja.IsNumber(v) {
		return strings.Repeat(" ", int(max(0, min(v.ToInteger(), most))))
	}
	if goja.IsString(v) {
		s := v.String()
		return s[:min(len(s), most)]
	}
	return ""
}

// quiet writes v as JSON for a message or a helper: what JSON leaves out is null.
func (m *machine) quiet(v goja.Value) []byte {
	e := &encoder{m: m, lenient: true}
	if !e.value(v, nil, "") {
		return []byte("null")
	}
	return e.out
}
