package script

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// TestSourceMapReadsNoFile holds that a source map comment is not followed.
func TestSourceMapReadsNoFile(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "map.json")
	if err := os.WriteFile(fifo, []byte("not a source map"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"file://" + fifo, "file:///dev/zero", "data:application/json;base64,eyJ2ZXJzaW9uIjozfQ=="} {
		p, err := Compile(&HookSource{File: "hook.js", Text: "function next() { return {end: 'x'} }\n//# sourceMappingURL=" + url}, nil, Options{})
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		p.Close()
	}
}

// TestRegexTimeIsNoMismatch holds that a regular expression that runs out of time is an error and
// never "no match".
func TestRegexTimeIsNoMismatch(t *testing.T) {
	p, err := Compile(&HookSource{File: "hook.js", Text: `function next(page) { return match("a".repeat(64) + "!", /^(?=a)(a|aa)+$/) === null ? {end: "no next token"} : {token: 1} }`}, nil, Options{Limits: Limits{Time: 200 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	res, err := p.Call(context.Background(), "next", nil)
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != LimitTime {
		t.Fatalf("got %s, %v", res.JSON, err)
	}
}

// TestNothingIsKept holds that a call finds nothing of the one before it, within a page as well.
func TestNothingIsKept(t *testing.T) {
	hooks := []string{
		`let n = 0; function record(r) { return {n: n++} }`,
		`var n = 0; function record(r) { return {n: n++} }`,
		`const seen = []; function record(r) { seen.push(1); return {n: seen.length - 1} }`,
		`const seen = new Set(); function record(r) { const n = seen.size; seen.add(r.id); return {n} }`,
		`const o = {n: 0}; function record(r) { return {n: o.n++} }`,
		`function record(r) { record.n = (record.n || 0) + 1; return {n: record.n - 1} }`,
		`function helpful() {} function record(r) { const f = helpful; f.n = (f.n || 0) + 1; return {n: f.n - 1} }`,
		`function mark(f) { f.n = (f.n || 0) + 1; return f.n - 1 } function record(r) { return {n: mark(record)} }`,
		`function record(r) { Math.n = (Math.n || 0) + 1; return {n: Math.n - 1} }`,
		`function record(r) { const m = Math; m.n = (m.n || 0) + 1; return {n: m.n - 1} }`,
		`function record(r) { const m = Math.max; m.n = (m.n || 0) + 1; return {n: m.n - 1} }`,
		`function record(r) { Object.assign(Math, {n: (Math.n || 0) + 1}); return {n: Math.n - 1} }`,
		`function record(r) { Object.prototype.n = (({}).n || 0) + 1; return {n: ({}).n - 1} }`,
		`function record(r) { Array.prototype.n = ([].n || 0) + 1; return {n: [].n - 1} }`,
		`function record(r) { r.__proto__.n = (({}).n || 0) + 1; return {n: ({}).n - 1} }`,
		`function record(r) { const k = "__pro" + "to__"; r[k].n = (({}).n || 0) + 1; return {n: ({}).n - 1} }`,
		`function record(r) { Object.getPrototypeOf(r).constructor.n = (Object.n || 0) + 1; return {n: Object.n - 1} }`,
		`const re = /x/g; function record(r) { re.test("xx"); return {n: re.lastIndex - 1} }`,
		`const re = /x/; function record(r) { re.n = (re.n || 0) + 1; return {n: re.n - 1} }`,
		`class C { static n = 0 } function record(r) { return {n: C.n++} }`,
		`const f = () => 1; function record(r) { [f].forEach(g => { g.n = (g.n || 0) + 1 }); return {n: f.n - 1} }`,
		`function record(r) { [Math.n] = [(Math.n || 0) + 1]; return {n: Math.n - 1} }`,
		`function record(r) { const {n} = Math; delete Math.n; Math.n = (n || 0) + 1; return {n: Math.n - 1} }`,
		`function record(r) { const was = [].pollute; Object.defineProperty(Array.prototype, "pollute", {value: 1, configurable: true, writable: true}); return {n: was ?? 0} }`,
		`function record(r) { let k; for (k of ["constructor"]) r[k].n = (Object.n || 0) + 1; return {n: Object.n - 1} }`,
		`function record(r) { for (let i = 0; i < 1; i++) { i = "constructor"; r[i].n = (Object.n || 0) + 1 } return {n: Object.n - 1} }`,
		`function record(r) { for (let i = 0; i < 1; i++) ((i) => { r[i].n = (Object.n || 0) + 1 })("constructor"); return {n: Object.n - 1} }`,
		`function record(r) { for (let i = 0; i < 1; i++) { [i] = ["constructor"]; r[i].n = (Object.n || 0) + 1; break } return {n: Object.n - 1} }`,
		`function record(r) { const {["constructor"]: c} = r; c.n = (Object.n || 0) + 1; return {n: Object.n - 1} }`,
		`function record(r) { const k = "constructor", {[k]: c} = r; c.n = (Object.n || 0) + 1; return {n: Object.n - 1} }`,
		`function record(r) { const k = {toString() { return "constructor" }}; r[k].n = (Object.n || 0) + 1; return {n: Object.n - 1} }`,
		`function record(r) { const k = "toString", f = r[k]; f.n = (f.n || 0) + 1; return {n: f.n - 1} }`,
		`function record(r) { const k = "constructor"; (r[k] ||= {}).n = (Object.n || 0) + 1; return {n: Object.n - 1} }`,
		`function record(r, ctx) { return {n: 0} }`,
	}
	for _, text := range hooks {
		p, err := Compile(&HookSource{File: "hook.js", Text: text}, nil, Options{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		records := [][]byte{[]byte(`{"id":1}`), []byte(`{"id":2}`), []byte(`{"id":3}`)}
		for range 2 {
			results, err := p.CallEach(context.Background(), "record", nil, records)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				break
			}
			for i, r := range results {
				if string(r.JSON) != `{"n":0}` {
					t.Errorf("%s: record %d gives %s", text, i, r.JSON)
				}
			}
		}
		p.Close()
	}
	for _, text := range []string{`(Math.n = (Math.n || 0) + 1) - 1`, `Object.assign(Math, {n: (Math.n || 0) + 1}).n - 1`, `(Array.prototype.n = ([].n || 0) + 1) - 1`} {
		p, err := Compile(nil, []Source{{Text: text, File: "c.yaml", Line: 1, Col: 1, Names: names}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		results, err := p.EvalEach(context.Background(), 0, nil, [][]byte{[]byte(`1`), []byte(`2`)})
		if err != nil || string(results[0].JSON) != "0" || string(results[1].JSON) != "0" {
			t.Errorf("${%s}: %v, %v", text, results, err)
		}
		p.Close()
	}
}

// TestSharedRuntimes holds that plain record hooks are quick: one runtime serves a page.
func TestSharedRuntimes(t *testing.T) {
	for text, want := range map[string]bool{
		`function record(rec, ctx) { rec.kind = ctx.config.kind; return rec }`:                                                                     true,
		`const KIND = "x"; const tag = r => ({...r, KIND}); function record(rec) { return tag(rec) }`:                                              true,
		`function record({id, tags}) { return tags.filter(Boolean).map(t => ({id, t, at: time("now")})) }`:                                         true,
		`const RE = /^x(\d+)/; function record(r) { r.n = match(r.id, RE); delete r.id; r.o = Object.keys(r); return r }`:                          true,
		`function record(rec) { const o = {}; o.a = Number(rec.a); o.b = Math.max(1, o.a, Math.PI); return o }`:                                    true,
		`function record(rec) { let n = 0; for (const t of rec.tags) n += t.length; rec.n = n; return rec }`:                                       true,
		`function record(rec) { for (let i = 0, n = rec.tags.length; i < n; i++) rec.tags[i] = rec.tags[i].trim() + rec.tags[i + 1]; return rec }`: true,
		`function record(rec) { for (const k of ["a"]) rec["x_" + k] = 1; return rec }`:                                                            true,
		`function record(rec, k) { return rec[k] }`:                                                                                                true,
		`function record(rec) { const {[rec.k]: v} = rec; return v }`:                                                                              false,
		`const LIST = []; function record(rec) { return rec }`:                                                                                     false,
	} {
		c, err := compileCode(&HookSource{File: "hook.js", Text: text}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if c.hook.shared != want {
			t.Errorf("%s: shared is %v", text, c.hook.shared)
		}
	}
}

// TestTimeZone holds that the process's time zone does not show, and that clock and random numbers
// are the engine's.
func TestTimeZone(t *testing.T) {
	const text = `function next() { const d = new Date("2026-07-02T03:04:05"); d.setHours(d.getHours() + 1); return {memo: [
		d.getTime(), d.getTimezoneOffset(), d.toString(), d.toLocaleString(), d.toDateString(), d.toTimeString(), d.getDay(), d.getYear(), JSON.stringify(d),
		Date.parse("2026-07-02 03:04:05"), Date.parse("Thu, 02 Jul 2026 03:04:05 GMT"), Date.parse("2026-07-02T03:04:05+02:00"), Date.parse("2026-07-02"), Date.parse("July 2, 2026"),
		new Date(2026, 6).getTime(), new Date(2026, 6, 2, 3, 4, 5, 6).toISOString(), Date(), new Date(NaN).toString(), String(new Date("rubbish")), isNaN(Date.parse("rubbish")),
		d instanceof Date, Object.prototype.toString.call(d), new Date(d).getTime() === d.getTime(), new (class extends Date {})(0).getTime(), Date.name,
		Date.now(), time("now"), time(d), add(d, "1h"), Math.random(), Math.random(), uuid(), uuid()]} }`
	run := func(env *Env) string {
		p, err := Compile(&HookSource{File: "hook.js", Text: text}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		res, err := p.Call(context.Background(), "next", env)
		if err != nil {
			t.Fatal(err)
		}
		return string(res.JSON)
	}
	env := &Env{Now: fixedNow, Seed: 7}
	local := time.Local
	defer func() { time.Local = local }()
	time.Local = time.UTC
	utc := run(env)
	time.Local = time.FixedZone("far", 11*3600+1800)
	if far := run(env); far != utc {
		t.Errorf("the time zone shows:\n%s\n%s", utc, far)
	}
	const want = `{"memo":[1782965045000,0,"Thu Jul 02 2026 04:04:05 GMT+0000 (UTC)","7/2/2026, 04:04:05","Thu Jul 02 2026","04:04:05 GMT+0000 (UTC)",4,126,"\"2026-07-02T04:04:05.000Z\"",` +
		`1782961445000,1782961445000,1782954245000,1782950400000,1782950400000,1782864000000,"2026-07-02T03:04:05.006Z","Sun Mar 01 2026 12:00:00 GMT+0000 (UTC)","Invalid Date","Invalid Date",true,true,"[object Date]",true,0,"Date",` +
		`1772366400000,"2026-03-01T12:00:00Z","2026-07-02T04:04:05Z","2026-07-02T05:04:05Z",`
	if !strings.HasPrefix(utc, want) {
		t.Errorf("got  %s\nwant %s…", utc, want)
	}
	if other := run(&Env{Now: fixedNow, Seed: 8}); other == utc {
		t.Error("another seed gives the same numbers")
	}
	if one, two := run(&Env{Now: fixedNow}), run(&Env{Now: fixedNow}); one == two {
		t.Error("without a seed the numbers can be foretold")
	}
}

// TestDepth holds that a call may go as deep as it is allowed and no deeper.
func TestDepth(t *testing.T) {
	p, err := Compile(&HookSource{File: "hook.js", Text: "function next(page) { return {token: down(page.index)} }\nfunction down(n) { return n > 1 ? down(n - 1) : 0 }"}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for depth, ok := range map[int64]bool{10: true, 200: true, 250: true, 260: false, 100000: false} {
		_, err := p.Call(context.Background(), "next", nil, (&Page{Index: depth}).Value())
		var limit *LimitError
		if (err == nil) != ok || !ok && (!errors.As(err, &limit) || err.Error() != "hook.js:2:39: next() called deeper than 256 calls") {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

// TestUnchangedBytes holds that records() that hands on what it found hands on the same bytes.
func TestUnchangedBytes(t *testing.T) {
	body := `{"groups":[{"items":[{"n":1.10,"s":"\u00e9\/"}]},{"items":[ {"n":1e2, "deep":{"a":[]}} ]}]}`
	res, err := callHook(t, `function records(page) { return page.body.groups.flatMap(g => g.items) }`, "records", body)
	if err != nil {
		t.Fatal(err)
	}
	list, err := DecodeRecords(res)
	if err != nil || len(list) != 2 || string(list[0]) != `{"n":1.10,"s":"\u00e9\/"}` || string(list[1]) != `{"n":1e2,"deep":{"a":[]}}` {
		t.Errorf("got %s, %v", res.JSON, err)
	}
	if rawjson.Valid(res.JSON) != nil {
		t.Error("no JSON")
	}
}
