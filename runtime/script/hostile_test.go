package script

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// hostile are scripts that try to take the machine down. `next` is on line 1 of each.
var hostile = []struct {
	name  string
	text  string
	child bool   // cannot be stopped in process: see docs/hooks.md
	error string // the script's own error is as good an end as a limit
}{
	{name: "while", text: `while (true) {}`},
	{name: "for", text: `for (;;) {}`},
	{name: "do with work", text: `let n = 0; do { n = (n * 31 + 7) % 1000003 } while (n >= 0)`},
	{name: "recursion", text: `function f() { return f() + 1 } return f()`},
	{name: "mutual recursion", text: `function a() { return b() } function b() { return a() } return a()`},
	{name: "recursion through sort", text: `function f() { [2, 1].sort(() => f()); return 0 } return f()`},
	{name: "recursion through map", text: `function f() { return [1].map(f) } return f()`},
	{name: "recursion through replace", text: `function f() { return "a".replace(/a/, f) } return f()`},
	{name: "recursion through toString", text: `const o = { toString() { return "" + o } }; return "" + o`},
	{name: "recursion through a getter", text: `const o = { get x() { return this.x } }; return o.x`},
	{name: "recursion through toJSON", text: `const o = { toJSON() { return JSON.stringify(o) } }; return JSON.stringify(o)`},
	{name: "recursion through forEach and call", text: `function f() { [1].forEach(() => f.call(null)) } return f()`},
	{name: "catching the limit", text: `for (;;) { try { for (;;) {} } catch (e) {} finally { for (;;) {} } }`},
	{name: "catching the recursion", text: `function f() { try { f() } catch (e) { f() } finally { f() } } return f()`},
	{name: "generator", text: `function* g() { for (;;) yield 1 } for (const x of g()) {}`},
	{name: "spread of a generator", text: `function* g() { for (;;) yield 1 } return [...g()]`},
	{name: "destructuring of a generator", text: `function* g() { for (;;) yield 1 } const [...all] = g()`},
	{name: "array growth", text: `const a = []; for (;;) a.push("item " + a.length)`},
	{name: "object growth", text: `const o = {}; for (let i = 0; ; i++) o["k" + i] = i`},
	{name: "map growth", text: `const m = new Map(); for (let i = 0; ; i++) m.set(i, {})`},
	{name: "string doubling", text: `let s = "x"; for (;;) s += s`},
	{name: "string growth by concat", text: `let s = "xxxxxxxxxx"; for (;;) s = s.concat(s)`, error: "RangeError"},
	{name: "string growth by template", text: "let s = 'x'; for (;;) s = `${s}${s}`"},
	{name: "string growth by join", text: `let s = "x"; for (;;) s = [s, s].join("")`, error: "RangeError"},
	{name: "array doubling", text: `let a = [1]; for (;;) a = [...a, ...a]`},
	{name: "array doubling by concat", text: `let a = [1]; for (;;) a = a.concat(a)`},
	{name: "array doubling by push", text: `const a = [1]; for (;;) a.push(...a)`, error: "RangeError"},
	{name: "repeat", text: `return "x".repeat(2 ** 31 - 1)`, error: "RangeError"},
	{name: "repeat by a computed name", text: `return "x"["rep" + "eat"](2 ** 31 - 1)`, error: "RangeError"},
	{name: "padEnd", text: `return "x".padEnd(2 ** 31 - 1, "abc")`, error: "RangeError"},
	{name: "padStart in a loop", text: `for (;;) "x".padStart(2 ** 24, "abc")`},
	{name: "replace growth", text: `let s = "aaaaaaaaaa"; for (;;) s = s.replace(/a/g, "aaaaaaaaaa")`, error: "RangeError"},
	{name: "replaceAll growth", text: `let s = "aaaaaaaaaa"; for (;;) s = s.replaceAll("a", "aaaaaaaaaa")`, error: "RangeError"},
	{name: "replace with the rest", text: "let s = 'ab'; for (;;) s = s.replace(/a/g, \"$'$'$`$`a\") + s", error: "RangeError"},
	{name: "join of long separators", text: `return new Array(1e6).join("x".repeat(1e6))`, error: "RangeError"},
	{name: "join of one long text", text: `const s = "x".repeat(1e6), a = []; for (let i = 0; i < 1e4; i++) a.push(s); return a.join("")`, error: "RangeError"},
	{name: "new Array", text: `return new Array(4294967295).fill(1)`, error: "RangeError"},
	{name: "Array.from length", text: `return Array.from({ length: 1e9 })`, error: "RangeError"},
	{name: "length of an array", text: `const a = []; a.length = 4294967295; return a.indexOf(1)`, error: "RangeError"},
	{name: "spread of a length", text: `const a = []; a.length = 4294967295; return [...a].length`, error: "RangeError"},
	{name: "sparse index", text: `const a = []; a[4294967294] = 1; return a.lastIndexOf(2, -2)`, child: true},
	{name: "sparse join", text: `const a = []; a[4294967290] = 1; return a.join("x").length`, child: true, error: "RangeError"},
	{name: "apply of a long array", text: `return Math.max.apply(null, new Array(1e7))`, error: "RangeError"},
	{name: "spread of a long array", text: `return Math.max(...new Array(1.6e7))`, child: true, error: "NaN"},
	{name: "BigInt power", text: `return String(10n ** 100000000n)`, error: "RangeError"},
	{name: "BigInt power assigned", text: `let x = 7n; for (;;) x **= 3n`, error: "RangeError"},
	{name: "BigInt shift", text: `return 1n << 100000000000n`, error: "RangeError"},
	{name: "BigInt squares", text: `let x = 3n; for (;;) x = x * x`, child: true},
	{name: "BigInt of digits", text: `return BigInt("9".repeat(1e7))`, error: "RangeError"},
	{name: "BigInt.asUintN", text: `return BigInt.asUintN(2 ** 40, -1n)`, error: "RangeError"},
	{name: "catastrophic regex with look-ahead", text: `return /^(?=a)(a+)+$/.test("a".repeat(40) + "!")`},
	{name: "catastrophic regex with a back reference", text: `return /^((a+)\2?)+$/.test("a".repeat(60) + "!")`},
	{name: "catastrophic regex from text", text: `return new RegExp("^(?=a)(a|aa)+$").test("a".repeat(60) + "!")`},
	{name: "catastrophic regex in match", text: `return match("a".repeat(60) + "!", /^(?=a)(a|aa)+$/)`},
	{name: "regex over a long text", text: `const s = "ab".repeat(8e6); for (;;) s.match(/(?=a)a(?!c)/g)`, child: true},
	{name: "normalize", text: `return "\u1E9B\u0323".repeat(1e7).normalize("NFKD").length`, error: "RangeError"},
	{name: "endless getter on the result", text: `return { get token() { for (;;) {} } }`},
	{name: "throwing getter on the result", text: `return { get token() { throw new Error("gotcha") } }`, error: "gotcha"},
	{name: "recursive getter on the result", text: `return { get token() { return this.token } }`},
	{name: "endless toJSON", text: `return { toJSON() { for (;;) {} } }`},
	{name: "endless result", text: `function f(n) { return { get a() { return f(n + 1) } } } return f(0)`, error: "nested deeper"},
	{name: "deep result", text: `let o = {}; for (let i = 0; i < 1e5; i++) o = { o }; return o`, error: "nested deeper"},
	{name: "cyclic result", text: `const o = {}; o.o = o; return o`, error: "contains itself"},
	{name: "many times the same", text: `let o = ["xxxxxxxxxxxxxxxxxxxxxxxx"]; for (let i = 0; i < 40; i++) o = [o, o]; return o`},
	{name: "long array as result", text: `const a = []; a.length = 16000000; return [a, a, a, a]`},
	{name: "deep toString", text: `let a = []; for (let i = 0; i < 3e5; i++) a = [a]; return String(a)`, child: true, error: ""},
	{name: "deep JSON.parse", text: `return JSON.parse("[".repeat(5e6))`, error: "RangeError"},
	{name: "deep flat", text: `const a = []; a.push(a); return a.flat(Infinity)`, error: "RangeError"},
	{name: "constructor.constructor", text: `return (() => {}).constructor.constructor("return 1")()`, error: "TypeError"},
	{name: "constructor by a computed name", text: `const c = "const" + "ructor"; return page[c][c]("for (;;) {}")()`, error: "TypeError"},
	{name: "generator constructor", text: `return Object.getPrototypeOf(function* () {}).constructor("for (;;) {}")`, error: "TypeError"},
	{name: "endless sort", text: `return [3, 1, 2].sort(() => { for (;;) {} })`},
	{name: "endless iterator", text: `return Array.from({ [Symbol.iterator]() { return { next() { return { value: 1, done: false } } } } })`},
	{name: "endless valueOf", text: `return 1 + { valueOf() { for (;;) {} } }`},
	{name: "endless log", text: `for (;;) console.log("x".repeat(1000))`},
	{name: "throw of an endless object", text: `throw { get message() { for (;;) {} } }`},
	{name: "throw of a cyclic object", text: `const o = {}; o.o = o; throw o`, error: "threw"},
	{name: "waiting for the clock", text: `const t = Date.now(); while (Date.now() < t + 10) {}`},
}

