package script

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// TestRecordChanges holds that a record may be changed in place and that what was not touched keeps
// its bytes.
func TestRecordChanges(t *testing.T) {
	const record = ` { "id" : 9007199254740993, "price" : 1.10, "name" : "Z\u00fcrich", "tags" : [ "a" , "b" ], "deep" : { "x" : { "y" : 1e2 } } , "lone" : "\ud800" } `
	const same = `{"id":9007199254740993,"price":1.10,"name":"Z\u00fcrich","tags":["a","b"],"deep":{"x":{"y":1e2}},"lone":"\ud800"}`
	cases := []struct{ text, want string }{
		{`return rec`, same},
		{`rec.tags.length; rec.deep.x.y; return rec`, same},
		{`rec.extra = 1; return rec`, strings.TrimSuffix(same, "}") + `,"extra":1}`},
		{`rec.name = rec.name + "!"; return rec`, strings.Replace(same, `"Z\u00fcrich"`, `"Zürich!"`, 1)},
		{`delete rec.tags; return rec`, strings.Replace(same, `"tags":["a","b"],`, "", 1)},
		{`rec.tags.push("c"); return rec`, strings.Replace(same, `["a","b"]`, `["a","b","c"]`, 1)},
		{`rec.tags.sort((a, b) => a < b ? 1 : -1); return rec`, strings.Replace(same, `["a","b"]`, `["b","a"]`, 1)},
		{`rec.tags.pop(); return rec`, strings.Replace(same, `["a","b"]`, `["a"]`, 1)},
		{`rec.tags.unshift("z"); return rec`, strings.Replace(same, `["a","b"]`, `["z","a","b"]`, 1)},
		{`rec.tags.splice(0, 1, "q", "r"); return rec`, strings.Replace(same, `["a","b"]`, `["q","r","b"]`, 1)},
		{`rec.tags.reverse(); return rec`, strings.Replace(same, `["a","b"]`, `["b","a"]`, 1)},
		{`rec.tags[3] = 1; return rec`, strings.Replace(same, `["a","b"]`, `["a","b",null,1]`, 1)},
		{`rec.tags.length = 0; return rec`, strings.Replace(same, `["a","b"]`, `[]`, 1)},
		{`rec.deep.x.y = 5; return rec`, strings.Replace(same, `1e2`, `5`, 1)},
		{`rec.deep.x = undefined; return rec`, strings.Replace(same, `{"x":{"y":1e2}}`, `{}`, 1)},
		{`Object.assign(rec, {id: rec.id + 1n}); return rec`, strings.Replace(same, `0993`, `0994`, 1)},
		{`return {...rec, tags: undefined, deep: rec.deep}`, `{"id":9007199254740993,"price":1.10,"name":"Zürich","deep":{"x":{"y":1e2}},"lone":"\ud800"}`},
		{`const {tags, deep, ...rest} = rec; return tags.map(t => ({...rest, t}))`, `[{"id":9007199254740993,"price":1.10,"name":"Zürich","lone":"\ud800","t":"a"},{"id":9007199254740993,"price":1.10,"name":"Zürich","lone":"\ud800","t":"b"}]`},
		{`return rec.deep`, `{"x":{"y":1e2}}`},
		{`return JSON.parse(JSON.stringify(rec.deep))`, `{"x":{"y":100}}`},
		{`rec.tags.forEach((t, i) => { rec["tag" + i] = t }); return rec`, strings.TrimSuffix(same, "}") + `,"tag0":"a","tag1":"b"}`},
	}
	for _, c := range cases {
		p, err := Compile(&HookSource{File: "hook.js", Text: "function record(rec, ctx) { " + c.text + " }"}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		in := []byte(record)
		got, err := p.CallEach(context.Background(), "record", nil, [][]byte{in, in})
		p.Close()
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		for i, r := range got {
			if string(r.JSON) != c.want {
				t.Errorf("%s, record %d\n got %s\nwant %s", c.text, i, r.JSON, c.want)
			}
		}
		if string(in) != record {
			t.Errorf("%s changed the page's bytes", c.text)
		}
	}
}

// TestReadOnly holds that what is not the script's own cannot be changed, and says so.
func TestReadOnly(t *testing.T) {
	for _, text := range []string{
		`body.a = 1`, `body.items.push(1)`, `body.items.sort()`, `body.items.reverse()`, `body.items[0].id = 2`, `delete body.items`,
		`body.items.length = 0`, `headers.x = 1`, `delete headers.x`, `Object.assign(body, {a: 1})`, `Object.defineProperty(body, "a", {value: 1, writable: true, enumerable: true, configurable: true})`,
		`body.items[0].id++`, `body.items.splice(0, 1)`, `record.x = 1`,
	} {
		env := testEnv(sample)
		env.Set("record", JSON([]byte(`{"x":0}`)))
		p, err := Compile(nil, []Source{{Text: text, File: "c.yaml", Line: 1, Col: 1, Names: names}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.EvalEach(context.Background(), 0, env, [][]byte{[]byte(`{"x":0}`)})
		p.Close()
		if err == nil || !strings.Contains(err.Error(), "this value is read-only; change a copy") {
			t.Errorf("${%s}: %v", text, err)
		}
	}
}

// TestSpans holds that known extents are passed over: what stands there is not looked at.
func TestSpans(t *testing.T) {
	body := []byte(`{"items":[{"id":1},{"id":2}],"next":"n"}`)
	broken := bytes.Clone(body)
	copy(broken[10:], `}}}{{{{[[`)
	env := &Env{}
	env.Set("body", JSONSpans(broken, []rawjson.Span{{Start: 9, End: 28}}))
	if res, err := evaluate(t, `body.next`, env); err != nil || string(res.JSON) != `"n"` {
		t.Errorf("got %s, %v", res.JSON, err)
	}
	env.Set("body", JSONSpans(body, []rawjson.Span{{Start: 9, End: 28}, {Start: 10, End: 18}, {Start: 19, End: 27}}))
	if res, err := evaluate(t, `[body.next, body.items.map(i => i.id)]`, env); err != nil || string(res.JSON) != `["n",[1,2]]` {
		t.Errorf("got %s, %v", res.JSON, err)
	}
}

// lazyWalk visits every value of body through the lazy objects and writes what it sees, numbers as
// text, without a use of the encoder's way of copying bytes.
const lazyWalk = `
function walk(v) {
  if (Array.isArray(v)) return v.map(walk);
  if (typeof v === "object" && v !== null) {
    const out = [];
    for (const k in v) out.push([k, walk(v[k])]);
    for (const [i, k] of Object.keys(v).entries()) if (out[i][0] !== k || !(k in v) || v[k] !== v[k]) throw new Error("keys differ");
    return {object: out};
  }
  if (typeof v === "number" || typeof v === "bigint") return {number: String(v)};
  return v;
}
function next(page) { return walk(page.body) }
function copy(page) { return page.body }
function spread(page) { return page.body !== null && typeof page.body === "object" && !Array.isArray(page.body) ? {...page.body} : page.body }
function text(page) { return JSON.stringify(page.body) }
`

func FuzzLazyBody(f *testing.F) {
	for _, s := range []string{
		sample, `1`, `"x"`, `null`, `[]`, `{}`, `[[[]]]`, `{"a":{"a":{"a":1}}}`, `{"a":1,"a":2}`, `{"":0}`, `[1.0,-0,1e400,123456789012345678901234567890]`,
		`"\ud83d\ude00\ud800 \u0000\/"`, ` [ 1 , { "a" : [ ] } ] `, `{"__proto__":{"x":1},"constructor":1,"length":2,"toString":3}`, `[0.1,1E5,1e-7,2.50]`, `[799979755595999.9797,1.0,-4503599627370496.0000001]`, `{"1":1,"0":2,"b":3}`,
		`{"\u0061":1,"a\"b":2}`, `{"\uDDDA0F1b":2}`, `[true,false,null]`, `-9007199254740993`,
	} {
		f.Add([]byte(s))
	}
	p, err := Compile(&HookSource{File: "hook.js", Text: lazyWalk}, nil, Options{Roles: map[string]string{"x": "text", "y": "copy", "z": "spread"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		page := (&Page{Body: body, JSON: true}).Value()
		if len(body) == 0 {
			return
		}
		seen, err := p.Call(context.Background(), "next", nil, page)
		if rawjson.Valid(body) != nil {
			return // no panic, whatever it gave
		}
		if bytes.Count(body, []byte("[")) > 200 || bytes.Count(body, []byte("{")) > 200 {
			return // deeper than a script may go
		}
		if err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		var want, got any
		if err := dec.Decode(&want); err != nil {
			return
		}
		if err := json.Unmarshal(seen.JSON, &got); err != nil {
			t.Fatalf("%q: %q: %v", body, seen.JSON, err)
		}
		if err := agree(got, want); err != nil {
			t.Fatalf("%q is seen as %s: %v", body, seen.JSON, err)
		}
		for _, function := range []string{"copy", "spread"} {
			if function == "spread" && halfName(want) {
				continue
			}
			res, err := p.Call(context.Background(), function, nil, page)
			if err != nil {
				t.Fatalf("%s %q: %v", function, body, err)
			}
			if !rawjson.Equal(dedupe(body), dedupe(res.JSON)) {
				t.Fatalf("%s of %q is %s", function, body, res.JSON)
			}
		}
		res, err := p.Call(context.Background(), "text", nil, page)
		if err != nil {
			t.Fatalf("text %q: %v", body, err)
		}
		var text string
		if err := json.Unmarshal(res.JSON, &text); err != nil || rawjson.Valid([]byte(text)) != nil {
			t.Fatalf("JSON.stringify of %q is %s", body, res.JSON)
		}
	})
}

// halfName reports whether a member's name holds half a surrogate pair, which scripts see as U+FFFD.
func halfName(v any) bool {
	m, _ := v.(map[string]any)
	for name := range m {
		if strings.ContainsRune(name, '\uFFFD') {
			return true
		}
	}
	return false
}

func dedupe(b []byte) []byte { return rawjson.Canonical(nil, b) }

// agree compares what lazyWalk has seen with what encoding/json decodes.
func agree(got, want any) error {
	switch w := want.(type) {
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%v is no list of %d", got, len(w))
		}
		for i := range w {
			if err := agree(g[i], w[i]); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		g, _ := got.(map[string]any)
		pairs, ok := g["object"].([]any)
		if !ok || len(pairs) != len(w) {
			return fmt.Errorf("%v is no object of %d members", got, len(w))
		}
		for _, p := range pairs {
			pair := p.([]any)
			v, ok := w[pair[0].(string)]
			if !ok {
				return fmt.Errorf("no member %q", pair[0])
			}
			if err := agree(pair[1], v); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		g, _ := got.(map[string]any)
		text, ok := g["number"].(string)
		if !ok {
			return fmt.Errorf("%v is no number", got)
		}
		if !strings.ContainsAny(string(w), ".eE") {
			if text != string(w) && !(w == "-0" && text == "0") {
				return fmt.Errorf("%s is not %s", text, w)
			}
			return nil
		}
		a, _ := strconv.ParseFloat(string(w), 64)
		b, _ := strconv.ParseFloat(text, 64)
		if a != b {
			return fmt.Errorf("%s is not %s", text, w)
		}
		return nil
	}
	if got != want {
		return fmt.Errorf("%v is not %v", got, want)
	}
	return nil
}
