package script

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestCompileErrorsOfExpressions(t *testing.T) {
	scope := []string{"config", "page"}
	cases := []struct{ text, want string }{
		{`conifg.a`, "c.yaml:7:20: `conifg` is not defined here; available: config, page, param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid; did you mean `config`?"},
		{"config.a +\nbody.b", "c.yaml:8:5: `body` is not defined here; available: config, page, param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid"},
		{`1 +`, "c.yaml:7:23: syntax error: unexpected end of input"},
		{`"東京" + )`, "c.yaml:7:27: syntax error: unexpected token )"},
		{"a(\n  1 +* 2)", "c.yaml:8:10: syntax error: unexpected token *"},
		{``, "c.yaml:7:20: the expression is empty"},
		{"  \n ", "c.yaml:7:20: the expression is empty"},
		{`1; 2`, "c.yaml:7:23: ${…} takes one expression; use the hook for statements"},
		{`if (config.a) 1`, "c.yaml:7:20: ${…} takes an expression, not a statement; use `a ? b : c` or the hook"},
		{`1) + (2`, "c.yaml:7:21: syntax error: unexpected token )"},
		{`{a: 1}) + ({b: 2}`, "c.yaml:7:26: syntax error: unexpected token )"},
		{`{a: }`, "c.yaml:7:24: syntax error: unexpected token }"},
		{`{a: conifg.x}`, "c.yaml:7:24: `conifg` is not defined here; available: config, page, param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid; did you mean `config`?"},
		{`fetch("x")`, "c.yaml:7:20: `fetch` is not available: a hook is pure; requests are declared in the YAML (`details`, `session`, `partitions`)"},
		{`new URL(config.a).host`, "c.yaml:7:24: `URL` is not available: use param(url, name), encodeURIComponent, or text functions"},
		{`globalThis.x`, "c.yaml:7:20: `globalThis` is not available: nothing is shared between calls; return {memo: …} from next()"},
		{`this.x`, "c.yaml:7:20: `this` means nothing here: functions get all they need as arguments"},
		{`(async () => 1)()`, "c.yaml:7:21: async functions are not available: hooks are pure and synchronous"},
		{`config.a.map(x => x + y)`, "c.yaml:7:42: `y` is not defined here; available: config, page, param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid"},
		{`config.a.map(({b: [c, d = e], ...f}) => c + d + f)`, "c.yaml:7:46: `e` is not defined here; available: config, page, param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid"},
		{`/(/.test(page.x)`, "c.yaml:7:20: syntax error: unterminated group"},
		{`Math.max(parseInt(page.a), Number(page.b), JSON.stringify(page).length, undefined, NaN)`, ""},
		{`(function f(n, ...rest) { let [a, {b: c}] = rest; label: for (const x of a) { if (x) break label } try { c() } catch ({message: m}) { return m + arguments.length } return f })(1)`, ""},
		{`(class A { #p = 1; static s = 2; get g() { return this.#p } m() { return super.toString() + new.target } })`, ""},
		{`typeof window === "undefined" && (page?.a?.[0]?.b ?? config.c)`, ""},
		{"`x${page.a}y${`${config.b}`}`", ""},
		{`page.a.map(({id, ...rest}) => ({id, n: rest.n})).filter(Boolean)`, ""},
	}
	for _, c := range cases {
		_, err := Compile(nil, []Source{{Text: c.text, File: "c.yaml", Line: 7, Col: 20, Indent: 4, Names: scope}}, Options{})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("${%s}\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

func TestCompileErrorsOfHooks(t *testing.T) {
	cases := []struct {
		text, want string
		roles      map[string]string
	}{
		{text: "function next(page) {\n  return {token: pgae.token}\n}", want: "hook.js:2:18: `pgae` is not defined here; available: param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid; did you mean `page`?"},
		{text: "function nxt(page) { return helpful(page) }\nfunction helpful(p) { return p.token }", want: "hook.js:1:10: nothing calls the function `nxt`; did you mean `next`?"},
		{text: "function clasify(page) {}\nconst reqest = () => 1;", want: "hook.js:1:10: nothing calls the function `clasify`; did you mean `classify`?\nhook.js:2:7: nothing calls the function `reqest`; did you mean `request`?"},
		{text: "function nextAlerts(page) {}\nfunction nexts(page) {}", roles: map[string]string{"next": "nexts"}},
		{text: "function next(page) {}", roles: map[string]string{"next": "nextAlerts"}},
		{text: "function next(page) {}", roles: map[string]string{"next": ""}},
		{text: "export function next(page) {}", want: "hook.js:1:1: syntax error: unexpected reserved word; a hook is one plain file: functions are found by their name, without import and export"},
		{text: "function next(page) { const x = require('fs'); setTimeout(() => x, 1) }", want: "hook.js:1:33: `require` is not available: a hook is one file without imports\nhook.js:1:48: `setTimeout` is not available: a hook cannot wait; return {wait: \"30s\"} from next()"},
		{text: "const a = 1;\nconst a = 2;", want: "hook.js:2:7: syntax error: identifier 'a' has already been declared"},
		{text: "function next(page) { return 010 }", want: "hook.js:1:30: syntax error: octal literals are not allowed in strict mode"},
		{text: "function next(page) {\n  undeclared = 1\n}", want: "hook.js:2:3: `undeclared` is not defined here; available: param, match, time, add, sha256, hmac_sha256, base64, base64url, json, uuid"},
		{text: "", want: ""},
		{text: "// nothing but a comment\n", want: ""},
	}
	for _, c := range cases {
		_, err := Compile(&HookSource{File: "hook.js", Text: c.text}, nil, Options{Roles: c.roles})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestCompileReportsAll holds that every problem of every text is told at once.
func TestCompileReportsAll(t *testing.T) {
	_, err := Compile(&HookSource{File: "hook.js", Text: "function next(p) { return a + b }"}, []Source{
		{ID: 0, Text: "x", File: "c.yaml", Line: 3, Col: 1},
		{ID: 1, Text: "1 +", File: "c.yaml", Line: 9, Col: 1},
		{ID: 2, Text: "1", File: "c.yaml", Line: 10, Col: 1},
	}, Options{})
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != 4 {
		t.Fatalf("got %v", err)
	}
}

// TestPositions holds that an error at run time is where the author wrote it.
func TestPositions(t *testing.T) {
	cases := []struct {
		text string
		line int
		col  int
		ind  int
		want string
	}{
		{text: `body.a.b.c`, line: 5, col: 12, want: "c.yaml:5:21: TypeError: Cannot read property 'c' of undefined in ${body.a.b.c}"},
		{text: "body.a\n  .b\n  .c.d", line: 5, col: 12, ind: 6, want: "c.yaml:7:10: TypeError: Cannot read property 'c' of undefined in ${body.a .b .c.d}"},
		{text: `"東京" + body.a.b.c`, line: 5, col: 12, want: "c.yaml:5:28: TypeError: Cannot read property 'c' of undefined in ${\"東京\" + body.a.b.c}"},
		{text: `{x: body.a.b.c}`, line: 5, col: 12, want: "c.yaml:5:25: TypeError: Cannot read property 'c' of undefined in ${{x: body.a.b.c}}"},
		{text: `(() => { throw new Error("no " + body.a.n) })()`, line: 5, col: 12, want: `c.yaml:5:27: Error: no 1 in ${(() => { throw new Error("no " + body.a.n) })()}`},
		{text: `(() => { throw {code: 9007199254740993n} })()`, line: 1, col: 1, want: `c.yaml:1:10: an object without a message: {"code":9007199254740993} in ${(() => { throw {code: 9007199254740993n} })()}`},
		{text: `(() => { throw "text" })()`, line: 1, col: 1, want: `c.yaml:1:10: "text" in ${(() => { throw "text" })()}`},
		{text: `() => 1`, line: 2, col: 3, want: "c.yaml:2:3: TypeError: a function is no JSON value in ${() => 1}"},
		{text: `NaN`, line: 2, col: 3, want: "c.yaml:2:3: TypeError: NaN is no JSON value in ${NaN}"},
		{text: `[1 / 0]`, line: 2, col: 3, want: "c.yaml:2:3: TypeError: Infinity is no JSON value in ${[1 / 0]}"},
		{text: `Symbol("x")`, line: 2, col: 3, want: `c.yaml:2:3: TypeError: a symbol is no JSON value in ${Symbol("x")}`},
		{text: `new Map()`, line: 2, col: 3, want: `c.yaml:2:3: TypeError: a Map is no JSON value; make an object or array of it in ${new Map()}`},
	}
	for _, c := range cases {
		p, err := Compile(nil, []Source{{Text: c.text, File: "c.yaml", Line: c.line, Col: c.col, Indent: c.ind, Names: names}}, Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		env := &Env{}
		env.Set("body", JSON([]byte(`{"a":{"n":1}}`)))
		_, err = p.Eval(context.Background(), 0, env)
		if err == nil || err.Error() != c.want {
			t.Errorf("${%s}\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestStack holds that the author's frames come first and that nothing else is among them.
func TestStack(t *testing.T) {
	p, err := Compile(&HookSource{File: "connectors/acme/hook.js", Text: `
function deep(items) {
  return items.map(i => i.meta.next)
}

function next(page) {
  return {token: deep(page.body.items)[0]}
}
`}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Call(context.Background(), "next", nil, (&Page{Body: []byte(`{"items":[{}]}`), JSON: true}).Value())
	var e *Error
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	want := `connectors/acme/hook.js:3:32: next() threw TypeError: Cannot read property 'next' of undefined
    at connectors/acme/hook.js:3:32
    at deep (connectors/acme/hook.js:3:19)
    at next (connectors/acme/hook.js:7:22)`
	if e.Detail() != want {
		t.Errorf("got  %s\nwant %s", e.Detail(), want)
	}
	if strings.Contains(e.Error(), "\n") {
		t.Error("an error is one line")
	}
}

// FuzzCompile holds that no text brings the compiler down, and that errors stand inside the text.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{`a.b?.c[0]`, "{a: 1}", "`x${`y`}`", `x => ({...x, [x.k]: x.v ** 2})`, `/(?<a>x)/g.exec(y)`, "function next(p) { for (const [k, v] of p) k.length = v }",
		`class A extends B { static #x = 1; get [y]() { return super.y } }`, `async () => await 1`, `({length: 1e9}), new Array(5), 1n << 2n`, `label: for (;;) break label`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Compile(&HookSource{File: "hook.js", Text: text}, []Source{{Text: text, File: "c.yaml", Line: 3, Col: 5, Names: names}}, Options{})
		if err == nil {
			p.Close()
			return
		}
		var errs Errors
		if !errors.As(err, &errs) {
			t.Fatal(err)
		}
		for _, e := range errs {
			if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 4; e.Line < 1 || e.Col < 1 || e.Line > lines {
				t.Errorf("%q: %v", text, e)
			}
		}
	})
}
