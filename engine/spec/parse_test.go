package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lastpage/lastpage/engine"
)

func parsed(t *testing.T, text string, opt Options) *Connector {
	t.Helper()
	if opt.Hook == nil {
		opt.Hook = func(string) (string, string, error) { return "", "", fs.ErrNotExist }
	}
	c, err := Parse("connector.yaml", []byte(text), opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func scenarioNamed(t *testing.T, name string) scenario {
	for _, s := range scenarios(t) {
		if filepath.Base(s.file) == name {
			return s
		}
	}
	t.Fatalf("no scenario %s", name)
	return scenario{}
}

func TestDefaults(t *testing.T) {
	s := scenarioNamed(t, "valid-small.txtar")
	c := parsed(t, s.yaml(), s.options())
	want := HTTP{
		Timeout: time.Minute, MaxPage: 64 << 20, FollowRedirects: "same_origin", Compression: true, Auth: &Auth{Type: "none"},
		Retry: Retry{Attempts: 6, Initial: time.Second, Factor: 2, Max: 2 * time.Minute, Jitter: "full", Status: []int{408, 425, 429, 500, 502, 503, 504},
			Network: true, Timeout: true, Body: true, MaxWait: 15 * time.Minute},
	}
	st := c.Stream("all")
	if !reflect.DeepEqual(c.HTTP, want) || !reflect.DeepEqual(st.HTTP, want) {
		t.Errorf("http = %+v and %+v\nwant %+v", c.HTTP, st.HTTP, want)
	}
	rules := engine.Rules{Type: engine.None, EndValues: []json.RawMessage{[]byte("null"), []byte(`""`)}, Repeat: "fail", MaxRecoveries: 5, EmptyPages: 10}
	if !reflect.DeepEqual(st.Pagination.Rules, rules) {
		t.Errorf("rules = %+v\nwant %+v", st.Pagination.Rules, rules)
	}
	if st.Request.Method != "GET" || st.Records.Format != "json" || st.Records.HasPath || st.Limits != (Limits{EmptyPages: 10}) || st.Chains != (Chains{4, "continue"}) {
		t.Errorf("stream = %+v", st)
	}
	if st.Records.CSV.Comma != "," || !st.Records.CSV.Header || !st.Records.CSV.Quote {
		t.Errorf("csv = %+v", st.Records.CSV)
	}
}

func TestSectionOne(t *testing.T) {
	s := scenarioNamed(t, "valid-format-1.txtar")
	c := parsed(t, s.yaml(), s.options())
	if c.Name != "crowdstrike-alerts" || c.Format != 1 || len(c.Config) != 4 || c.Config[1].Name != "client_secret" || !c.Config[1].Secret || c.Variable("since").Default == nil {
		t.Errorf("connector = %+v", c)
	}
	if got := *c.HTTP.RateLimit; got != (RateLimit{Requests: 100, Per: time.Minute, Burst: 10}) {
		t.Errorf("rate_limit = %+v", got)
	}
	if len(c.HTTP.Responses) != 2 || c.HTTP.Responses[0].Is != ClassRateLimited || c.HTTP.Responses[0].Status[0] != (StatusRange{207, 207}) {
		t.Errorf("responses = %+v", c.HTTP.Responses)
	}
	if len(c.Exprs) != 2 || c.Exprs[0].Source != "body.errors?.some(e => e.code === 429)" || c.Exprs[0].ID != 0 || c.Exprs[1].ID != 1 || c.Exprs[0].Scope != ScopeResponse {
		t.Errorf("expressions = %+v", c.Exprs)
	}
	st := c.Stream("alerts")
	rules := st.Pagination.Rules
	if rules.Type != engine.Offset || rules.Limit != 1000 || rules.Cap != 10000 || !rules.HasTotal || rules.TotalKind != engine.Exact || !rules.HasKey || rules.Decides != "" {
		t.Errorf("rules = %+v", rules)
	}
	if p := st.Pagination; p.Send.One.Name != "offset" || p.LimitSend.One.Name != "limit" || p.Total.Any[0].Ref.Path.String() != "meta.pagination.total" {
		t.Errorf("pagination = %+v", p)
	}
	if d := st.Details; d.Batch != 1000 || d.Request.Method != "POST" || d.Records.Key[0].String() != "composite_id" || d.Request.Body.Fields[0].Value.Text.Parts[0].Expr.Scope != ScopeDetails {
		t.Errorf("details = %+v", d)
	}
	filter := st.Request.Query[1].Value.Text
	if len(filter.Parts) != 3 || filter.Parts[0].Lit != "updated_timestamp:>='" || !reflect.DeepEqual(filter.Parts[1].Expr.Names, []string{"watermark"}) || filter.Parts[1].Expr.ID != -1 {
		t.Errorf("filter = %+v", filter)
	}
	if in := st.Incremental; in.Overlap != "1m" || in.Order != "asc" || in.Type != "time" || in.Format != "rfc3339" {
		t.Errorf("incremental = %+v", in)
	}
}

func TestOverlay(t *testing.T) {
	s := scenarioNamed(t, "valid-everything.txtar")
	c := parsed(t, s.yaml(), s.options())
	h := c.Stream("list").HTTP
	var names []string
	for _, f := range h.Headers {
		names = append(names, f.Name)
	}
	if strings.Join(names, " ") != "accept X-Many X-None" {
		t.Errorf("headers = %v", names)
	}
	if h.Auth.Type != "hook" || c.HTTP.Auth.Type != "login" || c.Stream("projects").HTTP.Auth.Type != "login" {
		t.Errorf("auth = %+v", h.Auth)
	}
	if h.Timeout != time.Minute || h.MaxPage != 64<<10 { // null takes the default back
		t.Errorf("timeout = %v, max_page = %v", h.Timeout, h.MaxPage)
	}
	if *h.RateLimit != (RateLimit{Requests: 5, Per: time.Minute, Burst: 10, Concurrency: 4, Share: c.HTTP.RateLimit.Share}) || c.HTTP.RateLimit.Requests != 0.5 {
		t.Errorf("rate_limit = %+v, %+v", h.RateLimit, c.HTTP.RateLimit)
	}
	if h.Retry.Attempts != 1 || h.Retry.Jitter != "none" || c.HTTP.Retry.Attempts != 3 || len(h.Retry.Status) != 101 {
		t.Errorf("retry = %+v", h.Retry)
	}
	if f := c.Stream("list").Functions; f["next"] != "nextPage" || f["record"] != "" || len(f) != 2 {
		t.Errorf("functions = %v", f)
	}
	copied := c.Stream("copy")
	if copied.Details != nil || copied.Request.Method != "POST" || copied.Request.Path.Parts[0].Lit != "/copy" {
		t.Errorf("copy = %+v", copied.Request)
	}
}

func TestRulesOfStreamComeFirst(t *testing.T) {
	c := parsed(t, `
connector: x
format: 1
http:
  base_url: https://a.example
  responses: [{status: 404, is: end}]
streams:
  a: {request: {path: /a}, http: {responses: [{status: 404, is: skip}]}}
`, Options{})
	r := c.Stream("a").HTTP.Responses
	if len(r) != 2 || r[0].Is != ClassSkip || r[1].Is != ClassEnd || len(c.HTTP.Responses) != 1 {
		t.Errorf("responses = %+v", r)
	}
}

func TestBind(t *testing.T) {
	const text = `
connector: x
format: 1
config: {size: {type: integer}, wait: {type: duration}, on: {type: list}, type: {}, none: {}, flag: {type: boolean}}
http:
  base_url: https://a.example
  timeout: "${config.wait}"
  compression: ${config.flag}
  retry: {on: "${config.on}", max_wait: "${config.size / 10}m"}
streams:
  a:
    request: {path: /a, query: {x: "${1 + 1}"}}
    records: {path: "${config.type}.items"}
    pagination: {type: "${config.type}", send: query.offset, limit: {value: "${config.size}", max: "${config.none}"}, parallel: "${config.size * 2}"}
`
	checked := parsed(t, text, Options{})
	if len(checked.Exprs) != 3 {
		t.Fatalf("expressions = %+v", checked.Exprs)
	}
	give := map[string]string{"config.size": "100", "config.wait": `"90s"`, "config.on": `[429, "network"]`, "config.type": `"offset"`, "config.none": "null",
		"config.flag": `"false"`, "config.size / 10": "10", "config.size * 2": `"200"`}
	c := parsed(t, text, Options{Bind: func(e *Expr) (json.RawMessage, error) {
		if v, ok := give[e.Source]; ok {
			return json.RawMessage(v), nil
		}
		return nil, errors.New("nobody knows")
	}})
	if len(c.Exprs) != 3 || c.Exprs[2].Source != checked.Exprs[2].Source || c.Exprs[0].Pos != checked.Exprs[0].Pos {
		t.Errorf("expressions = %+v", c.Exprs)
	}
	st := c.Stream("a")
	rules := st.Pagination.Rules
	if rules.Type != engine.Offset || rules.Limit != 100 || rules.LimitMax != 0 || rules.Parallel != 200 || st.Records.Path.String() != "offset.items" {
		t.Errorf("rules = %+v, path %v", rules, st.Records.Path)
	}
	if c.HTTP.Timeout != 90*time.Second || c.HTTP.Compression || c.HTTP.Retry.MaxWait != 10*time.Minute || !reflect.DeepEqual(c.HTTP.Retry.Status, []int{429}) || !c.HTTP.Retry.Network || c.HTTP.Retry.Body {
		t.Errorf("http = %+v", c.HTTP)
	}
	if st.Fingerprint != checked.Stream("a").Fingerprint {
		t.Errorf("the fingerprint depends on the config")
	}

	give["config.wait"] = `"soon"`
	give["config.type"] = `"cursor"`
	delete(give, "config.size * 2")
	_, err := Parse("c.yaml", []byte(text), Options{Hook: func(string) (string, string, error) { return "", "", fs.ErrNotExist }, Bind: func(e *Expr) (json.RawMessage, error) {
		if v, ok := give[e.Source]; ok {
			return json.RawMessage(v), nil
		}
		return nil, errors.New("nobody knows")
	}})
	want := "c.yaml:7:12: `timeout`: `soon` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`\n" +
		"c.yaml:14:17: pagination type `cursor` needs `next`; where the next position stands in the answer, such as body.next\n" +
		"c.yaml:14:119: `parallel` says nothing about pagination type `cursor`; pages can be in flight together only with `offset` and `page`\n" +
		"c.yaml:14:132: `${config.size * 2}`: nobody knows"
	if err == nil || err.Error() != want {
		t.Errorf("errors:\n%v\nwant:\n%s", err, want)
	}
}

func TestExpressionPlaces(t *testing.T) {
	s := scenarioNamed(t, "expression-places.txtar")
	_, err := Parse("connector.yaml", []byte(s.yaml()), s.options())
	var errs Errors
	if !errors.As(err, &errs) {
		t.Fatal(err)
	}
	lines := strings.Split(s.yaml(), "\n")
	found := 0
	for _, e := range errs {
		name, ok := strings.CutPrefix(e.Msg, "`nope")
		if !ok {
			continue
		}
		found++
		name = "nope" + name[:strings.IndexByte(name, '`')]
		if rest := string([]rune(lines[e.Pos.Line-1])[e.Pos.Col-1:]); !strings.HasPrefix(rest, name) {
			t.Errorf("%s: %q stands there", e, rest)
		}
	}
	if found != 11 {
		t.Errorf("%d of 11 places", found)
	}
}

func TestFingerprint(t *testing.T) {
	file := func(base, headers, request, rest string) string {
		return fmt.Sprintf("connector: x\nformat: 1\nhttp: {base_url: %s, headers: {%s}}\nstreams:\n  a: {request: %s, %s}\n", base, headers, request, rest)
	}
	of := func(text string, hook string) string {
		opt := Options{}
		if hook != "" {
			opt.Hook = func(name string) (string, string, error) { return name, hook, nil }
		}
		return parsed(t, text, opt).Stream("a").Fingerprint
	}
	base := of(file("https://a.example/v1", "A: b", "{path: /a, query: {x: 1, y: 2}}", "records: {path: a, key: id}"), "")
	for name, same := range map[string]string{
		"host":     of(file("http://127.0.0.1:8080/v1", "A: b", "{path: /a, query: {x: 1, y: 2}}", "records: {path: a, key: id}"), ""),
		"comments": of("# a comment\n"+file("https://a.example/v1", "A: b", "{query: {y: 2, x: 1}, path: \"/a\"}", "records: {key: b, path: a}"), ""),
		"limits":   of(file("https://a.example/v1", "A: b", "{path: /a, query: {x: 1, y: 2}}", "records: {path: a}, limits: {pages: 5}, incremental: {watermark: max.x}"), ""),
	} {
		if same != base || len(same) != 32 {
			t.Errorf("%s: the fingerprint changed: %s, %s", name, same, base)
		}
	}
	for name, other := range map[string]string{
		"path":       of(file("https://a.example/v2", "A: b", "{path: /a, query: {x: 1, y: 2}}", "records: {path: a}"), ""),
		"header":     of(file("https://a.example/v1", "A: c", "{path: /a, query: {x: 1, y: 2}}", "records: {path: a}"), ""),
		"query":      of(file("https://a.example/v1", "A: b", "{path: /a, query: {x: \"1\", y: 2}}", "records: {path: a}"), ""),
		"records":    of(file("https://a.example/v1", "A: b", "{path: /a, query: {x: 1, y: 2}}", "records: {path: b}"), ""),
		"pagination": of(file("https://a.example/v1", "A: b", "{path: /a, query: {x: 1, y: 2}}", "records: {path: a}, pagination: {type: link}"), ""),
	} {
		if other == base {
			t.Errorf("%s: the fingerprint did not change", name)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const text = "connector: x\nformat: 1\nstreams: {a: {request: {url: https://a.example}, pagination: {type: hook}}}\n"
	write("connector.yaml", "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n"))
	_, err := Load(dir, Options{})
	if err == nil || !strings.HasPrefix(err.Error(), filepath.Join(dir, "connector.yaml")+":3:69: pagination type `hook` needs a hook file") {
		t.Errorf("without a hook: %v", err)
	}
	write("hook.js", "function next() {}\n")
	c, err := Load(dir, Options{})
	if err != nil || c.Hook.File != filepath.Join(dir, "hook.js") || c.Hook.Text != "function next() {}\n" {
		t.Fatalf("with hook.js: %+v, %v", c, err)
	}
	if _, err := Load(filepath.Join(dir, "none"), Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "there is no connector at ") {
		t.Errorf("nothing there: %v", err)
	}
	fsys := fstest.MapFS{"shipped/x/connector.yaml": {Data: []byte(strings.Replace(text, "format: 1", "format: 1\nhook: code.js", 1))}, "shipped/x/code.js": {Data: []byte("//")}}
	for _, name := range []string{"shipped/x", "shipped/x/connector.yaml"} {
		c, err := LoadFS(fsys, name, Options{})
		if err != nil || c.Hook.File != "shipped/x/code.js" || c.File != "shipped/x/connector.yaml" {
			t.Errorf("LoadFS(%s): %+v, %v", name, c, err)
		}
	}
	if _, err := LoadFS(fsys, "shipped/y", Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("LoadFS of nothing: %v", err)
	}
	_, err = Parse("c.yaml", []byte(text), Options{Hook: func(string) (string, string, error) { return "", "", errors.New("no luck") }})
	if err == nil || err.Error() != "c.yaml:1:1: the hook file cannot be read: no luck" {
		t.Errorf("hook that cannot be read: %v", err)
	}
}

func TestNotUTF8(t *testing.T) {
	_, err := Parse("c.yaml", []byte("connector: x\ntitle: ab\xff\n"), Options{})
	if err == nil || err.Error() != "c.yaml:2:10: the file is not UTF-8 here" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range scenarios(f) {
		f.Add(s.yaml())
	}
	f.Fuzz(func(t *testing.T, text string) {
		opt := Options{Hook: func(name string) (string, string, error) { return name, "", nil },
			Bind: func(e *Expr) (json.RawMessage, error) { return json.RawMessage(`[1, "x", {"a": null}]`), nil }}
		for range 2 {
			c, err := Parse("c.yaml", []byte(text), opt)
			var errs Errors
			switch {
			case err == nil:
				for i, e := range c.Exprs {
					if e.ID != i {
						t.Fatalf("expression %d has ID %d", i, e.ID)
					}
				}
			case !errors.As(err, &errs) || len(errs) == 0 || c != nil:
				t.Fatalf("%v, %v", c, err)
			}
			opt.Bind = nil
		}
	})
}
