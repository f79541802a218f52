package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

func lit(s string) *spec.Text { return &spec.Text{Parts: []spec.Part{{Lit: s}}} }

func str(s string) *spec.Node { return &spec.Node{Kind: spec.KindString, Text: lit(s)} }

// clock is set by hand.

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// store keeps secrets in memory.

type store struct {
	mu     sync.Mutex
	values map[string]string
	err    error
}

func (s *store) Secret(_ context.Context, name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[name], s.err
}

func (s *store) PutSecret(_ context.Context, name, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil {
		s.values = map[string]string{}
	}
	s.values[name] = value
	return s.err
}

// world is an Env over net/http that remembers what is secret.

type world struct {
	Env
	mu      sync.Mutex
	secrets map[string]bool
	clock   *clock
}

func newWorld(t *testing.T, base string) *world {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{secrets: map[string]bool{}, clock: &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	w.Env = Env{
		Base: u, Clock: w.clock, Store: &store{}, Tokens: new(Tokens), Do: send,
		Excerpt: func(b []byte) string { return string(b) },
		AddSecret: func(s string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.secrets[s] = true
		},
		Text: func(_ context.Context, t *spec.Text) (string, error) {
			return "evaluated " + t.Parts[0].Expr.Source, nil
		},
		Node: func(_ context.Context, n *spec.Node, token json.RawMessage) (json.RawMessage, error) {
			var text string
			for _, p := range n.Text.Parts {
				if p.Expr != nil {
					text += plain(token)
				} else {
					text += p.Lit
				}
			}
			return json.Marshal(text)
		},
		Build: func(_ context.Context, r *spec.Request) (*Request, error) {
			path, _ := r.Path.Literal()
			return &Request{Method: r.Method, URL: base + path, Header: http.Header{}, Body: []byte("user=u")}, nil
		},
		Pick: func(_ context.Context, p *spec.Pick, a *Answer) (json.RawMessage, bool, error) {
			var m map[string]json.RawMessage
			if err := json.Unmarshal(a.Body, &m); err != nil {
				return nil, false, err
			}
			v, ok := m[p.Any[0].Ref.Path[0].Field]
			return v, ok, nil
		},
	}
	return w
}

func (w *world) knows(secrets ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range secrets {
		if !w.secrets[s] {
			return fmt.Errorf("%q is not known as a secret", s)
		}
	}
	return nil
}

// send is Env.Do over net/http.

func send(ctx context.Context, r *Request) (*Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(string(r.Body)))
	if err != nil {
		return nil, err
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &Answer{resp.StatusCode, resp.Header, body, r.URL}, err
}

func field(name string) *spec.Pick {
	return &spec.Pick{Any: []spec.Source{{Ref: &engine.Ref{Path: engine.Path{{Field: name}}}}}}
}

func apply(t *testing.T, s Scheme, body string) (*http.Request, []byte, uint64) {
	t.Helper()
	r := httptest.NewRequest("POST", "https://api.example.com/v1/x?a=1%2C2&key=old", nil)
	out, grant, err := s.Apply(t.Context(), r, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r, out, grant
}

// tokenServer is a token endpoint and an API whose tokens end after some requests.

type tokenServer struct {
	*httptest.Server
	mu       sync.Mutex
	issued   int
	forms    []url.Values
	basics   []string
	left     map[string]int // requests that a token is still good for
	each     int            // requests a token is good for
	expires  string         // expires_in
	style    string         // header, body or "" for both
	status   int            // of token answers, 0: 200
	rotate   bool
	refresh  string
	apiCalls atomic.Int64
}

func newTokenServer(t *testing.T, change func(*tokenServer)) *tokenServer {
	s := &tokenServer{left: map[string]int{}, each: 1 << 30, expires: "3600"}
	if change != nil {
		change(s)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.HasSuffix(r.URL.Path, "/token") {
		s.apiCalls.Add(1)
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if s.left[token] <= 0 {
			w.WriteHeader(401)
			return
		}
		s.left[token]--
		fmt.Fprint(w, "{}")
		return
	}
	_ = r.ParseForm()
	user, password, inHeader := r.BasicAuth()
	s.forms = append(s.forms, r.PostForm)
	s.basics = append(s.basics, user+":"+password)
	if s.status != 0 || s.style == "header" && !inHeader || s.style == "body" && (inHeader || r.PostForm.Get("client_secret") == "") ||
		s.rotate && r.PostForm.Get("refresh_token") != s.refresh {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(max(s.status, 401))
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return
	}
	s.issued++
	token := fmt.Sprintf("token-%04d", s.issued)
	s.left[token] = s.each
	answer := map[string]any{"access_token": token, "token_type": "bearer"}
	if s.expires != "" {
		answer["expires_in"] = json.RawMessage(s.expires)
	}
	if s.rotate {
		s.refresh = fmt.Sprintf("refresh-%04d", s.issued)
		answer["refresh_token"] = s.refresh
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(201)
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *tokenServer) last() (url.Values, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forms[len(s.forms)-1], s.basics[len(s.basics)-1]
}
