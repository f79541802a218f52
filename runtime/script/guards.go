package script

import (
	"slices"
	"strings"

	"github.com/dop251/goja"
)

// guard bounds a built-in function that native code would run for as long or as large as it is told.
// It is installed only where a script mentions the function, or as soon as it computes such a
// function's name, since every touch of a built-in costs.
type guard struct {
	name    string
	global  string   // name that the function is reached through, "" when a value is enough
	props   []string // property names that call for it
	install func(*machine)
}

// needed says whether a text calls for the guard.
func (g *guard) needed(f *facts, open bool) bool {
	if g.global != "" && !f.uses(g.global) {
		return false
	}
	return open || slices.ContainsFunc(g.props, func(p string) bool { return f.props[p] })
}

// maxText is how long a text that a built-in makes may be, in UTF-16 units.
const maxText = 1 << 24

var guards = []guard{
	{"strings", "", []string{"repeat", "padStart", "padEnd", "normalize", "replace", "replaceAll", "concat"}, guardStrings},
	{"arrays", "", []string{"join", "flat"}, guardArrays},
	{"apply", "", []string{"apply"}, guardApply},
	{"parse", "JSON", []string{"parse"}, guardParse},
	{"stringify", "JSON", []string{"stringify"}, guardStringify},
	{"bits", "BigInt", []string{"asUintN", "asIntN"}, guardBits},
	{"code", "", nil, guardCode},
}

// computed are mentions that reach functions without their name.
var computed = []string{"Reflect", "getOwnPropertyDescriptor", "getOwnPropertyDescriptors"}

// wrap puts check in front of a method of obj.
func (m *machine) wrap(obj *goja.Object, name string, check func(call goja.FunctionCall)) {
	native, ok := goja.AssertFunction(obj.Get(name))
	if !ok {
		return
	}
	_ = obj.Set(name, func(call goja.FunctionCall) goja.Value {
		check(call)
		return m.must(native(call.This, call.Arguments...))
	})
}

func (m *machine) tooLong() {
	m.rangeError("a text of more than 16,777,216 characters is not allowed in a script")
}

func guardStrings(m *machine) {
	proto := m.vm.ToValue("").ToObject(m.vm).Prototype()
	m.wrap(proto, "repeat", func(call goja.FunctionCall) {
		if n := call.Argument(0).ToFloat(); n*float64(textLength(call.This)) > maxText {
			m.tooLong()
		}
	})
	pad := func(call goja.FunctionCall) {
		if call.Argument(0).ToFloat() > maxText {
			m.tooLong()
		}
	}
	m.wrap(proto, "padStart", pad)
	m.wrap(proto, "padEnd", pad)
	m.wrap(proto, "normalize", func(call goja.FunctionCall) {
		const most = 1 << 18
		if textLength(call.This) > most {
			m.rangeError("a text of more than 262,144 characters cannot be normalized in a script")
		}
	})
	m.wrap(proto, "concat", func(call goja.FunctionCall) {
		total := textLength(call.This)
		for _, a := range call.Arguments {
			total += textLength(a)
		}
		if total > maxText {
			m.tooLong()
		}
	})
	m.wrap(proto, "replace", m.replaceGrowth)
	m.wrap(proto, "replaceAll", m.replaceGrowth)
}

// replaceGrowth refuses a replacement by text whose result could not be held. Where the bound by
// length is not enough to tell, the matches are counted.
func (m *machine) replaceGrowth(call goja.FunctionCall) {
	by, ok := call.Argument(1).(goja.String)
	if !ok {
		return // a function is called for each match, and calls are interrupted
	}
	text := call.This.String()
	each := float64(by.Length() + strings.Count(by.String(), "$")*len(text))
	if each*float64(len(text)+1) <= maxText {
		return
	}
	count := 1
	if s, ok := call.Argument(0).(goja.String); ok {
		count = strings.Count(text, s.String())
	} else if re, ok := call.Argument(0).(*goja.Object); ok {
		match, _ := goja.AssertFunction(m.vm.ToValue("").ToObject(m.vm).Get("match"))
		if match == nil {
			return
		}
		if all, ok := m.must(match(call.This, re)).(*goja.Object); ok {
			count = int(all.Get("length").ToInteger())
		}
	}
	if each*float64(count) > maxText {
		m.tooLong()
	}
}

func guardArrays(m *machine) {
	proto := m.vm.NewArray().Prototype()
	m.wrap(proto, "join", func(call goja.FunctionCall) {
		obj, ok := call.This.(*goja.Object)
		if !ok {
			return
		}
		n := lengthOf(obj)
		sep := 1
		if s := call.Argument(0); !goja.IsUndefined(s) {
			sep = textLength(s)
		}
		total := float64(n) * float64(sep)
		for i := int64(0); i < n && total <= maxText; i++ {
			if s, ok := obj.Get(m.vm.ToValue(i).String()).(goja.String); ok {
				total += float64(s.Length())
			}
			if i&1023 == 0 {
				m.watch.check(0)
			}
		}
		if total > maxText {
			m.tooLong()
		}
	})
	m.wrap(proto, "flat", func(call goja.FunctionCall) {
		const most = 100
		if call.Argument(0).ToFloat() > most {
			m.rangeError("flat() deeper than 100 levels is not allowed in a script")
		}
	})
}

// functions is Function.prototype.
func (m *machine) functions() *goja.Object {
	return m.vm.ToValue(func(goja.FunctionCall) goja.Value { return nil }).ToObject(m.vm).Prototype()
}

// guardCode closes the way from a function to the one that makes code from text. Scripts that compute
// no property names cannot write `constructor` without being seen.
func guardCode(m *machine) { _ = m.functions().Delete("constructor") }

func guardApply(m *machine) {
	m.wrap(m.functions(), "apply", func(call goja.FunctionCall) {
		const most = 1 << 16
		if args, ok := call.Argument(1).(*goja.Object); ok && lengthOf(args) > most {
			m.rangeError("more than 65,536 arguments are not allowed in a script")
		}
	})
}

// guardParse bounds the nesting of what JSON.parse reads: it recurses natively.
func guardParse(m *machine) {
	obj, ok := m.vm.Get("JSON").(*goja.Object)
	if !ok {
		return
	}
	m.wrap(obj, "parse", func(call goja.FunctionCall) {
		const most = 5000
		depth := 0
		for _, c := range []byte(call.Argument(0).String()) {
			switch c {
			case '[', '{':
				if depth++; depth > most {
					m.rangeError("JSON of more than 5,000 levels is not allowed in a script")
				}
			case ']', '}':
				depth--
			}
		}
	})
}

func guardStringify(m *machine) {
	if obj, ok := m.vm.Get("JSON").(*goja.Object); ok {
		_ = obj.Set("stringify", m.native((*machine).stringify))
	}
}

func guardBits(m *machine) {
	obj, ok := m.vm.Get("BigInt").(*goja.Object)
	if !ok {
		return
	}
	check := func(call goja.FunctionCall) {
		if call.Argument(0).ToFloat() > maxBits {
			m.rangeError("a BigInt of more than 1,048,576 bits is not allowed in a script")
		}
	}
	m.wrap(obj, "asUintN", check)
	m.wrap(obj, "asIntN", check)
}

// lengthOf is the length property of an array or of what looks like one.
func lengthOf(obj *goja.Object) int64 {
	if v := obj.Get("length"); v != nil {
		return v.ToInteger()
	}
	return 0
}

// textLength is the length of v as a text, in UTF-16 units.
func textLength(v goja.Value) int {
	if s, ok := v.(goja.String); ok {
		return s.Length()
	}
	return len(v.String())
}
