package auth

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/spec"
)

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
			s.Settled(0, true)
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
