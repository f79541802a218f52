package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

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

func TestFixedKinds(t *testing.T) {
	for _, tc := range []struct {
		name string
		auth spec.Auth
		want func(r *http.Request) string
		text string
	}{
		{"none", spec.Auth{Type: "none"}, func(r *http.Request) string { return fmt.Sprint(r.Header) }, "map[]"},
		{"bearer", spec.Auth{Type: "bearer", Token: lit("tok-en\n")}, header("Authorization"), "Bearer tok-en"},
		{"bearer without a token", spec.Auth{Type: "bearer", Token: lit("")}, func(r *http.Request) string { return fmt.Sprint(r.Header) }, "map[]"},
		{"bearer by expression", spec.Auth{Type: "bearer", Token: &spec.Text{Parts: []spec.Part{{Expr: &spec.Expr{Source: "config.t"}}}}}, header("Authorization"), "Bearer evaluated config.t"},
		{"basic", spec.Auth{Type: "basic", Username: lit("ann"), Password: lit("p:w")}, header("Authorization"), "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:p:w"))},
		{"basic with a key as user", spec.Auth{Type: "basic", Username: lit("sk_live")}, header("Authorization"), "Basic " + base64.StdEncoding.EncodeToString([]byte("sk_live:"))},
		{"key in a header", spec.Auth{Type: "api_key", In: "header", Name: lit("Authorization"), Value: lit("k1"), Prefix: lit("ApiToken ")}, header("Authorization"), "ApiToken k1"},
		{"key in the query", spec.Auth{Type: "api_key", In: "query", Name: lit("key"), Value: lit("a&b ä")}, func(r *http.Request) string { return r.URL.RawQuery }, "a=1%2C2&key=a%26b+%C3%A4"},
		{"key in a cookie", spec.Auth{Type: "api_key", In: "cookie", Name: lit("sid"), Value: lit("x%y")}, header("Cookie"), "sid=x%y"},
		{"key without a value", spec.Auth{Type: "api_key", In: "query", Name: lit("k2"), Value: lit("")}, func(r *http.Request) string { return r.URL.RawQuery }, "a=1%2C2&key=old"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := New(t.Context(), &tc.auth, newWorld(t, "https://api.example.com").Env)
			if err != nil {
				t.Fatal(err)
			}
			r, body, grant := apply(t, s, "{}")
			if got := tc.want(r); got != tc.text || string(body) != "{}" || grant != 0 {
				t.Errorf("got %q, want %q; body %s, grant %d", got, tc.text, body, grant)
			}
			if again, _, err := s.Refused(t.Context(), 0, 1, 0); again || err != nil {
				t.Error("a fixed credential is renewed")
			}
			s.Accepted(0)
		})
	}
}

func header(name string) func(*http.Request) string {
	return func(r *http.Request) string { return r.Header.Get(name) }
}

func TestSecretsAreTold(t *testing.T) {
	w := newWorld(t, "https://api.example.com")
	for _, a := range []spec.Auth{{Type: "bearer", Token: lit("token-1")}, {Type: "basic", Username: lit("u"), Password: lit("password-1")}, {Type: "api_key", Name: lit("n"), Value: lit("key-1")}} {
		if _, err := New(t.Context(), &a, w.Env); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.knows("token-1", "password-1", "key-1", base64.StdEncoding.EncodeToString([]byte("u:password-1"))); err != nil {
		t.Error(err)
	}
}

func TestIdentities(t *testing.T) {
	id := func(a spec.Auth) string {
		t.Helper()
		s, err := New(t.Context(), &a, newWorld(t, "https://api.example.com").Env)
		if err != nil {
			t.Fatal(err)
		}
		return s.Identity()
	}
	oauth := func(client, scope string) string {
		return id(spec.Auth{Type: "oauth2_client_credentials", TokenURL: lit("/token"), ClientID: lit(client), ClientSecret: lit("s"), Scopes: []*spec.Text{lit(scope)}})
	}
	bearer, client := id(spec.Auth{Type: "bearer", Token: lit("a")}), oauth("a", "b")
	if bearer != id(spec.Auth{Type: "bearer", Token: lit("a")}) || client != oauth("a", "b") {
		t.Error("equal credentials have different identities")
	}
	all := []string{id(spec.Auth{Type: "bearer", Token: lit("a")}), id(spec.Auth{Type: "bearer", Token: lit("b")}), id(spec.Auth{Type: "basic", Username: lit("a"), Password: lit("b")}),
		id(spec.Auth{Type: "basic", Username: lit("ab")}), oauth("a", "b"), oauth("b", "b"), oauth("a", "c"), id(spec.Auth{Type: "none"})}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s] || strings.Contains(s, "a b") {
			t.Errorf("identity %s twice in %v", s, all)
		}
		seen[s] = true
	}
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

