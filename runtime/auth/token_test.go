package auth

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

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
	apply(t, s, "")
	s.Settled(second, true)
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

// later is an error of a request that is to be made again then.
type later struct{ at time.Time }

func (e later) Error() string       { return "leave me alone" }
func (e later) ComeBack() time.Time { return e.at }

// TestEndpointIsLeftAlone: a token endpoint that asks to be left alone is asked by nobody until then.
func TestEndpointIsLeftAlone(t *testing.T) {
	srv := newTokenServer(t, nil)
	w := newWorld(t, srv.URL)
	asked, until := 0, w.clock.Now().Add(time.Hour)
	w.Do = func(ctx context.Context, r *Request) (*Answer, error) {
		if asked++; w.clock.Now().Before(until) {
			return nil, later{until}
		}
		return send(ctx, r)
	}
	s, err := New(t.Context(), clientCredentials(), w.Env)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var parked later
		if _, _, err := s.Apply(t.Context(), httptest.NewRequest("GET", "/", nil), nil); !errors.As(err, &parked) || asked != 1 {
			t.Errorf("%v after %d requests", err, asked)
		}
	}
	w.clock.step(time.Hour)
	if r, _, _ := apply(t, s, ""); r.Header.Get("Authorization") != "Bearer token-0001" || asked != 2 {
		t.Errorf("%v after %d requests", r.Header, asked)
	}
}

func TestExpiresByConnector(t *testing.T) {
	srv := newTokenServer(t, func(s *tokenServer) { s.expires = `"1799"` })
	w := newWorld(t, srv.URL)
	w.Env.Tokens = new(Tokens)
	for _, name := range []string{"a", "b"} {
		w.Env.Connector = name
		s, err := New(t.Context(), clientCredentials(), w.Env)
		if err != nil {
			t.Fatal(err)
		}
		if name == "a" && len(w.Env.Tokens.Expires()) != 0 {
			t.Error("a credential ends before it is there")
		}
		apply(t, s, "")
	}
	got, want := w.Env.Tokens.Expires(), w.clock.Now().Add(1799*time.Second)
	if len(got) != 2 || !got["a"].Equal(want) || !got["b"].Equal(want) || srv.issued != 1 {
		t.Errorf("%v, want %v; %d tokens", got, want, srv.issued)
	}
}
