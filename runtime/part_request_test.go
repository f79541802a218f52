package runtime_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// The query of a request, byte for byte: of a link or raw token that needs no change, of one that no URL
// may hold, and behind hooks.
func TestQueriesByteForByte(t *testing.T) {
	const link = "{type: link, next: body.next}"
	const raw = "{type: cursor, next: body.next, send: query.c, token: {encode: raw}}"
	for _, c := range []struct{ name, pagination, next, ask, hook string }{
		{"a link that is fine", link, `"/l?cursor=a+b%2fc&sig=%zz&flag&x={|}'"`, "/l?cursor=a+b%2fc&sig=%zz&flag&x={|}'", ""},
		{"a link with what no URL may hold", link, `"/l?filter=name eq 'x'&é=1&q=\"<>\"&u=%C3%A9"`, "/l?filter=name%20eq%20'x'&%C3%A9=1&q=%22%3C%3E%22&u=%C3%A9", ""},
		{"a raw token", raw, `"a%2fb+c/="`, "/l?c=a%2fb+c/=", ""},
		{"a raw token with what no URL may hold", raw, `"a#b c\u0001é%zz"`, "/l?c=a%23b%20c%01%C3%A9%zz", ""},
		{"a hook that changes nothing", link, `"/l?b=2&a=a+b%2fc&sig=%zz&&flag&a=1"`, "/l?b=2&a=a+b%2fc&sig=%zz&flag&a=1", "return req"},
		{"a hook that adds", link, `"/l?b=2&a=a+b%2fc&flag"`, "/l?b=2&a=a+b%2fc&flag&n=x%20y%2B", "req.query.n = 'x y+'; return req"},
		{"a hook that changes one", link, `"/l?b=b+b&a=a+b%2fc&z=%2f"`, "/l?b=b+b&a=1%2F2&z=%2f", "req.query.a = '1/2'; return req"},
		{"a hook that changes one of two", link, `"/l?a=x+y&b=%2f&a=2"`, "/l?a=x+y&b=%2f&a=3", "req.query.a[1] = '3'; return req"},
		{"a hook that drops one", link, `"/l?a=x+y&b=%2f&a=2&c=+"`, "/l?b=%2f&c=+", "delete req.query.a; return req"},
		{"a hook that sorts", link, `"/l?b=%2f&a=x+y"`, "/l?a=x+y&b=%2f", "req.query = {a: req.query.a, b: req.query.b}; return req"},
		{"a hook that changes the path", link, `"/l?b=%2f&a=x+y"`, "/m?b=%2f&a=x+y", "req.url = req.url.replace('/l', '/m'); return req"},
		{"null fields of query.*", "{type: cursor, next: body.next, send: query.*}", `{"c":"x","z":null,"l":["a",null,"b"],"e":[null]}`, "/l?c=x&l=a&l=b", ""},
	} {
		hook := c.hook
		if hook != "" {
			hook = "function request(req, ctx) { if (ctx.page.index > 0) { " + hook + " } return req }"
		}
		for _, role := range []string{"request", "sign"} {
			http := ""
			if role == "sign" {
				http, hook = "  auth: {type: hook}\n", strings.Replace(hook, "function request", "function sign", 1)
				if hook == "" {
					continue
				}
			}
			t.Run(c.name+"/"+role, func(t *testing.T) {
				formatCase{
					http: http, hook: hook, streams: "streams:\n  s:\n    request: {path: /l}\n    records: {path: items}\n    pagination: " + c.pagination + "\n",
					say:     []exchange{{ask: "GET /l", body: `{"items":[1],"next":` + c.next + `}`}, {ask: "GET " + c.ask, body: `{"items":[2]}`}},
					verdict: "complete", records: "1\n2",
				}.run(t)
			})
		}
	}
}