func clientCredentials() *spec.Auth {
	return &spec.Auth{
		Type: "oauth2_client_credentials", TokenURL: lit("/oauth2/token"), ClientID: lit("id"), ClientSecret: lit("secret/1"),
		Scopes: []*spec.Text{lit("a"), lit("b")}, Audience: lit("aud"), Params: []spec.Field{{Name: "resource", Value: str("res")}},
	}
}

func TestClientCredentials(t *testing.T) {
	for _, style := range []string{"", "header", "body"} {
		for _, server := range []string{"", "header", "body"} {
			if style != "" && server != "" && style != server {
				continue
			}
			srv := newTokenServer(t, func(s *tokenServer) { s.style = server })
			w := newWorld(t, srv.URL+"/api/")
			a := clientCredentials()
			a.Style = style
			s, err := New(t.Context(), a, w.Env)
			if err != nil {
				t.Fatal(err)
			}
			r, _, grant := apply(t, s, "")
			if r.Header.Get("Authorization") != "Bearer token-0001" || grant != 1 {
				t.Errorf("style %q, server %q: %v", style, server, r.Header)
			}
			form, basic := srv.last()
			if form.Get("grant_type") != "client_credentials" || form.Get("scope") != "a b" || form.Get("audience") != "aud" || form.Get("resource") != "res" {
				t.Errorf("form %v", form)
			}
			if inBody := form.Get("client_secret") == "secret/1"; inBody == (basic != ":") {
				t.Errorf("style %q, server %q: credentials in the body %v, in the header %q", style, server, inBody, basic)
			}
			asked := len(srv.forms)
			again, renewed, err := s.Refused(t.Context(), grant, 1, 0)
			if !again || !renewed || err != nil || len(srv.forms) != asked+1 {
				t.Errorf("renewal: %v %v %v, %d requests after %d", again, renewed, err, len(srv.forms), asked)
			}
			if err := w.knows("secret/1", "token-0001", "token-0002"); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTokensAreRenewedBeforeTheirEnd(t *testing.T) {
	srv := newTokenServer(t, func(s *tokenServer) { s.expires = `"1799"` })
	w := newWorld(t, srv.URL)
	s, err := New(t.Context(), clientCredentials(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		wait time.Duration
		want string
	}{{0, "token-0001"}, {1700 * time.Second, "token-0001"}, {40 * time.Second, "token-0002"}, {1700 * time.Second, "token-0002"}} {
		w.clock.step(step.wait)
		if r, _, _ := apply(t, s, ""); r.Header.Get("Authorization") != "Bearer "+step.want {
			t.Errorf("after %v: %s, want %s", step.wait, r.Header.Get("Authorization"), step.want)
		}
	}
	// while the old one is alive a token endpoint that is down does no harm
	srv.status = 503
	w.clock.step(45 * time.Second)
	if r, _, _ := apply(t, s, ""); r.Header.Get("Authorization") != "Bearer token-0002" {
		t.Errorf("with the endpoint down: %s", r.Header.Get("Authorization"))
	}
	asked := len(srv.forms)
	if apply(t, s, ""); len(srv.forms) != asked {
		t.Error("a broken endpoint is asked by each request")
	}
	w.clock.step(time.Minute)
	_, _, err = s.Apply(t.Context(), httptest.NewRequest("GET", "/", nil), nil)
	if err == nil || !strings.Contains(err.Error(), "/oauth2/token answered 503 Service Unavailable") {
		t.Errorf("after its end: %v", err)
	}
}

func TestRefusedTokenEndpoint(t *testing.T) {
	srv := newTokenServer(t, func(s *tokenServer) { s.status = 401 })
	s, err := New(t.Context(), clientCredentials(), newWorld(t, srv.URL).Env)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = s.Apply(t.Context(), httptest.NewRequest("GET", "/", nil), nil)
	var e *Error
	want := "the token endpoint " + srv.URL + `/oauth2/token answered 401 Unauthorized: {"error":"invalid_client"}; check client_id, client_secret and token_url`
	if !errors.As(err, &e) || e.ErrorCode() != "unauthorized" || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestSecondRefusalStands(t *testing.T) {
	srv := newTokenServer(t, nil)
	s, err := New(t.Context(), clientCredentials(), newWorld(t, srv.URL).Env)
	if err != nil {
		t.Fatal(err)
	}
	_, _, first := apply(t, s, "")
	again, renewed, err := s.Refused(t.Context(), first, 1, 0)
	if !again || !renewed || err != nil {
		t.Fatalf("%v %v %v", again, renewed, err)
	}
	_, _, second := apply(t, s, "")
	if again, renewed, err := s.Refused(t.Context(), second, 2, 1); again || renewed || err != nil || srv.issued != 2 {
		t.Errorf("a token that never worked is renewed: %v %v %v, %d tokens", again, renewed, err, srv.issued)
	}
	// another request that was refused the first token takes the second without fetching one
	if again, renewed, err := s.Refused(t.Context(), first, 1, 0); !again || renewed || err != nil || srv.issued != 2 {
		t.Errorf("%v %v %v, %d tokens", again, renewed, err, srv.issued)
	}
	// a token that has worked and is refused has ended
	s.Accepted(second)
	if again, renewed, err := s.Refused(t.Context(), second, 2, 0); !again || !renewed || err != nil || srv.issued != 3 {
		t.Errorf("%v %v %v, %d tokens", again, renewed, err, srv.issued)
	}
	if again, _, _ := s.Refused(t.Context(), 1, maxRefusals+1, 0); again {
		t.Error("refusals without end")
	}
}

func TestOneFetchForManyWaiters(t *testing.T) {
	srv := newTokenServer(t, nil)
	w := newWorld(t, srv.URL)
	release := make(chan struct{})
	var asked atomic.Int64
	w.Do = func(ctx context.Context, r *Request) (*Answer, error) {
		asked.Add(1)
		<-release
		return send(ctx, r)
	}
	s, err := New(t.Context(), clientCredentials(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	var cancelled atomic.Int64
	for i := range 100 {
		c := t.Context()
		if i%10 == 0 {
			c = ctx
		}
		wait.Go(func() {
			r := httptest.NewRequest("GET", "/", nil)
			if _, _, err := s.Apply(c, r, nil); errors.Is(err, context.Canceled) {
				cancelled.Add(1)
			} else if err != nil || r.Header.Get("Authorization") != "Bearer token-0001" {
				t.Errorf("%v %v", err, r.Header)
			}
		})
	}
	cancel() // some leave; one of the others fetches
	close(release)
	wait.Wait()
	if srv.issued != 1 || asked.Load() > 2 {
		t.Errorf("%d tokens, %d requests", srv.issued, asked.Load())
	}
}

func TestRotatedRefreshTokenIsStored(t *testing.T) {
	srv := newTokenServer(t, func(s *tokenServer) { s.rotate, s.refresh = true, "refresh-first" })
	w := newWorld(t, srv.URL)
	a := &spec.Auth{Type: "oauth2_refresh_token", TokenURL: lit(srv.URL + "/token"), ClientID: lit("id"), ClientSecret: lit("sec"), RefreshToken: lit("refresh-first"), Style: "body"}
	for i := range 3 { // three processes, one after the other, on the same store
		env := w.Env
		env.Tokens = new(Tokens)
		s, err := New(t.Context(), a, env)
		if err != nil {
			t.Fatal(err)
		}
		_, _, grant := apply(t, s, "")
		if again, _, err := s.Refused(t.Context(), grant, 1, 0); !again || err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
	}
	form, _ := srv.last()
	if srv.issued != 6 || form.Get("refresh_token") != "refresh-0005" || form.Get("grant_type") != "refresh_token" {
		t.Errorf("%d tokens, last form %v", srv.issued, form)
	}
	if err := w.knows("refresh-first", "refresh-0006", "token-0006"); err != nil {
		t.Error(err)
	}
	w.Store.(*store).err = errors.New("disk full")
	s, err := New(t.Context(), &spec.Auth{Type: "oauth2_refresh_token", TokenURL: lit(srv.URL + "/token"), RefreshToken: lit("other")}, w.Env)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Apply(t.Context(), httptest.NewRequest("GET", "/", nil), nil); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("a store that fails: %v", err)
	}
}

func TestPassword(t *testing.T) {
	srv := newTokenServer(t, nil)
	w := newWorld(t, srv.URL)
	s, err := New(t.Context(), &spec.Auth{Type: "oauth2_password", TokenURL: lit("token"), ClientID: lit("id"), Username: lit("ann"), Password: lit("pass-1")}, w.Env)
	if err != nil {
		t.Fatal(err)
	}
	_, _, grant := apply(t, s, "")
	form, _ := srv.last()
	if form.Get("grant_type") != "password" || form.Get("username") != "ann" || form.Get("password") != "pass-1" {
		t.Errorf("form %v", form)
	}
	if again, _, err := s.Refused(t.Context(), grant, 1, 0); !again || err != nil {
		t.Error(err)
	}
	if err := w.knows("pass-1", "token-0002"); err != nil {
		t.Error(err)
	}
}

func TestJWTBearer(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(rsaKey)
	if err != nil {
		t.Fatal(err)
	}
	rsaPEM := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey)}))
	for _, tc := range []struct {
		algorithm, key string
		verify         func(text string, sig []byte) bool
	}{
		{"", rsaPEM, func(text string, sig []byte) bool { return rsaOK(&rsaKey.PublicKey, text, sig) }},
		{"RS256", strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), "\n", `\n`), func(text string, sig []byte) bool { return rsaOK(&rsaKey.PublicKey, text, sig) }},
		{"ES256", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER})), func(text string, sig []byte) bool {
			sum := sha256.Sum256([]byte(text))
			return len(sig) == 64 && ecdsa.Verify(&ecKey.PublicKey, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
		}},
		{"HS256", "shared-secret", func(text string, sig []byte) bool {
			m := hmac.New(sha256.New, []byte("shared-secret"))
			m.Write([]byte(text))
			return hmac.Equal(m.Sum(nil), sig)
		}},
	} {
		srv := newTokenServer(t, nil)
		w := newWorld(t, srv.URL)
		s, err := New(t.Context(), &spec.Auth{
			Type: "jwt_bearer", TokenURL: lit("/token"), Issuer: lit("me@example.com"), Subject: lit("you"), PrivateKey: lit(tc.key), KeyID: lit("k1"), Algorithm: tc.algorithm,
			Scopes: []*spec.Text{lit("read")}, Claims: []spec.Field{{Name: "box_sub_type", Value: str("enterprise")}, {Name: "n", Value: &spec.Node{Kind: spec.KindNumber, Raw: "12"}}}, Lifetime: 5 * time.Minute,
		}, w.Env)
		if err != nil {
			t.Fatalf("%s: %v", tc.algorithm, err)
		}
		apply(t, s, "")
		form, basic := srv.last()
		if form.Get("grant_type") != jwtGrant || basic != ":" || form.Has("client_id") {
			t.Errorf("form %v, header %s", form, basic)
		}
		parts := strings.Split(form.Get("assertion"), ".")
		sig, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !tc.verify(parts[0]+"."+parts[1], sig) {
			t.Errorf("%s: the signature is wrong: %v", tc.algorithm, err)
		}
		var head, claims map[string]any
		for i, to := range []*map[string]any{&head, &claims} {
			b, _ := base64.RawURLEncoding.DecodeString(parts[i])
			if err := json.Unmarshal(b, to); err != nil {
				t.Fatal(err)
			}
		}
		now := float64(w.clock.Now().Unix())
		if head["kid"] != "k1" || head["alg"] != algorithmOf(tc.algorithm) || claims["iss"] != "me@example.com" || claims["sub"] != "you" || claims["aud"] != srv.URL+"/token" ||
			claims["iat"] != now || claims["exp"] != now+300 || claims["scope"] != "read" || claims["box_sub_type"] != "enterprise" || claims["n"] != 12.0 {
			t.Errorf("header %v, claims %v", head, claims)
		}
		if err := w.knows(form.Get("assertion")); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []spec.Auth{{PrivateKey: lit("no pem")}, {PrivateKey: lit(rsaPEM), Algorithm: "ES256"}, {PrivateKey: lit("")}, {PrivateKey: lit("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")}} {
		bad.Type, bad.TokenURL = "jwt_bearer", lit("https://x.example/token")
		if _, err := New(t.Context(), &bad, newWorld(t, "https://x.example").Env); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%v", err)
		}
	}
}

