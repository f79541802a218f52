package script

import (
	"fmt"
	"slices"
	"strings"
)

// standard are the names that the language itself gives and that scripts may use.
var standard = []string{
	"Object", "Array", "String", "Number", "Boolean", "Symbol", "BigInt", "Math", "JSON", "Date", "RegExp", "Map", "Set",
	"WeakMap", "WeakSet", "Error", "TypeError", "RangeError", "SyntaxError", "ReferenceError", "EvalError", "URIError",
	"AggregateError", "Iterator", "Reflect", "parseInt", "parseFloat", "isNaN", "isFinite", "encodeURIComponent",
	"decodeURIComponent", "encodeURI", "decodeURI", "escape", "unescape", "undefined", "NaN", "Infinity", "console",
}

// refused are names that authors know from elsewhere, each with what to do instead.
var refused = map[string]string{
	"require":              "`require` is not available: a hook is one file without imports",
	"module":               "`module` is not available: hook functions are found by their name at top level",
	"exports":              "`exports` is not available: hook functions are found by their name at top level",
	"fetch":                "`fetch` is not available: a hook is pure; requests are declared in the YAML (`details`, `session`, `partitions`)",
	"XMLHttpRequest":       "`XMLHttpRequest` is not available: a hook is pure; requests are declared in the YAML",
	"process":              "`process` is not available: settings come in as `config`",
	"setTimeout":           "`setTimeout` is not available: a hook cannot wait; return {wait: \"30s\"} from next()",
	"setInterval":          "`setInterval` is not available: a hook cannot wait; return {wait: \"30s\"} from next()",
	"setImmediate":         "`setImmediate` is not available: a hook cannot wait; return {wait: \"30s\"} from next()",
	"queueMicrotask":       "`queueMicrotask` is not available: hooks are synchronous",
	"Promise":              "`Promise` is not available: hooks are synchronous",
	"Proxy":                "`Proxy` is not available",
	"eval":                 "`eval` is not available",
	"Function":             "`Function` is not available: code is not made from text",
	"globalThis":           "`globalThis` is not available: nothing is shared between calls; return {memo: …} from next()",
	"global":               "`global` is not available: nothing is shared between calls; return {memo: …} from next()",
	"self":                 "`self` is not available: there is no page or worker around a hook",
	"document":             "`document` is not available: there is no browser around a hook",
	"Buffer":               "`Buffer` is not available: use base64(x), base64url(x), sha256(x)",
	"atob":                 "`atob` is not available: values arrive decoded",
	"btoa":                 "`btoa` is not available: use base64(x)",
	"URL":                  "`URL` is not available: use param(url, name), encodeURIComponent, or text functions",
	"URLSearchParams":      "`URLSearchParams` is not available: use param(url, name)",
	"crypto":               "`crypto` is not available: use sha256(x), hmac_sha256(key, x), uuid()",
	"TextEncoder":          "`TextEncoder` is not available: texts are Unicode; base64(x) and sha256(x) take their UTF-8",
	"TextDecoder":          "`TextDecoder` is not available: values arrive decoded",
	"Intl":                 "`Intl` is not available: use time(x, layout) for dates",
	"structuredClone":      "`structuredClone` is not available: use {...value}, [...value] or JSON.parse(JSON.stringify(value))",
	"performance":          "`performance` is not available: the clock is `now`",
	"ArrayBuffer":          "`ArrayBuffer` is not available: values arrive decoded",
	"SharedArrayBuffer":    "`SharedArrayBuffer` is not available",
	"DataView":             "`DataView` is not available: values arrive decoded",
	"Atomics":              "`Atomics` is not available",
	"WeakRef":              "`WeakRef` is not available",
	"Int8Array":            "`Int8Array` is not available: values arrive decoded",
	"Uint8Array":           "`Uint8Array` is not available: values arrive decoded",
	"Uint8ClampedArray":    "`Uint8ClampedArray` is not available: values arrive decoded",
	"Int16Array":           "`Int16Array` is not available: values arrive decoded",
	"Uint16Array":          "`Uint16Array` is not available: values arrive decoded",
	"Int32Array":           "`Int32Array` is not available: values arrive decoded",
	"Uint32Array":          "`Uint32Array` is not available: values arrive decoded",
	"Float32Array":         "`Float32Array` is not available: values arrive decoded",
	"Float64Array":         "`Float64Array` is not available: values arrive decoded",
	"BigInt64Array":        "`BigInt64Array` is not available: values arrive decoded",
	"BigUint64Array":       "`BigUint64Array` is not available: values arrive decoded",
	"FinalizationRegistry": "`FinalizationRegistry` is not available",
}

// checkNames reports every name that does not exist where it is used. names are the scope's own,
// the ones that an author is told about.
func checkNames(f *facts, o *origin, names []string) Errors {
	var errs Errors
	told := map[string]bool{}
	for _, r := range f.refs {
		if f.declared[r.name] || told[r.name] || slices.Contains(names, r.name) ||
			slices.Contains(Builtins, r.name) || slices.Contains(standard, r.name) {
			continue
		}
		told[r.name] = true
		e := o.errorAt(int(r.idx)-1, "")
		if msg, ok := refused[r.name]; ok {
			e.Msg = msg
		} else {
			e.Msg = fmt.Sprintf("`%s` is not defined here; available: %s", r.name, strings.Join(slices.Concat(names, Builtins), ", "))
			if n := near(r.name, slices.Concat(names, Builtins, standard, declaredNames(f))); n != "" {
				e.Hint = "did you mean `" + n + "`?"
			}
		}
		errs = append(errs, e)
	}
	for _, idx := range f.async {
		errs = append(errs, o.errorAt(int(idx)-1, "async functions are not available: hooks are pure and synchronous"))
		break
	}
	for _, idx := range f.this {
		errs = append(errs, o.errorAt(int(idx)-1, "`this` means nothing here: functions get all they need as arguments"))
		break
	}
	return errs
}

func declaredNames(f *facts) []string {
	names := make([]string, 0, len(f.declared))
	for n := range f.declared {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// errorAt makes an error at a byte offset of the compiled text.
func (o *origin) errorAt(off int, msg string) *Error {
	at := o.offset(off)
	return &Error{File: at.file, Line: at.line, Col: at.col, Msg: msg}
}