func TestAHookLeavesTheBodyAsItIs(t *testing.T) {
	const text = `{"b": 1.0,  "a": [ 2 ]}`
	for _, hook := range []string{"", "function request(req, ctx) { req.headers['X-Hash'] = sha256(JSON.stringify(req.body)); return req }"} {
		formatCase{
			hook: hook, streams: "streams:\n  s:\n    request: {method: POST, path: /l, body_text: '" + text + "'}\n    records: {path: items}\n    pagination: {type: none}\n",
			say:     []exchange{{ask: "POST /l " + text, body: `{"items":[1]}`}},
			verdict: "complete", records: "1",
		}.run(t)
	}
}

func TestAHookKnowsTheAttempt(t *testing.T) {
	formatCase{
		hook: `function request(req, ctx) { req.headers['X-Attempt'] = String(ctx.attempt); return req }
function record(rec, ctx) { return {id: rec.id, attempt: ctx.attempt} }`,
		streams: "streams:\n  s:\n    request: {path: /l}\n    records: {path: items}\n    pagination: {type: none}\n",
		say:     []exchange{{status: 500, header: "X-Attempt: 1"}, {status: 503, header: "X-Attempt: 2"}, {header: "X-Attempt: 3", body: `{"items":[{"id":1}]}`}},
		verdict: "complete", records: `{"id":1,"attempt":3}`,
	}.run(t)
}

// Whatever a hook returns ends in records or in an error that names the function.
func TestAHookMayReturnAnything(t *testing.T) {
	values := []string{
		"undefined", "null", "0", "[]", "[[[1]]]", "{}", "{token: {}}", "{token: [[]]}", "{fail: 'x'}", "[x, x, 1, 'a', [], {}]",
		"Object.assign({}, x, {url: 'http://['})", "Object.assign({}, x, {headers: {'a b': '\\n'}, method: 'G T'})",
		"Object.assign({}, x, {query: {'%': '\\u0000', a: []}, body: 1, text: 'x'})",
	}
	for _, role := range []string{"next", "classify", "request", "sign", "record", "records"} {
		t.Run(role, func(t *testing.T) {
			for _, value := range values {
				auth := ""
				if role == "sign" {
					auth = "    http: {auth: {type: hook}, retry: {attempts: 1}}\n"
				}
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					answer(w, `{"items":[{"id":1},{"id":2}]}`)
				}, "streams:\n  s:\n    request: {path: /l}\n    records: {path: items, key: id}\n    limits: {pages: 3}\n"+auth+"    pagination: {type: cursor, next: body.next, send: query.c}\n")
				if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte("function "+role+"(x, ctx) { return "+value+" }\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				k := &keyed{}
				rep := r.run(func(j *runtime.Job) { k.Sink, j.Sink = j.Sink, k })
				if rep.Verdict == runtime.Failed && rep.Reason == "error" {
					t.Errorf("%s: %s", value, rep.Message)
				}
			}
		})
	}
}

