package script

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// names is a scope with everything in it.
var names = []string{"config", "watermark", "partition", "window", "page", "session", "memo", "now", "run", "status", "headers", "body", "link", "request", "records", "record", "ids"}

// fixedNow is the clock of tests.
var fixedNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testEnv(body string) *Env {
	env := &Env{Now: fixedNow, Seed: 1}
	env.Set("body", JSON([]byte(body)))
	env.Set("config", JSON([]byte(`{"base_url":"https://api.example.com","since":"2026-01-01T00:00:00Z"}`)))
	env.Set("headers", Header(http.Header{"X-Next-Cursor": {"c1"}, "Link": {"<a>", "<b>"}}))
	env.Set("status", Int(200))
	env.Set("link", Links([]Link{{Rel: "next", URL: "https://api.example.com/p?page=2", Attrs: []Attr{{"results", "true"}}}}))
	env.Set("watermark", Null())
	return env
}

// evaluate compiles and evaluates one expression.
func evaluate(t *testing.T, text string, env *Env) (Result, error) {
	t.Helper()
	p, err := Compile(nil, []Source{{ID: 0, Text: text, File: "connector.yaml", Line: 7, Col: 20, Names: names}}, Options{})
	if err != nil {
		return Result{}, err
	}
	defer p.Close()
	return p.Eval(context.Background(), 0, env)
}

const sample = `{"meta":{"next":"/p?search_after=9","total":9007199254740993,"rate":1.10,"none":null,"empty":""},
 "items":[{"id":1,"name":"Zürich 東京","tags":["a","b"]},{"id":2,"name":"x\u00e9\ud83d\ude00"},{"id":3}],"flag":true,"@odata.nextLink":"u"}`

