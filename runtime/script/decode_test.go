package script

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// callHook compiles a hook and calls one of its functions with a page of that body.
func callHook(t *testing.T, text, function, body string) (Result, error) {
	t.Helper()
	p, err := Compile(&HookSource{File: "hook.js", Text: text}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	page := &Page{Status: 200, Body: []byte(body), JSON: true, Token: []byte(`"t0"`), Index: 3}
	return p.Call(context.Background(), function, &Env{Now: fixedNow, Seed: 1}, page.Value())
}

func TestDecodeNext(t *testing.T) {
	const wants = `; return {token: …}, {end: "reason"}, {fail: "reason"} or nothing`
	cases := []struct{ returns, want string }{
		{`return`, `silent`},
		{`return {token: "a"}`, `token "a"`},
		{`return {token: {a: [1, 9007199254740993n]}}`, `token {"a":[1,9007199254740993]}`},
		{`return {token: ""}`, `token ""`},
		{`return {token: 0}`, `token 0`},
		{`return {token: false}`, `token false`},
		{`return {token: page.token, memo: {n: 1}, wait: "1m30s"}`, `token "t0" memo {"n":1} wait 1m30s`},
		{`return {end: "total reached"}`, `end total reached`},
		{`return {fail: "no next, has_more is true"}`, `fail no next, has_more is true`},
		{`return {memo: null}`, `silent memo null`},
		{`return {token: 1, memo: undefined, wait: undefined}`, `token 1`},
		{`return {token: page.body.next, end: page.body.next ? undefined : "no next"}`, `end no next`},
		{`return 5`, `!hook.js:1:10: next() returned a number` + wants},
		{`return "x"`, `!hook.js:1:10: next() returned a text` + wants},
		{`return true`, `!hook.js:1:10: next() returned a boolean` + wants},
		{`return null`, `!hook.js:1:10: next() returned null` + wants},
		{`return []`, `!hook.js:1:10: next() returned an array` + wants},
		{`return {}`, `!hook.js:1:10: next() returned an object without token, end or fail` + wants},
		{`return {token: page.body.next}`, `!hook.js:1:10: next() returned {token: undefined}` + wants},
		{`return {token: null}`, `!hook.js:1:10: next() returned {token: null}` + wants},
		{`return {end: undefined}`, `!hook.js:1:10: next() returned {end: undefined}` + wants},
		{`return {tokn: 1}`, "!hook.js:1:10: next() returned the unknown key `tokn`; want token, end, fail, memo or wait; did you mean `token`?"},
		{`return {token: 1, stop: undefined}`, "!hook.js:1:10: next() returned the unknown key `stop`; want token, end, fail, memo or wait"},
		{`return {token: 1, end: "x"}`, `!hook.js:1:10: next() returned more than one of token, end and fail` + wants},
		{`return {end: true}`, `!hook.js:1:10: next() returned end that is a boolean, not a text` + wants},
		{`return {end: ""}`, `!hook.js:1:10: next() returned {end: ""}, which gives no reason` + wants},
		{`return {token: 1, wait: 30}`, `!hook.js:1:10: next() returned wait that is a number, not a text` + wants},
		{`return {token: 1, wait: "soon"}`, `!hook.js:1:10: next() returned {wait: "soon"}, which is no duration such as "30s"` + wants},
		{`return () => 1`, `!hook.js:1:10: next() threw TypeError: a function is no JSON value`},
		{`return {token: NaN}`, `!hook.js:1:10: next() threw TypeError: NaN is no JSON value`},
	}
	for _, c := range cases {
		res, err := callHook(t, "function next(page) { "+c.returns+" }", "next", `{}`)
		var n Next
		if err == nil {
			n, err = DecodeNext(res)
		}
		got := ""
		switch {
		case err != nil:
			got = "!" + err.Error()
		case n.Silent():
			got = "silent"
		case n.HasToken:
			got = "token " + string(n.Token)
		case n.End != nil:
			got = "end " + *n.End
		case n.Fail != nil:
			got = "fail " + *n.Fail
		}
		if n.HasMemo {
			got += " memo " + string(n.Memo)
		}
		if n.Wait > 0 {
			got += " wait " + n.Wait.String()
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.returns, got, c.want)
		}
	}
}

