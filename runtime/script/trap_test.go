package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// isolations are the two places that calls run in.
var isolations = []struct {
	name   string
	worker []string
}{{"in process", nil}, {"in a child", workerCommand}}

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
		`function record(rec) { for (let i = 0; i < 9; i++) { i = "constructor"; rec[i].n = 1 } return rec }`:                                      false,
		`function record(rec) { for (let i = 0; i < 9; i++) (i => rec[i])("constructor"); return rec }`:                                            false,
		`function record(rec) { let i = 0; return rec[i] }`:                                                                                        false,
		`const LIST = []; function record(rec) { return rec }`:                                                                                     false,
		`function record(rec, k) { return rec[k] }`:                                                                                                false,
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
	if run(&Env{Now: fixedNow}) == run(&Env{Now: fixedNow}) {
		t.Error("without a seed the numbers can be foretold")
	}
}

// TestHealthyUnderLoad holds that the limits hit no healthy hook when many run at once, and that
// many goroutines share one program.
func TestHealthyUnderLoad(t *testing.T) {
	for _, iso := range isolations {
		t.Run(iso.name, func(t *testing.T) {
			p, err := Compile(&HookSource{File: "hook.js", Text: `function next(page) { let n = 0; for (const i of page.body.items) n += i.id; return {token: n + page.index} }`},
				[]Source{{ID: 4, Text: "body.items.length + status", File: "c.yaml", Line: 1, Col: 1, Names: names}}, Options{Worker: iso.worker})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			var wg sync.WaitGroup
			for g := range 1000 {
				wg.Go(func() {
					page := &Page{Status: 200, Body: []byte(sample), JSON: true, Index: int64(g)}
					res, err := p.Call(context.Background(), "next", nil, page.Value())
					if want := fmt.Sprintf(`{"token":%d}`, 6+g); err != nil || string(res.JSON) != want {
						t.Errorf("call %d: %s, %v", g, res.JSON, err)
					}
					env := testEnv(sample)
					env.Set("status", Int(int64(g)))
					if res, err = p.Eval(context.Background(), 4, env); err != nil || string(res.JSON) != fmt.Sprint(3+g) {
						t.Errorf("expression %d: %s, %v", g, res.JSON, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestCancel holds that a context ends calls and waits.
func TestCancel(t *testing.T) {
	for _, iso := range isolations {
		t.Run(iso.name, func(t *testing.T) {
			p, err := Compile(&HookSource{File: "hook.js", Text: `function next() { for (;;) {} }`}, nil, Options{Worker: iso.worker, Slots: NewSlots(1)})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			why := errors.New("enough")
			ctx, cancel := context.WithCancelCause(context.Background())
			time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
			var wg sync.WaitGroup
			for range 3 { // one runs, two wait for the slot
				wg.Go(func() {
					if _, err := p.Call(ctx, "next", nil); !errors.Is(err, why) {
						t.Errorf("got %v", err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestConsole holds that messages carry file and line, and are bounded.
func TestConsole(t *testing.T) {
	for _, iso := range isolations {
		t.Run(iso.name, func(t *testing.T) {
			var mu sync.Mutex
			var got []string
			p, err := Compile(&HookSource{File: "hook.js", Text: "function next(page) {\n  console.log('page', page.index, {a: [1n]}, undefined, null);\n  say();\n  for (let i = 0; i < 5000; i++) console.debug('x');\n}\nfunction say() {\n  console.error(new TypeError('bad'));\n  console.log('y'.repeat(1e5));\n}"}, nil,
				Options{Worker: iso.worker, Log: func(file string, line int, msg string) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, fmt.Sprintf("%s:%d %s", file, line, msg))
				}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if _, err := p.Call(context.Background(), "next", nil, (&Page{Index: 3}).Value()); err != nil {
				t.Fatal(err)
			}
			if len(got) != mostLogged || !slices.Equal(got[:2], []string{`hook.js:2 page 3 {"a":[1]} undefined null`, "hook.js:7 TypeError: bad"}) || len(got[2]) > longestLogged+20 {
				t.Errorf("%d messages: %.300q", len(got), got[:min(3, len(got))])
			}
		})
	}
}

// TestSameInBoth holds that both isolations give the same.
func TestSameInBoth(t *testing.T) {
	var all []Source
	for i, text := range []string{
		`body`, `body.meta`, `headers.link`, `link.next + link.next.results`, `watermark`, `session`, `[undefined]`, `"\ud800"`, `body.meta.total`, `uuid() + Math.random() + Date.now()`,
		`nope()`, `body.x.y`, `(() => { throw new Error("x") })()`, `NaN`, `record`, `config.base_url`,
	} {
		if text == "nope()" {
			text = "body.nope()"
		}
		all = append(all, Source{ID: i, Text: text, File: "c.yaml", Line: i + 1, Col: 5, Names: names})
	}
	hook := &HookSource{File: "hook.js", Text: `
function next(page) { return {token: page.text.length, memo: [page.headers, page.link, page.request, page.records, page.memo ?? null], wait: undefined} }
function record(rec, ctx) { if (rec.id === 13) throw new RangeError("unlucky"); rec.n = ctx.config.n; return rec.id % 2 ? rec : null }
function boom(page) { return page.body.items.map(i => i.deep.er) }`}
	var seen [2][]string
	for k, iso := range isolations {
		p, err := Compile(hook, all, Options{Worker: iso.worker})
		if err != nil {
			t.Fatal(err)
		}
		note := func(res Result, err error) {
			var detail interface{ Detail() string }
			text := fmt.Sprintf("%s %v %v %v", res.JSON, res.Undefined, res.absent, err)
			if errors.As(err, &detail) {
				text += detail.Detail()
			}
			seen[k] = append(seen[k], text)
		}
		env := testEnv(sample)
		env.Set("record", JSON([]byte(`{"r":1}`)))
		for i := range all {
			note(p.Eval(context.Background(), i, env))
		}
		page := &Page{Status: 200, Headers: map[string][]string{"B": {"1", "2"}, "A": {"x"}}, Body: []byte(sample), JSON: true, Links: []Link{{Rel: "next", URL: "u"}}, Method: "GET", URL: "u", Count: 3, First: []byte(`{"id":1}`)}
		note(p.Call(context.Background(), "next", env, page.Value()))
		note(p.Call(context.Background(), "boom", env, page.Value()))
		var records [][]byte
		for i := range 13 {
			records = append(records, fmt.Appendf(nil, `{"id": %d, "big":%d}`, i, uint64(1<<63)))
		}
		results, err := p.CallEach(context.Background(), "record", env, records, (&Context{Config: []byte(`{"n":1.50}`)}).Value())
		for _, r := range results {
			note(r, err)
		}
		note(Result{}, err)
		_, err = p.CallEach(context.Background(), "record", env, append(records, []byte(`{"id":13}`)), (&Context{}).Value())
		note(Result{}, err)
		results, err = p.EvalEach(context.Background(), 14, env, records)
		for _, r := range results {
			note(r, err)
		}
		p.Close()
		if _, err := p.Eval(context.Background(), 0, env); iso.worker != nil && err == nil {
			t.Error("a closed program makes calls")
		}
	}
	for i := range seen[0] {
		if seen[0][i] != seen[1][i] {
			t.Errorf("%d\nin process %s\nin a child %s", i, seen[0][i], seen[1][i])
		}
	}
	if len(seen[0]) != len(seen[1]) || len(seen[0]) < 40 {
		t.Errorf("%d and %d results", len(seen[0]), len(seen[1]))
	}
}

// TestChildDies holds that a child that is gone between two calls is not noticed.
func TestChildDies(t *testing.T) {
	p, err := Compile(nil, []Source{{Text: "1 + 1", File: "c.yaml", Line: 1, Col: 1}}, Options{Worker: workerCommand, Slots: NewSlots(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 {
		if res, err := p.Eval(context.Background(), 0, nil); err != nil || string(res.JSON) != "2" {
			t.Fatalf("got %s, %v", res.JSON, err)
		}
		in := p.in.(*children)
		in.mu.Lock()
		for c := range in.all {
			_ = c.cmd.Process.Kill()
		}
		in.mu.Unlock()
	}
	if _, err := Compile(nil, nil, Options{Worker: []string{"/nonexistent/worker"}}); err != nil {
		t.Error("a worker is started when it is needed")
	}
	none, err := Compile(nil, []Source{{Text: "1 + 1", File: "c.yaml", Line: 1, Col: 1}}, Options{Worker: []string{"/nonexistent/worker"}})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if _, err := none.Eval(context.Background(), 0, nil); err == nil || !strings.Contains(err.Error(), "the script's child process") {
		t.Errorf("got %v", err)
	}
}

// TestWorkerSeesNoEnvironment holds that a child knows nothing of the parent's settings and secrets.
func TestWorkerSeesNoEnvironment(t *testing.T) {
	t.Setenv("SCRIPT_SECRET", "hunter2")
	c, err := startChild(context.Background(), workerCommand, []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer c.end()
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", c.cmd.Process.Pid))
	if err == nil && strings.Contains(string(env), "hunter2") {
		t.Error("the child has the parent's environment")
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
