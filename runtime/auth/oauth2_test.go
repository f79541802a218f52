package auth

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/spec"
)

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
