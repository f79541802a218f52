package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/auth"
	"github.com/lastpage/lastpage/runtime/script"
)

// vault is a way of authenticating that the format does not have.
type vault struct{ key string }

func (v vault) Apply(_ context.Context, r *http.Request, body []byte) ([]byte, uint64, error) {
	r.Header.Set("X-Vault", v.key)
	return body, 0, nil
}

func (vault) Refused(context.Context, uint64, int, int) (bool, bool, error) { return false, false, nil }

func (vault) Settled(uint64, bool) {}

func (v vault) Identity() string { return "vault" }

// letters is a way of paging that the format does not have: the pages are a, b, c, and the last is z.
type letters struct{}

func (letters) Ask(s engine.State, q *engine.Request) {
	q.Index, q.Value, q.Follow = s.Pages, s.Position, s.Position != nil
	if q.Value == nil {
		q.Value = json.RawMessage(`"a"`)
	}
}

func (letters) Read(s, _ engine.State, p engine.Page, e *engine.Evidence) {
	at := byte('a')
	if s.Position != nil {
		at = s.Position[1]
	}
	says := engine.SaysMore
	if at == 'd' {
		says = engine.SaysEnd
	}
	e.Witnesses = append(e.Witnesses, engine.Witness{Name: "letter", Says: says, Detail: string(at)})
	e.Deciders = []string{"letter"}
	e.Next = json.RawMessage{'"', at + 1, '"'}
}

func TestKinds(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Header.Get("X-Vault") != "k" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		answer(w, `{"items":[{"id":"%s"}]}`, q.URL.Query().Get("at"))
	}, `streams:
  items:
    request: {path: /items}
    http: {auth: {type: vault, name: "k"}}
    records: {path: items, key: id}
    pagination: {type: letters, send: query.at}
`)
	if _, err := runtime.Load(r.dir, script.Options{}); err == nil || !strings.Contains(err.Error(), "letters") || !strings.Contains(err.Error(), "vault") {
		t.Errorf("without the kinds: %v", err)
	}
	kinds := runtime.Kinds{
		Auth: map[string]auth.Construct{"vault": func(ctx context.Context, a *spec.Auth, env *auth.Env) (auth.Scheme, error) {
			key, err := env.Text(ctx, a.Name)
			return vault{key}, err
		}},
		Patterns: map[engine.Type]func(*engine.Rules) engine.Strategy{"letters": func(*engine.Rules) engine.Strategy { return letters{} }},
	}
	c, err := kinds.Load(r.dir, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var got []string
	for page, err := range runtime.Pages(t.Context(), &runtime.Job{Connector: c, Set: map[string]string{"base_url": r.server.URL}}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range page.Records {
			got = append(got, string(rec))
		}
	}
	if want := `[{"id":"a"} {"id":"b"} {"id":"c"} {"id":"d"}]`; fmt.Sprint(got) != want {
		t.Errorf("records %s, want %s", got, want)
	}
}

// TestHookIsKept changes the hook's file under a connector that is loaded: its runs go on with what
// was loaded.
func TestHookIsKept(t *testing.T) {
	hook := "function record(r) { r.by = 'loaded'; return r }"
	files := func(string) (string, string, error) { return "hook.js", hook, nil }
	r := newRig(t, fivePages, numbered)
	text := "connector: test\nformat: 1\nhttp: {base_url: \"" + r.server.URL + "\"}\n" + numbered
	c, err := runtime.Parse("test.yaml", []byte(text), files, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	hook = "function record(r) { r.by = 'changed'; return r }"
	for page, err := range runtime.Pages(t.Context(), &runtime.Job{Connector: c}) {
		if err != nil {
			t.Fatal(err)
		}
		if rec := string(page.Records[0]); !strings.Contains(rec, `"by":"loaded"`) {
			t.Fatalf("record %s", rec)
		}
	}
}
