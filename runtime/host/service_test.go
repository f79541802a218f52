package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/host"
)

// service is a host that serves on a free port, as `runner serve` does.
type service struct {
	t      *testing.T
	url    string
	token  string
	folder string // of its connectors, jobs file, state file and records
	stop   func() error
}

// small are the demo connector's streams that most tests need.
var small = []string{"all", "offset", "page", "cursor"}

// folder makes a folder with a jobs file and the demo connector, of which it keeps a few streams.
func folder(t *testing.T, jobs string) string {
	t.Helper()
	dir := wholeFolder(t)
	path := filepath.Join(dir, "connectors/demo/connector.yaml")
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, streams, _ := strings.Cut(string(src), "streams:\n")
	text := head + "streams:\n"
	keep := false
	for line := range strings.Lines(streams) {
		if name, _, ok := strings.Cut(line, ":"); ok && strings.HasPrefix(name, "  ") && !strings.HasPrefix(name, "   ") {
			keep = slices.Contains(small, strings.TrimSpace(name))
		}
		if keep && !strings.HasPrefix(line, "  #") {
			text += line
		}
	}
	write(t, path, text)
	write(t, filepath.Join(dir, "jobs.yaml"), jobs)
	return dir
}

// wholeFolder makes a folder with the demo connector.
func wholeFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	src, err := connectors.FS.ReadFile("demo/connector.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "connectors/demo/connector.yaml"), string(src))
	write(t, filepath.Join(dir, "jobs.yaml"), "")
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve begins a service on the folder; the test's end ends it.
func serve(t *testing.T, dir string, change func(*host.Options)) *service {
	t.Helper()
	opt := host.Options{
		Connectors: []string{filepath.Join(dir, "connectors")}, Jobs: filepath.Join(dir, "jobs.yaml"), State: filepath.Join(dir, "state.db"),
		DataFolder: dir, JobsPoll: 20 * time.Millisecond, Version: "test",
	}
	if change != nil {
		change(&opt)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, err := host.Open(t.Context(), opt)
	if err != nil {
		l.Close()
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l) }()
	ended := false
	s := &service{t: t, url: "http://" + l.Addr().String(), token: opt.Token, folder: dir}
	s.stop = func() error {
		if ended {
			return nil
		}
		ended = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// api starts the demo API.
func api(t *testing.T) *demo.Server {
	t.Helper()
	s, err := demo.Start(context.Background(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reply is an answer of the service.
type reply struct {
	status int
	head   http.Header
	body   []byte
}

// into reads the answer's JSON.
func (r reply) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(r.body, v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
}

// call sends a body, which is JSON unless it is text, and checks the answer against the API's own document.
func (s *service) call(method, path string, body any) reply {
	s.t.Helper()
	var b io.Reader
	kind := ""
	switch v := body.(type) {
	case nil:
	case string:
		b, kind = strings.NewReader(v), "application/json"
	default:
		text, err := json.Marshal(v)
		if err != nil {
			s.t.Fatal(err)
		}
		b, kind = bytes.NewReader(text), "application/json"
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, b)
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := reply{resp.StatusCode, resp.Header, text}
	if why := documented(method, strings.SplitN(path, "?", 2)[0], got); why != "" {
		s.t.Errorf("%s %s answered %d %s: %s", method, path, got.status, text, why)
	}
	return got
}

// ok is call with an answer that must be a success.
func (s *service) ok(method, path string, body, into any) {
	s.t.Helper()
	got := s.call(method, path, body)
	if got.status/100 != 2 {
		s.t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
	}
	if into != nil {
		got.into(s.t, into)
	}
}

// refused is call with an answer that must be a problem with that status and code.
func (s *service) refused(method, path string, body any, status int, code string) host.Problem {
	s.t.Helper()
	got := s.call(method, path, body)
	var p host.Problem
	got.into(s.t, &p)
	if got.status != status || p.Code != code {
		s.t.Fatalf("%s %s: %d %s, want %d %s", method, path, got.status, got.body, status, code)
	}
	return p
}

// run waits until a run stands in one of the phases.
func (s *service) run(id string, phases ...host.Phase) host.RunStatus {
	s.t.Helper()
	for {
		var r host.RunStatus
		s.ok("GET", "/v1/runs/"+id, nil, &r)
		if slices.Contains(phases, r.Phase) {
			return r
		}
		if r.Phase.Over() {
			s.t.Fatalf("run %s is %s: %s", id, r.Phase, r.Message)
		}
		pause(s.t)
	}
}

// pause lets others work before something is looked at again.
func pause(t *testing.T) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal("the test is over")
	case <-time.After(5 * time.Millisecond):
	}
}

// lines reads a file's lines.
func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// document is the API's own description, with its schemas compiled.
type document struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				}
			}
		}
	}
	schemas map[string]*jsonschema.Schema
}

var described = func() *document {
	b, err := host.OpenAPI("test")
	if err != nil {
		panic(err)
	}
	d := &document{schemas: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(b, d); err != nil {
		panic(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("api.json", whole); err != nil {
		panic(err)
	}
	for name := range whole.(map[string]any)["components"].(map[string]any)["schemas"].(map[string]any) {
		d.schemas["#/components/schemas/"+name] = c.MustCompile("api.json#/components/schemas/" + name)
	}
	return d
}()

// documented says in what an answer is not what the document promises, "" when it is.
func documented(method, path string, r reply) string {
	kind, _, _ := strings.Cut(r.head.Get("Content-Type"), ";")
	pattern := patternOf(method, path)
	if pattern == "" {
		if kind != "application/problem+json" {
			return "want a problem"
		}
		return described.check("#/components/schemas/Problem", r.body)
	}
	op, ok := described.Paths[pattern][strings.ToLower(method)]
	if !ok {
		return "the document has no such operation"
	}
	answer, ok := op.Responses[fmt.Sprint(r.status)]
	if !ok {
		return "the document has no such status for " + pattern
	}
	shape, ok := answer.Content[kind]
	if !ok {
		return "the document has no " + kind
	}
	if shape.Schema.Ref == "" {
		return ""
	}
	return described.check(shape.Schema.Ref, r.body)
}

func (d *document) check(ref string, body []byte) string {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = d.schemas[ref].Validate(v)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// patternOf finds the path of the document that fits, the one with the fewest parameters.
func patternOf(method, path string) (best string) {
	got := strings.Split(path, "/")
	for pattern, ops := range described.Paths {
		want := strings.Split(pattern, "/")
		ok := len(want) == len(got) && ops[strings.ToLower(method)].Responses != nil
		for i := range want {
			ok = ok && (want[i] == got[i] || strings.HasPrefix(want[i], "{") && got[i] != "")
		}
		if ok && (best == "" || strings.Count(pattern, "{") < strings.Count(best, "{")) {
			best = pattern
		}
	}
	return best
}
