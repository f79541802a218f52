package script

import (
	"math"
	"math/big"
	"slices"
	"sync"

	"github.com/dop251/goja"
)

// builtin is a function that scripts may call by name.
type builtin struct {
	name string
	call func(*machine, goja.FunctionCall) goja.Value
}

// checks are the functions that rewrite puts calls of, by name.
var checks = []builtin{
	{checkPower, (*machine).power},
	{checkShift, (*machine).shift},
	{checkLength, (*machine).length},
	{checkDigits, (*machine).digitsOf},
	{checkKey, (*machine).keyOf},
}

// maxBits is the size that a power or shift of BigInts may have.
const maxBits = 1 << 20

func (m *machine) power(call goja.FunctionCall) goja.Value {
	a, b := primitive(call.Argument(0)), primitive(call.Argument(1))
	x, xBig := a.Export().(*big.Int)
	y, yBig := b.Export().(*big.Int)
	if xBig != yBig {
		panic(m.vm.NewTypeError("Cannot mix BigInt and other types, use explicit conversions"))
	}
	if !xBig {
		base, exp := a.ToFloat(), b.ToFloat()
		if math.IsNaN(exp) || math.Abs(base) == 1 && math.IsInf(exp, 0) {
			return goja.NaN()
		}
		return m.vm.ToValue(math.Pow(base, exp))
	}
	if y.Sign() < 0 {
		m.rangeError("exponent must be non-negative")
	}
	if bits := x.BitLen(); bits > 1 && (!y.IsInt64() || y.Int64() > int64(maxBits/(bits-1))) {
		m.rangeError("a power of this size is not allowed in a script")
	}
	return m.vm.ToValue(new(big.Int).Exp(x, y, nil))
}

func (m *machine) shift(call goja.FunctionCall) goja.Value {
	a, b := primitive(call.Argument(0)), primitive(call.Argument(1))
	x, xBig := a.Export().(*big.Int)
	y, yBig := b.Export().(*big.Int)
	if xBig != yBig {
		panic(m.vm.NewTypeError("Cannot mix BigInt and other types, use explicit conversions"))
	}
	if !xBig {
		return m.vm.ToValue(int32(uint32(toInt32(a)) << (uint32(toInt32(b)) & 31)))
	}
	if !y.IsInt64() || y.Int64() > maxBits {
		m.rangeError("a shift by this many bits is not allowed in a script")
	}
	if n := y.Int64(); n < 0 {
		return m.vm.ToValue(new(big.Int).Rsh(x, uint(min(-n, maxBits*64))))
	}
	return m.vm.ToValue(new(big.Int).Lsh(x, uint(y.Int64())))
}

// length passes its argument on unless it is a number that no script's array may have as length.
func (m *machine) length(call goja.FunctionCall) goja.Value {
	v := call.Argument(0)
	if goja.IsNumber(v) && v.ToFloat() > longest {
		m.rangeError("an array of more than 16,777,216 elements is not allowed in a script")
	}
	return v
}

// digitsOf passes its argument on unless it is a text too long to be read as a BigInt.
func (m *machine) digitsOf(call goja.FunctionCall) goja.Value {
	const most = 100_000
	v := call.Argument(0)
	if s, ok := v.(goja.String); ok && s.Length() > most {
		m.rangeError("a BigInt of more than 100,000 digits is not allowed in a script")
	}
	return v
}

// primitive is ToNumeric: a number or BigInt of v.
func primitive(v goja.Value) goja.Value {
	if goja.IsBigInt(v) {
		return v
	}
	return v.ToNumber()
}

func toInt32(v goja.Value) int32 {
	f := v.ToFloat()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0
	}
	return int32(uint32(int64(math.Mod(math.Trunc(f), 1<<32))))
}

// rangeError throws a RangeError.
func (m *machine) rangeError(msg string) {
	if ctor, ok := goja.AssertConstructor(m.vm.Get("RangeError")); ok {
		if obj, err := ctor(nil, m.vm.ToValue(msg)); err == nil {
			panic(obj)
		}
	}
	panic(m.vm.NewTypeError(msg))
}

// keyOf passes a computed key on. When it is the name of a built-in function, everything is guarded
// from here on and the runtime serves this call alone.
func (m *machine) keyOf(call goja.FunctionCall) goja.Value {
	v := call.Argument(0)
	if goja.IsNumber(v) {
		return v
	}
	if _, symbol := v.(*goja.Symbol); symbol {
		m.open()
		return v
	}
	key := v.String()
	if methods()[key] {
		m.open()
	}
	return m.vm.ToValue(key)
}

// open guards everything that a function without a name may reach.
func (m *machine) open() {
	if m.opened {
		return
	}
	m.opened = true
	for _, g := range guards {
		if !slices.ContainsFunc(m.unit.guards, func(x guard) bool { return x.name == g.name }) {
			g.install(m)
		}
	}
	if m.unit.generators {
		m.must(m.vm.RunProgram(sealed()))
	}
}

// methods are the names of the built-in functions that values inherit.
var methods = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{"__proto__": true, "prototype": true}
	vm := goja.New()
	for _, value := range []string{`({})`, `[]`, `""`, `0`, `true`, `1n`, `/x/`, `() => 1`, `new Date()`, `new Map()`, `new Set()`, `Symbol()`, `new Error()`, `[].values()`, `(function* () {})()`, `(function* () {})`} {
		v, err := vm.RunString(value)
		if err != nil {
			continue
		}
		for obj := v.ToObject(vm).Prototype(); obj != nil; obj = obj.Prototype() {
			for _, name := range obj.GetOwnPropertyNames() {
				_ = vm.Try(func() { // a getter may want another receiver: it is no method
					if _, ok := goja.AssertFunction(obj.Get(name)); ok {
						names[name] = true
					}
				})
			}
		}
	}
	return names
})