func rsaOK(key *rsa.PublicKey, text string, sig []byte) bool {
	sum := sha256.Sum256([]byte(text))
	return rsa.VerifyPKCS1v15(key, 5, sum[:], sig) == nil // 5: crypto.SHA256
}

func TestLogin(t *testing.T) {
	logins := 0
	var status atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logins++
		w.WriteHeader(int(max(status.Load(), 200)))
		fmt.Fprintf(w, `{"token":"login-%d","number":9007199254740993,"ttl":"100","none":null}`, logins)
	}))
	defer srv.Close()
	token := &spec.Node{Kind: spec.KindString, Text: &spec.Text{Parts: []spec.Part{{Lit: "Session "}, {Expr: &spec.Expr{Source: "token", Names: []string{"token"}}}}}}
	login := func(change func(*spec.Auth)) (Scheme, *world) {
		a := &spec.Auth{Type: "login", Request: &spec.Request{Method: "POST", Path: lit("/login")}, LoginRef: field("token"), ExpiresIn: field("ttl")}
		if change != nil {
			change(a)
		}
		w := newWorld(t, srv.URL)
		s, err := New(t.Context(), a, w.Env)
		if err != nil {
			t.Fatal(err)
		}
		return s, w
	}
	s, w := login(nil)
	r, _, _ := apply(t, s, "")
	first := r.Header.Get("Authorization")
	w.clock.step(80 * time.Second)
	r, _, _ = apply(t, s, "")
	same := r.Header.Get("Authorization")
	w.clock.step(15 * time.Second)
	r, _, _ = apply(t, s, "")
	if first != "Bearer login-1" || same != first || r.Header.Get("Authorization") != "Bearer login-2" {
		t.Errorf("%s, %s, %s", first, same, r.Header.Get("Authorization"))
	}
	if err := w.knows("login-1", "login-2"); err != nil {
		t.Error(err)
	}
	for _, tc := range []struct {
		send spec.Send
		ref  string
		want string
	}{
		{spec.Send{One: &spec.Target{Kind: spec.TargetHeader, Name: "X-Auth"}}, "token", "[login-N]"},
		{spec.Send{One: &spec.Target{Kind: spec.TargetQuery, Name: "key"}}, "token", "a=1%2C2&key=login-N"},
		{spec.Send{One: &spec.Target{Kind: spec.TargetBody, Path: engine.Path{{Field: "auth"}, {Field: "id"}}}}, "number", `{"auth":{"id":9007199254740993},"q":[1]}`},
		{spec.Send{Many: []spec.SendField{{Target: &spec.Target{Kind: spec.TargetHeader, Name: "X-Auth"}, Value: token}, {Target: &spec.Target{Kind: spec.TargetHeader, Name: "Cookie"}, Value: str("a=b")}}}, "token", "[Session login-N]"},
	} {
		s, _ := login(func(a *spec.Auth) { a.Send, a.LoginRef, a.ExpiresIn = &tc.send, field(tc.ref), nil })
		r, body, _ := apply(t, s, `{"q":[1]}`)
		got := fmt.Sprint(r.Header["X-Auth"], r.URL.RawQuery, string(body))
		if want := strings.ReplaceAll(tc.want, "login-N", fmt.Sprintf("login-%d", logins)); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	s, _ = login(func(a *spec.Auth) { a.LoginRef = field("none") })
	if _, _, err := s.Apply(t.Context(), httptest.NewRequest("GET", "/", nil), nil); err == nil || !strings.Contains(err.Error(), "without the token that auth.token names") {
		t.Errorf("%v", err)
	}
	status.Store(403)
	s, _ = login(nil)
	_, _, err := s.Apply(t.Context(), httptest.NewRequest("GET", "/", nil), nil)
	var e *Error
	if !errors.As(err, &e) || e.Code != "unauthorized" || !strings.Contains(err.Error(), srv.URL+"/login answered 403 Forbidden") {
		t.Errorf("%v", err)
	}
}

