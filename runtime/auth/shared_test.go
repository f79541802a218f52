package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/auth"
	"github.com/lastpage/lastpage/runtime/transport"
)

func lit(s string) *spec.Text { return &spec.Text{Parts: []spec.Part{{Lit: s}}} }

// connector makes the transport of one connector with OAuth 2, as the runtime puts it together.
func connector(t *testing.T, base string, groups *transport.Groups, tokens *auth.Tokens, retry spec.Retry) (*transport.Client, *transport.Redactor) {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	redact := new(transport.Redactor)
	plain, err := transport.New(transport.Config{Redact: redact, Retry: retry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plain.Close)
	scheme, err := auth.New(t.Context(), &spec.Auth{Type: "oauth2_client_credentials", TokenURL: lit("/token"), ClientID: lit("id"), ClientSecret: lit("client-secret-1"), Style: "body"}, auth.Env{
		Base: u, Tokens: tokens, AddSecret: redact.Add, Excerpt: plain.Excerpt,
		Do: func(ctx context.Context, r *auth.Request) (*auth.Answer, error) {
			a, err := plain.Fetch(ctx, r.Method, r.URL, r.Header, r.Body)
			if err != nil {
				return nil, err
			}
			return &auth.Answer{Status: a.Status, Header: a.Header, Body: a.Body, URL: a.URL}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := transport.New(transport.Config{
		Base: u, Redact: redact, Authenticator: scheme, Retry: retry,
		Group: groups.Group(u.Host+" "+scheme.Identity(), transport.Limit{Concurrency: 64}),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, redact
}

// TestOneRenewalForEveryExpiry runs two connectors with 100 chains each on one key whose token is
// good for 50 requests: every token is used to its end, and one is asked for at each end.
func TestOneRenewalForEveryExpiry(t *testing.T) {
	const each, chains, pages = 50, 100, 25
	var mu sync.Mutex
	issued, left, accepted := 0, 0, 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/token" {
			issued++
			left = each
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":1800}`, issued)
			return
		}
		if left == 0 || r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", issued) {
			w.WriteHeader(401)
			return
		}
		left--
		accepted++
		fmt.Fprint(w, "{}")
	}))
	defer srv.Close()
	var groups transport.Groups
	var tokens auth.Tokens
	var wait sync.WaitGroup
	for range 2 {
		c, _ := connector(t, srv.URL, &groups, &tokens, transport.DefaultRetry())
		for chain := range chains {
			wait.Go(func() {
				for page := range pages {
					a, err := c.Do(t.Context(), &transport.Request{URL: fmt.Sprintf("%s/%d/%d", srv.URL, chain, page), Chain: fmt.Sprint(chain)})
					a.Release()
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	wait.Wait()
	if want := 2 * chains * pages / each; accepted != 2*chains*pages || issued != want {
		t.Errorf("%d requests were accepted, %d tokens issued; want %d and %d", accepted, issued, 2*chains*pages, want)
	}
	if len(groups.Stats()) != 1 {
		t.Errorf("the connectors of one key have %d groups", len(groups.Stats()))
	}
}

func TestRefusedForGood(t *testing.T) {
	var mu sync.Mutex
	issued, calls := 0, 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/token" {
			issued++
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token":"access-token-%d"}`, issued)
			return
		}
		calls++
		w.WriteHeader(401)
		fmt.Fprintf(w, "you sent %s", r.Header.Get("Authorization"))
	}))
	defer srv.Close()
	c, _ := connector(t, srv.URL, new(transport.Groups), new(auth.Tokens), transport.DefaultRetry())
	a, err := c.Do(t.Context(), &transport.Request{URL: srv.URL + "/page"})
	a.Release()
	var e *transport.Error
	if !errors.As(err, &e) || e.Code != transport.CodeUnauthorized || issued != 2 || calls != 2 {
		t.Errorf("%v after %d tokens and %d requests", err, issued, calls)
	}
	want := "GET " + srv.URL + "/page: the API answered 401 Unauthorized: you sent *** (after 2 attempts); check http.auth and the credentials it is given"
	if err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestManyRefusedForGood has 100 chains on an API that refuses every token: none of them hangs, all
// say so, and the token endpoint is asked no more than for one chain.
func TestManyRefusedForGood(t *testing.T) {
	var mu sync.Mutex
	issued := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			w.WriteHeader(401)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		issued++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d"}`, issued)
	}))
	defer srv.Close()
	c, _ := connector(t, srv.URL, new(transport.Groups), new(auth.Tokens), transport.DefaultRetry())
	var wait sync.WaitGroup
	for chain := range 100 {
		wait.Go(func() {
			a, err := c.Do(t.Context(), &transport.Request{URL: srv.URL, Chain: fmt.Sprint(chain)})
			a.Release()
			var e *transport.Error
			if !errors.As(err, &e) || e.Code != transport.CodeUnauthorized {
				t.Errorf("%v", err)
			}
		})
	}
	wait.Wait()
	if issued != 2 {
		t.Errorf("%d tokens, want 2", issued)
	}
}

// TestTokenEndpointIsRetriedAndExplained covers an endpoint that is away for a while, one that
// refuses, and one that is gone.
func TestTokenEndpointIsRetriedAndExplained(t *testing.T) {
	fails, status := 3, 503
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" && fails > 0 {
			fails--
			w.WriteHeader(status)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"bad client-secret-1"}`)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"fresh-token-1"}`)
	}))
	retry := transport.DefaultRetry()
	retry.Initial = time.Millisecond
	get := func() error {
		c, _ := connector(t, srv.URL, new(transport.Groups), new(auth.Tokens), retry)
		a, err := c.Do(t.Context(), &transport.Request{URL: srv.URL + "/page"})
		a.Release()
		return err
	}
	if err := get(); err != nil || fails != 0 {
		t.Errorf("%v", err)
	}
	fails, status = 1, 401
	var e *transport.Error
	if err := get(); !errors.As(err, &e) || e.Code != transport.CodeUnauthorized || !strings.Contains(err.Error(), srv.URL+`/token answered 401 Unauthorized: {"error":"invalid_client","error_description":"bad ***"}; check client_id`) {
		t.Errorf("%v", err)
	}
	srv.Close()
	if err := get(); !errors.As(err, &e) || e.Code != transport.CodeNetwork || !strings.Contains(err.Error(), "/token: "+strings.TrimPrefix(srv.URL, "http://")+" refuses the connection") {
		t.Errorf("%v", err)
	}
}
