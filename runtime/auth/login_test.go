package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

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