func TestSigV4(t *testing.T) {
	w := newWorld(t, "https://logs.eu-west-1.amazonaws.com")
	a := &spec.Auth{Type: "aws_sigv4", Region: lit("eu-west-1"), Service: lit("logs"), AccessKey: lit("AKIDEXAMPLE"), SecretKey: lit("wJalrXUtnFEMI/K7MDENG"), SessionToken: lit("session-1")}
	s, err := New(t.Context(), a, w.Env)
	if err != nil {
		t.Fatal(err)
	}
	signatures := map[string]bool{}
	for _, body := range []string{"", "{}", `{"nextToken":"a b+c/d="}`} {
		r := httptest.NewRequest("POST", "https://logs.eu-west-1.amazonaws.com/a%2Fb/c%20d?x=1%2C2&a=b+c", nil)
		r.Header.Set("X-Amz-Target", "Logs_20140328.FilterLogEvents")
		if _, _, err := s.Apply(t.Context(), r, []byte(body)); err != nil {
			t.Fatal(err)
		}
		// the same signature comes out for whoever checks it over the same request
		check := r.Clone(t.Context())
		check.ContentLength = int64(len(body))
		sum := sha256.Sum256([]byte(body))
		check.Header.Del("Authorization")
		if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG", SessionToken: "session-1"}, check, fmt.Sprintf("%x", sum), "logs", "eu-west-1", w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		got := r.Header.Get("Authorization")
		if got != check.Header.Get("Authorization") || !strings.Contains(got, "x-amz-target") || r.Header.Get("X-Amz-Security-Token") != "session-1" || r.URL.RawQuery != "a=b%20c&x=1%2C2" {
			t.Errorf("%s\n%s\n%s", got, check.Header.Get("Authorization"), r.URL.RawQuery)
		}
		signatures[got] = true
	}
	w.clock.step(time.Second)
	r := httptest.NewRequest("POST", "https://logs.eu-west-1.amazonaws.com/", nil)
	if _, _, err := s.Apply(t.Context(), r, nil); err != nil || r.Header.Get("X-Amz-Date") != "20260102T030406Z" || len(signatures) != 3 {
		t.Errorf("%v %v", err, r.Header)
	}
	if err := w.knows("wJalrXUtnFEMI/K7MDENG", "session-1"); err != nil {
		t.Error(err)
	}
}

