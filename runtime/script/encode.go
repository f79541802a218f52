package script

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"

	"github.com/dop251/goja"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// encoder writes JavaScript values as JSON: numbers with all their digits, objects in the order of
// their keys, lazy values that were not changed as the bytes they came from. It runs getters and
// toJSON methods, so it may throw.
type encoder struct {
	m     *machine
	out   []byte
	open  []*goja.Object // objects that are being written, outermost first
	steps int

	// JSON.stringify:
	lenient  bool // functions and symbols are left out, NaN and Infinity are null
	replacer goja.Callable
	only     []string // keys to write, nil for all
	indent   string
}

// deepest is how far a result may be nested.
const deepest = 512

var (
	lazyObjectType = reflect.TypeOf((*lazyObject)(nil))
	lazyArrayType  = reflect.TypeOf((*lazyArray)(nil))
	headersType    = reflect.TypeOf((*headers)(nil))
	fieldsType     = reflect.TypeOf((*fields)(nil))
)

// lazyOf returns the Go value behind an object that this package made, nil for any other.
func lazyOf(obj *goja.Object) any {
	switch obj.ExportType() {
	case lazyObjectType, lazyArrayType, headersType, fieldsType:
		return obj.Export()
	}
	return nil
}

// value writes v. It is false, and nothing is written, for what JSON leaves out.
func (e *encoder) value(v goja.Value, holder *goja.Object, key string) bool {
	e.tick()
	if obj, ok := v.(*goja.Object); ok {
		v = e.toJSON(obj, key)
	}
	if e.replacer != nil {
		if holder == nil {
			holder = e.m.vm.NewObject()
			_ = holder.Set(key, v)
		}
		v = e.m.must(e.replacer(holder, e.m.vm.ToValue(key), v))
	}
	if v == nil || goja.IsUndefined(v) {
		return false
	}
	if goja.IsNull(v) {
		e.out = append(e.out, "null"...)
		return true
	}
	switch x := v.(type) {
	case *goja.Object:
		return e.object(x)
	case goja.String:
		e.out = appendString(e.out, x)
		return true
	case *goja.Symbol:
		return e.refuse("a symbol")
	}
	return e.primitive(v.Export())
}

func (e *encoder) primitive(x any) bool {
	switch x := x.(type) {
	case bool:
		e.out = strconv.AppendBool(e.out, x)
	case int64:
		e.integer(x)
	case *big.Int:
		e.out = x.Append(e.out, 10)
	case float64:
		return e.float(x)
	case string:
		e.out = rawjson.AppendString(e.out, x)
	default:
		return e.refuse(fmt.Sprintf("a %T", x))
	}
	return true
}

// integer writes a whole number. A fraction so long that a Number holds it as a whole one goes back as it
// came; 1.0 is 1.
func (e *encoder) integer(n int64) {
	at := len(e.out)
	e.out = strconv.AppendInt(e.out, n, 10)
	if text := e.m.digits[float64(n)]; text != "" && !rawjson.Equal([]byte(text), e.out[at:]) {
		e.out = append(e.out[:at], text...)
	}
}

func (e *encoder) float(f float64) bool {
	if text := e.m.digits[f]; text != "" {
		e.out = append(e.out, text...)
		return true
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		if e.lenient {
			e.out = append(e.out, "null"...)
			return true
		}
		return e.refuse(string(appendFloat(nil, f)))
	}
	e.out = appendFloat(e.out, f)
	return true
}

// toJSON is what an object wants to be written as.
func (e *encoder) toJSON(obj *goja.Object, key string) goja.Value {
	if lazyOf(obj) != nil {
		return obj
	}
	if fn, ok := goja.AssertFunction(obj.Get("toJSON")); ok {
		return e.m.must(fn(obj, e.m.vm.ToValue(key)))
	}
	return obj
}