func hostileHook(text string) *HookSource {
	return &HookSource{File: "connectors/evil/hook.js", Text: "function next(page) { " + text + " }\n"}
}

func runHostile(t *testing.T, worker []string, only func(child bool) bool) {
	slots := NewSlots(0)
	for _, h := range hostile {
		if !only(h.child) {
			continue
		}
		t.Run(h.name, func(t *testing.T) {
			p, err := Compile(hostileHook(h.text), nil, Options{Worker: worker, Slots: slots, Limits: Limits{Time: 100 * time.Millisecond}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			page := &Page{Status: 200, Body: []byte(`{"a":1}`), JSON: true}
			res, err := p.Call(context.Background(), "next", nil, page.Value())
			if err == nil {
				t.Fatalf("ended well with %.100s", res.JSON)
			}
			if !strings.Contains(err.Error(), "connectors/evil/hook.js:1:") || !strings.Contains(err.Error(), "next()") {
				t.Errorf("the error does not say where: %v", err)
			}
			var limit *LimitError
			if !errors.As(err, &limit) && (h.error == "" || !strings.Contains(err.Error(), h.error)) {
				t.Errorf("neither a limit nor %q: %v", h.error, err)
			}
			// The next call is none the wiser.
			again, err := Compile(&HookSource{File: "hook.js", Text: `function next(page) { return {token: page.body.a} }`}, nil, Options{Worker: worker, Slots: slots})
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			if res, err := again.Call(context.Background(), "next", nil, page.Value()); err != nil || string(res.JSON) != `{"token":1}` {
				t.Errorf("afterwards: %s, %v", res.JSON, err)
			}
		})
	}
}

// TestHostileInProcess holds what can be stopped in process.
func TestHostileInProcess(t *testing.T) {
	runHostile(t, nil, func(child bool) bool { return !child })
}

// TestHostileInChild holds that everything ends in a child process.
func TestHostileInChild(t *testing.T) {
	runHostile(t, workerCommand, func(bool) bool { return true })
}