func TestEval(t *testing.T) {
	cases := []struct{ text, want string }{
		{`1 + 1`, `2`},
		{`body.meta.next`, `"/p?search_after=9"`},
		{`body.meta.total`, `9007199254740993`},
		{`body.meta.total + 1n`, `9007199254740994`},
		{`body.meta.rate`, `1.10`},
		{`{rate: body.meta.rate, t: body.meta.total}`, `{"rate":1.10,"t":9007199254740993}`},
		{`body.meta.none`, `null`},
		{`body.meta.missing`, `undefined`},
		{`body.meta`, `{"next":"/p?search_after=9","total":9007199254740993,"rate":1.10,"none":null,"empty":""}`},
		{`body.items.length`, `3`},
		{`Array.isArray(body.items)`, `true`},
		{`body.items.map(i => i.id)`, `[1,2,3]`},
		{`body.items.filter(i => i.id > 1).length`, `2`},
		{`body.items.some(i => i.id === 2)`, `true`},
		{`body.items.find(i => i.id === 2).name`, `"xé😀"`},
		{`body.items.at(-1).id`, `3`},
		{`body.items.slice(1).map(i => i.id)`, `[2,3]`},
		{`[...body.items].reverse().map(i => i.id)`, `[3,2,1]`},
		{`body.items.toReversed().map(i => i.id)`, `[3,2,1]`},
		{`body.items.reduce((a, i) => a + i.id, 0)`, `6`},
		{`body.items.flatMap(i => i.tags ?? [])`, `["a","b"]`},
		{`body.items.includes(body.items[1])`, `true`},
		{`body.items.concat([4]).length`, `4`},
		{`body.items[0].tags.join()`, `"a,b"`},
		{`Object.keys(body)`, `["meta","items","flag","@odata.nextLink"]`},
		{`Object.entries(body.items[2])`, `[["id",3]]`},
		{`Object.values(body.items[2])`, `[3]`},
		{`JSON.stringify(body.items[0])`, `"{\"id\":1,\"name\":\"Zürich 東京\",\"tags\":[\"a\",\"b\"]}"`},
		{`JSON.stringify({a: body.meta.total, b: undefined, c: [undefined]})`, `"{\"a\":9007199254740993,\"c\":[null]}"`},
		{`JSON.stringify({a: 1, b: [1]}, null, 2)`, `"{\n  \"a\": 1,\n  \"b\": [\n    1\n  ]\n}"`},
		{`JSON.stringify({a: 1, b: 2}, ["b"])`, `"{\"b\":2}"`},
		{`JSON.stringify({a: 1, b: 2}, (k, v) => k === "a" ? undefined : v)`, `"{\"b\":2}"`},
		{`JSON.stringify(body.meta, (k, v) => typeof v === "bigint" ? String(v) : v)`, `"{\"next\":\"/p?search_after=9\",\"total\":\"9007199254740993\",\"rate\":1.10,\"none\":null,\"empty\":\"\"}"`},
		{`({...body.items[2], x: 1})`, `{"id":3,"x":1}`},
		{`body.missing?.deep?.er`, `undefined`},
		{`body.meta === body.meta && body.items[0] === body.items[0]`, `true`},
		{`body["@odata.nextLink"]`, `"u"`},
		{`"flag" in body`, `true`},
		{`body.hasOwnProperty("nope")`, `false`},
		{`(() => { const k = []; for (const x in body.items[0]) k.push(x); return k })()`, `["id","name","tags"]`},
		{`(() => { const k = []; for (const {id} of body.items) k.push(id); return k })()`, `[1,2,3]`},
		{`headers["x-next-cursor"] + headers["X-NEXT-CURSOR"]`, `"c1c1"`},
		{`headers.link`, `"<a>, <b>"`},
		{`headers.nope`, `undefined`},
		{`link.next`, `"https://api.example.com/p?page=2"`},
		{`link.next.results === "true" && typeof link.next === "string"`, `true`},
		{`link.prev`, `undefined`},
		{`param(link.next, "page")`, `"2"`},
		{`param("/x?a=1%202&b=", "a")`, `"1 2"`},
		{`param("/x?a=1", "c")`, `null`},
		{`match("abc-123", /(\d+)/)`, `"123"`},
		{`match("abc-123", "c-(.)")`, `"1"`},
		{`match("abc", /b/)`, `"b"`},
		{`match("abc", /z/)`, `null`},
		{`match(null, /z/)`, `null`},
		{`time("now")`, `"2026-03-01T12:00:00Z"`},
		{`time("-30d")`, `"2026-01-30T12:00:00Z"`},
		{`time(1700000000)`, `"2023-11-14T22:13:20Z"`},
		{`time("1700000000000", "epoch")`, `1700000000`},
		{`time("2026-01-02T03:04:05+01:00")`, `"2026-01-02T02:04:05Z"`},
		{`time("2026-01-02", "02.01.2006")`, `"02.01.2026"`},
		{`time("2026-01-02T03:04:05.123Z", "epoch_ms")`, `1767323045123`},
		{`time(null)`, `null`},
		{`add("2026-01-02T03:04:05Z", "-5m")`, `"2026-01-02T02:59:05Z"`},
		{`add(1700000000, "1h")`, `1700003600`},
		{`add("1700000000", "1h")`, `"1700003600"`},
		{`add(1700000000123, "-1s")`, `1699999999123`},
		{`sha256("")`, `"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`},
		{`hmac_sha256("key", "The quick brown fox jumps over the lazy dog")`, `"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"`},
		{`base64("Zürich?>")`, `"WsO8cmljaD8+"`},
		{`base64url("Zürich?>~")`, `"WsO8cmljaD8-fg"`},
		{`json(body.items[0].tags)`, `"[\"a\",\"b\"]"`},
		{`json({a: body.meta.total})`, `"{\"a\":9007199254740993}"`},
		{`uuid().length`, `36`},
		{`new Date("2026-01-02T03:04:05").toISOString()`, `"2026-01-02T03:04:05.000Z"`},
		{`new Date(2026, 0, 2, 3).getTime() === Date.UTC(2026, 0, 2, 3)`, `true`},
		{`new Date("2026-07-02T03:04:05Z").getHours()`, `3`},
		{`new Date("Jul 2, 2026 03:04:05").getHours()`, `3`},
		{`String(new Date(0))`, `"Thu Jan 01 1970 00:00:00 GMT+0000 (UTC)"`},
		{`Date.now()`, `1772366400000`},
		{`new Date()`, `"2026-03-01T12:00:00.000Z"`},
		{`2 ** 10`, `1024`},
		{`config.since.length ** 2`, `400`},
		{`2n ** 70n`, `1180591620717411303424`},
		{`1n << 3n`, `8`},
		{`new Array(3).length`, `3`},
		{`-0`, `0`},
		{`1e21`, `1e+21`},
		{`0.1 + 0.2`, `0.30000000000000004`},
		{`1e-7`, `1e-7`},
		{`"1700000000.000100"`, `"1700000000.000100"`},
		{`"\ud800x"`, `"\ud800x"`},
		{"`a\n  b`", `"a\n  b"`},
		{`{a: 1}`, `{"a":1}`},
		{`function (x) { return x }(3)`, `3`},
		{`/* note */ {a: 1}`, `{"a":1}`},
		{`status // trailing`, `200`},
		{`typeof fetch`, `"undefined"`},
		{`watermark`, `null`},
		{`session`, `undefined`},
		{`body.items[0].tags.length = 2, 1`, `!read-only`},
		{`(x => { x.a = 1; return x })({})`, `{"a":1}`},
	}
	for _, c := range cases {
		res, err := evaluate(t, c.text, testEnv(sample))
		got := string(res.JSON)
		if res.Undefined {
			got = "undefined"
		}
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("${%s}: got %s, %v; want an error with %q", c.text, got, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("${%s}: %v", c.text, err)
			continue
		}
		if got != c.want {
			t.Errorf("${%s} is %s, want %s", c.text, got, c.want)
		}
		if !res.Undefined && !json.Valid(res.JSON) {
			t.Errorf("${%s} is no JSON: %s", c.text, got)
		}
	}
}