func (e *encoder) object(obj *goja.Object) bool {
	if len(e.indent) == 0 && e.replacer == nil && e.only == nil {
		switch lazy := lazyOf(obj).(type) {
		case *lazyObject:
			return e.lazyObject(lazy, obj)
		case *lazyArray:
			if lazy.intact() {
				e.out = rawjson.Compact(e.out, lazy.doc.bytes[lazy.start:lazy.end])
				return true
			}
		}
	}
	switch obj.ClassName() {
	case "Function":
		return e.refuse("a function")
	case "Number":
		return e.value(obj.ToNumber(), nil, "")
	case "String":
		return e.value(e.m.vm.ToValue(obj.String()), nil, "")
	case "Boolean", "BigInt", "Symbol":
		return e.primitive(e.m.unwrap(obj).Export())
	case "Array":
		return e.array(obj)
	case "Error":
		if !e.lenient {
			return e.refuse("an error object", "throw it, or return its message")
		}
	}
	if _, ok := goja.AssertFunction(obj); ok {
		return e.refuse("a function")
	}
	e.enter(obj)
	e.out = append(e.out, '{')
	first := true
	keys := e.only
	if keys == nil {
		if keys = obj.Keys(); len(keys) == 0 && !e.lenient {
			e.collection(obj)
		}
	}
	for _, key := range keys {
		v := obj.Get(key)
		if v == nil {
			continue
		}
		from := len(e.out)
		e.separate(first)
		e.out = rawjson.AppendString(e.out, key)
		e.colon()
		if !e.value(v, obj, key) {
			e.out = e.out[:from]
			continue
		}
		first = false
	}
	e.leave(first, '}')
	return true
}

// collection refuses what JSON.stringify would write as {}: a Map or Set, whose elements are no
// properties.
func (e *encoder) collection(obj *goja.Object) {
	proto := obj.Prototype()
	if proto == nil {
		return
	}
	ctor, ok := proto.Get("constructor").(*goja.Object)
	if !ok {
		return
	}
	switch name := ctor.Get("name"); name.String() {
	case "Map", "Set", "WeakMap", "WeakSet", "RegExp":
		e.refuse("a "+name.String(), "make an object or array of it")
	}
}

func (e *encoder) array(obj *goja.Object) bool {
	e.enter(obj)
	e.out = append(e.out, '[')
	n := int(obj.Get("length").ToInteger())
	if n > longest {
		return e.refuse("an array of more than 16,777,216 elements")
	}
	for i := range n {
		e.separate(i == 0)
		key := strconv.Itoa(i)
		if !e.value(obj.Get(key), obj, key) {
			e.out = append(e.out, "null"...)
		}
	}
	e.leave(n == 0, ']')
	return true
}

// lazyObject writes the members that the script has not touched as they came.
func (e *encoder) lazyObject(o *lazyObject, obj *goja.Object) bool {
	if o.intact() {
		e.out = rawjson.Compact(e.out, o.doc.bytes[o.start:o.end])
		return true
	}
	e.enter(obj)
	e.out = append(e.out, '{')
	first := true
	for k := range o.members {
		m := &o.members[k]
		from := len(e.out)
		e.separate(first)
		if m.keyStart >= 0 {
			e.out = append(e.out, o.doc.bytes[m.keyStart:rawjson.Skip(o.doc.bytes, m.keyStart)]...)
		} else {
			e.out = rawjson.AppendString(e.out, m.key)
		}
		e.out = append(e.out, ':')
		switch {
		case m.val == nil:
			e.out = rawjson.Compact(e.out, o.doc.bytes[m.start:m.end])
		case !e.value(m.val, obj, m.key):
			e.out = e.out[:from]
			continue
		}
		first = false
	}
	e.leave(first, '}')
	return true
}

func (e *encoder) enter(obj *goja.Object) {
	for _, o := range e.open {
		if o == obj {
			panic(e.m.vm.NewTypeError("the value contains itself and cannot be written as JSON"))
		}
	}
	if len(e.open) >= deepest {
		panic(e.m.vm.NewTypeError("the value is nested deeper than 512 levels"))
	}
	e.open = append(e.open, obj)
}

func (e *encoder) leave(empty bool, end byte) {
	e.open = e.open[:len(e.open)-1]
	if !empty {
		e.newline()
	}
	e.out = append(e.out, end)
}

func (e *encoder) separate(first bool) {
	if !first {
		e.out = append(e.out, ',')
	}
	e.newline()
}

func (e *encoder) newline() {
	if e.indent == "" {
		return
	}
	e.out = append(e.out, '\n')
	for range e.open {
		e.out = append(e.out, e.indent...)
	}
}

func (e *encoder) colon() {
	e.out = append(e.out, ':')
	if e.indent != "" {
		e.out = append(e.out, ' ')
	}
}

// refuse leaves a value out, as JSON.stringify does, or throws: a result says what it means.
func (e *encoder) refuse(what string, advice ...string) bool {
	if !e.lenient {
		msg := what + " is no JSON value"
		for _, a := range advice {
			msg += "; " + a
		}
		panic(e.m.vm.NewTypeError("%s", msg))
	}
	return false
}

// tick stops the encoder at the call's limits, which native code does not see by itself.
func (e *encoder) tick() {
	if e.steps++; e.steps&1023 == 0 || len(e.out) > 1<<20 {
		e.m.watch.check(int64(len(e.out)))
	}
}