func TestHook(t *testing.T) {
	w := newWorld(t, "https://x.example")
	w.Sign = func(_ context.Context, r *http.Request, body []byte) ([]byte, error) {
		r.Header.Set("X-Sign", fmt.Sprint(len(body)))
		return append(body, '!'), nil
	}
	s, err := New(t.Context(), &spec.Auth{Type: "hook"}, w.Env)
	if err != nil {
		t.Fatal(err)
	}
	if r, body, _ := apply(t, s, "abc"); r.Header.Get("X-Sign") != "3" || string(body) != "abc!" {
		t.Errorf("%v %s", r.Header, body)
	}
}

func TestWhatCannotBeMade(t *testing.T) {
	for _, tc := range []struct {
		auth spec.Auth
		want string
	}{
		{spec.Auth{Type: "kerberos"}, `there is no auth type "kerberos"`},
		{spec.Auth{Type: "api_key", Value: lit("v")}, "name has no value"},
		{spec.Auth{Type: "api_key", Name: lit("n"), In: "body"}, `"body" is not header, query or cookie`},
		{spec.Auth{Type: "oauth2_client_credentials"}, "token_url has no value"},
		{spec.Auth{Type: "oauth2_client_credentials", TokenURL: lit("/t")}, "client_id has no value"},
		{spec.Auth{Type: "oauth2_client_credentials", TokenURL: lit("ftp://x/t"), ClientID: lit("i")}, "is not a URL"},
		{spec.Auth{Type: "oauth2_client_credentials", TokenURL: lit("/t"), ClientID: lit("i"), Style: "both"}, `"both" is not auto, header or body`},
		{spec.Auth{Type: "oauth2_refresh_token", TokenURL: lit("/t")}, "refresh_token has no value"},
		{spec.Auth{Type: "oauth2_password", TokenURL: lit("/t")}, "username has no value"},
		{spec.Auth{Type: "aws_sigv4", Region: lit("r"), Service: lit("s"), AccessKey: lit("a")}, "secret_key has no value"},
		{spec.Auth{Type: "hook"}, "the hook has no function sign"},
		{spec.Auth{Type: "login"}, "request and token are required"},
	} {
		tc.auth.Pos = spec.Pos{File: "c.yaml", Line: 3, Col: 5}
		if _, err := New(t.Context(), &tc.auth, newWorld(t, "https://x.example").Env); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), "c.yaml:3:5: ") {
			t.Errorf("%s: %v, want %s", tc.auth.Type, err, tc.want)
		}
	}
}