// TestAHookSetsTheBody sends of body and text what request() or sign() changed, with the Content-Type that
// the same body has in YAML.
func TestAHookSetsTheBody(t *testing.T) {
	const ct = "Content-Type: "
	for _, c := range []struct{ name, request, hook, ask, header string }{
		{"text in the place of JSON", "{method: POST, path: /l, body: {c: 0}}", `req.text = 'raw'`, "POST /l raw", ct + "application/json"},
		{"text, and no body", "{method: POST, path: /l, body: {c: 0}}", `req.text = 'raw'; req.body = null`, "POST /l raw", ct + "application/json"},
		{"text where none was", "{method: POST, path: /l}", `req.text = 'raw'`, "POST /l raw", ct + "text/plain; charset=utf-8"},
		{"text with a type of its own", "{method: POST, path: /l}", `req.text = '<x/>'; req.headers['content-type'] = 'text/xml'`, "POST /l <x/>", ct + "text/xml"},
		{"a form that stays one", "{method: POST, path: /l, form: {c: 0}}", `req.text = req.text + '&d=1'`, "POST /l c=0&d=1", ct + "application/x-www-form-urlencoded"},
		{"no text", "{method: POST, path: /l, form: {c: 0}}", `req.text = null`, "POST /l", ""},
		{"JSON in the place of a form", "{method: POST, path: /l, form: {c: 0}}", `req.body = {z: 1}`, `POST /l {"z":1}`, ct + "application/json"},
		{"JSON in the place of text", "{method: POST, path: /l, body_text: hello}", `req.body = {z: 1}; req.text = null`, `POST /l {"z":1}`, ct + "application/json"},
		{"JSON where none was", "{method: POST, path: /l}", `req.body = {z: 1}`, `POST /l {"z":1}`, ct + "application/json"},
		{"JSON with a GET", "{path: /l}", `req.method = 'POST'; req.body = [1]`, `POST /l [1]`, ct + "application/json"},
		{"JSON with a type of the hook's", "{method: POST, path: /l, form: {c: 0}}", `req.body = {z: 1}; req.headers['Content-Type'] = 'application/vnd.api+json'`, `POST /l {"z":1}`, ct + "application/vnd.api+json"},
		{"JSON with a type of the YAML's", "{method: POST, path: /l, headers: {Content-Type: application/scim+json}}", `req.body = {z: 1}`, `POST /l {"z":1}`, ct + "application/scim+json"},
		{"a type that the hook takes away", "{method: POST, path: /l, form: {c: 0}}", `req.body = {z: 1}; delete req.headers['Content-Type']`, `POST /l {"z":1}`, "-Content-Type"},
		{"no body", "{method: POST, path: /l, body: {c: 0}}", `req.body = null`, "POST /l", ""},
		{"another object", "{method: POST, path: /l, body: {c: 0}}", `return {method: 'POST', url: req.url, text: 'raw'}`, "POST /l raw", ""},
		{"a body of null", "{method: POST, path: /l, body_text: 'null'}", `req.headers['X-A'] = '1'`, "POST /l null", "X-A: 1"},
		{"a path", "{path: /a/l, query: {q: 1}}", `req.url = '/b'`, "GET /b?q=1", ""},
		{"a path beside", "{path: /a/l, query: {q: 1}}", `req.url = 'm?x=%2f'`, "GET /a/m?x=%2f&q=1", ""},
	} {
		for _, role := range []string{"request", "sign"} {
			http := map[string]string{"sign": "  auth: {type: hook}\n"}[role]
			t.Run(c.name+"/"+role, func(t *testing.T) {
				formatCase{
					http: http, hook: "function " + role + "(req, ctx) { " + c.hook + "; return req }",
					streams: "streams:\n  s:\n    request: " + c.request + "\n    records: {path: items}\n    pagination: {type: none}\n",
					say:     []exchange{{ask: c.ask, header: c.header, body: `{"items":[1]}`}}, verdict: "complete", records: "1",
				}.run(t)
			})
		}
	}
	for _, c := range []struct{ request, hook, says string }{
		{"{method: POST, path: /l, body: {c: 0}}", "req.body.c = 1; req.text = 'raw'", "hook.js:1:10: request() returned both a new `body` and a new `text`; set one of them and the other to null"},
		{"{method: POST, path: /l}", "req.body = {}; req.text = 'raw'", "both a new `body` and a new `text`"},
		{"{path: /l}", "req.url = 'nowhere:'", "hook.js:1:10: request() returned the url \"nowhere:\"; want one such as"},
		{"{path: /l}", "req.url = 'http://[x/'", "request() returned the url \"http://[x/\""},
	} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) { answer(w, `{"items":[1]}`) },
			"streams:\n  s:\n    request: "+c.request+"\n    records: {path: items}\n    pagination: {type: none}\n")
		r.hook("function request(req) { " + c.hook + "; return req }")
		rep := r.run()
		want(t, rep, "failed hook")
		if !strings.Contains(rep.Message, c.says) {
			t.Errorf("%s: %s", c.hook, rep.Message)
		}
	}
}
