package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// isolations are the two places that calls run in.
var isolations = []struct {
	name   string
	worker []string
}{{"in process", nil}, {"in a child", workerCommand}}

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

// TestMemory holds that what a call keeps alive is bounded, and that garbage is not counted.
func TestMemory(t *testing.T) {
	for _, iso := range isolations {
		t.Run(iso.name, func(t *testing.T) {
			p, err := Compile(&HookSource{File: "hook.js", Text: "function keep() {\n  const all = [];\n  for (;;) all.push([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, all.length]);\n}\nfunction litter() {\n  let last;\n  for (let i = 0; i < 30; i++) last = 'x'.repeat(1e5) + i;\n  return {end: last.slice(-3)};\n}"}, nil, Options{Worker: iso.worker, Limits: Limits{Memory: 2 << 20, Time: time.Minute}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			_, err = p.Call(context.Background(), "keep", nil)
			var limit *LimitError
			if !errors.As(err, &limit) || limit.Limit != LimitMemory && limit.Limit != LimitTime || limit.Line != 3 {
				t.Errorf("keep: %v", err)
			}
			if limit != nil && limit.Limit == LimitMemory && limit.Error() != fmt.Sprintf("hook.js:3:%d: keep() used more than 2 MB", limit.Col) {
				t.Errorf("keep: %v", err)
			}
			if res, err := p.Call(context.Background(), "litter", nil); err != nil || string(res.JSON) != `{"end":"x29"}` {
				t.Errorf("litter: %s, %v", res.JSON, err)
			}
		})
	}
}