func TestDecodeClassAndRecords(t *testing.T) {
	cases := []struct{ text, want string }{
		{`function classify(r) { return r.status === 200 ? "rate_limited" : undefined }`, `rate_limited`},
		{`function classify(r) {}`, ``},
		{`function classify(r) { return "retyr" }`, `!classify() returned the unknown class "retyr"; want ok, end, skip, retry, rate_limited, token_expired, session_expired, unauthorized or failed; did you mean "retry"?`},
		{`function classify(r) { return null }`, `!classify() returned null; return a class such as "ok" or "retry", or nothing`},
		{`function classify(r) { return {is: "ok"} }`, `!classify() returned an object; return a class`},
		{`function records(p) { return p.body.items }`, `[{"a": 1.10} {"a":9007199254740993}]`},
		{`function records(p) { return p.body.items.map(i => ({...i, b: 1})) }`, `[{"a":1.10,"b":1} {"a":9007199254740993,"b":1}]`},
		{`function records(p) { return [] }`, `[]`},
		{`function records(p) { return ["a", 1] }`, `["a" 1]`},
		{`function records(p) { return p.body }`, `!records() returned an object; return an array of records`},
		{`function records(p) { return [null] }`, `!records() returned an array whose element 0 is null`},
		{`function records(p) {}`, `!records() returned nothing; return an array of records`},
		{`function record(r) { return null }`, `[]`},
		{`function record(r) { return [1, {}] }`, `[1 {}]`},
		{`function record(r) { return {a: 1} }`, `[{"a":1}]`},
		{`function record(r) {}`, `!record() returned nothing; return a record, an array of records, or null to drop it`},
		{`function record(r) { return false }`, `!record() returned a boolean; return a record`},
	}
	for _, c := range cases {
		name, _, _ := strings.Cut(strings.TrimPrefix(c.text, "function "), "(")
		res, err := callHook(t, c.text, name, `{"items":[{"a": 1.10},{"a":9007199254740993}]}`)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		got := ""
		var records [][]byte
		switch name {
		case "classify":
			got, err = DecodeClass(res)
		case "records":
			records, err = DecodeRecords(res)
		case "record":
			records, err = DecodeRecord(res, []byte(`{}`))
		}
		if name != "classify" {
			parts := make([]string, len(records))
			for i := range records {
				parts[i] = string(records[i])
			}
			got = "[" + strings.Join(parts, " ") + "]"
		}
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.HasPrefix(err.Error(), "hook.js:1:10: "+want) {
				t.Errorf("%s\n got %v\nwant %s", c.text, err, want)
			}
		} else if err != nil || strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s\n got %s, %v\nwant %s", c.text, got, err, c.want)
		}
	}
}

func TestRequest(t *testing.T) {
	cases := []struct{ text, want string }{
		{`return req`, `POST https://a/b?c=d q=[{x 1} {x 2} {y ü}] h=map[Accept:[text/plain] X-A:[1]] b={"n":9007199254740993} t=`},
		{`req.headers.ACCEPT = "x"; req.headers["x-b"] = 5; req.headers["X-A"] = null; req.query.x = "3"; req.query.z = [1, true, null]; delete req.query.y; req.method = "PUT"; return req`,
			`PUT https://a/b?c=d q=[{x 3} {z 1} {z true}] h=map[Accept:[x] X-B:[5]] b={"n":9007199254740993} t=`},
		{`req.body.m = [1]; req.body.n = req.body.n + 1n; return req`, `POST https://a/b?c=d q=[{x 1} {x 2} {y ü}] h=map[Accept:[text/plain] X-A:[1]] b={"n":9007199254740994,"m":[1]} t=`},
		{`return {...req, body: null, text: "a=" + ctx.config.key, headers: {...req.headers, Authorization: "Basic " + base64("u:p")}, query: {}}`,
			`POST https://a/b?c=d q=[] h=map[Accept:[text/plain] Authorization:[Basic dTpw] X-A:[1]] b= t=a=k`},
		{`return {method: "GET", url: "https://z"}`, `GET https://z q=[] h=map[] b= t=`},
		{``, `!nothing; return the request`},
		{`return {method: "GET"}`, `!a request without a url`},
		{`return {...req, header: {}}`, "!the unknown key `header`; want method, url, query, headers, body or text; did you mean `headers`?"},
		{`return {...req, query: "a=b"}`, `!query that is a text, not an object`},
		{`return {...req, query: {a: {b: 1}}}`, `!query.a that is an object, not a text`},
		{`return {...req, url: undefined}`, `!a request without a url`},
		{`ctx.config.key = 1; return req`, `!threw TypeError: this value is read-only`},
	}
	for _, c := range cases {
		p, err := Compile(&HookSource{File: "hook.js", Text: "function request(req, ctx) { " + c.text + " }"}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		req := &Request{Method: "POST", URL: "https://a/b?c=d", Query: []Pair{{"x", "1"}, {"x", "2"}, {"y", "ü"}},
			Headers: map[string][]string{"Accept": {"text/plain"}, "X-A": {"1"}}, Body: []byte(`{"n":9007199254740993}`)}
		ctx := &Context{Config: []byte(`{"key":"k"}`), Now: Time(time.Unix(0, 0)), Attempt: 1}
		res, err := p.Call(context.Background(), "request", nil, req.Value(), ctx.Value())
		p.Close()
		var got *Request
		if err == nil {
			got, err = DecodeRequest("request", res)
		}
		if want, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s\n got %v\nwant %s", c.text, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if s := describe(got); s != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, s, c.want)
		}
		if req.Headers.Get("Accept") != "text/plain" || len(req.Headers) != 2 || string(req.Body) != `{"n":9007199254740993}` {
			t.Errorf("%s: the request that was handed over has changed", c.text)
		}
	}
}

func describe(r *Request) string {
	text := ""
	if r.Text != nil {
		text = *r.Text
	}
	return fmt.Sprintf("%s %s q=%v h=%v b=%s t=%s", r.Method, r.URL, r.Query, map[string][]string(r.Headers), r.Body, text)
}
