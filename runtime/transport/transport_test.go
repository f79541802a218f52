package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http tells there what servers send unasked
	os.Exit(m.Run())
}

// fakeClock is simulated: Sleep moves it on at once and is written down.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	sleeps []time.Duration
}

var epochOfTests = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newFakeClock() *fakeClock { return &fakeClock{now: epochOfTests} }

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.sleeps = append(c.sleeps, d)
	return ctx.Err()
}

// slept returns every wait so far.
func (c *fakeClock) slept() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.sleeps...)
}

// newClient makes a client of base with defaults that suit tests.
func newClient(t testing.TB, base string, change func(*Config)) *Client {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Base: u, Timeout: 10 * time.Second, Compression: true, Random: func() float64 { return 0.5 }, Redact: new(Redactor), Retry: DefaultRetry()}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func get(t testing.TB, c *Client, u string) (*Answer, error) {
	t.Helper()
	a, err := c.Do(t.Context(), &Request{URL: u})
	t.Cleanup(a.Release)
	return a, err
}

// codeOf returns the code of an *Error, "" without an error.
func codeOf(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("not an *Error: %v", err)
	}
	return e.Code
}

// rawServer answers every connection with what serve writes, byte by byte as it wants.
type rawServer struct {
	url         string
	connections atomic.Int64
	requests    atomic.Int64
}

// newRawServer calls serve for each request that it reads; serve returns false to close.
func newRawServer(t testing.TB, serve func(n int, conn net.Conn, r *http.Request) bool) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{url: "http://" + l.Addr().String()}
	var wait sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			mu.Lock()
			open[conn] = true
			mu.Unlock()
			wait.Go(func() {
				defer conn.Close()
				br := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						return
					}
					if !serve(int(s.requests.Add(1)), conn, r) {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for conn := range open {
			conn.Close()
		}
		mu.Unlock()
		wait.Wait()
	})
	return s
}

// answer writes an HTTP/1.1 answer with a right Content-Length.
func answer(conn net.Conn, status int, body string, headers ...string) bool {
	h := ""
	for _, line := range headers {
		h += line + "\r\n"
	}
	_, err := fmt.Fprintf(conn, "HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s", status, len(body), h, body)
	return err == nil
}

func TestDoReturnsTheWholeAnswer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("User-Agent"); got != "lastpage" {
			t.Errorf("user agent %q", got)
		}
		w.Header().Set("X-Next", "2")
		fmt.Fprint(w, `{"a":1}`)
	}))
	defer srv.Close()
	a, err := get(t, newClient(t, srv.URL, nil), srv.URL+"/x?y=1")
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Body) != `{"a":1}` || a.Status != 200 || a.Class != spec.ClassOK || a.Header.Get("X-Next") != "2" || a.URL.RawQuery != "y=1" {
		t.Errorf("answer %+v, body %s", a, a.Body)
	}
	if len(a.Attempts) != 1 || a.Attempts[0].Reason != "" || a.Date.IsZero() {
		t.Errorf("attempts %+v, date %v", a.Attempts, a.Date)
	}
}

func TestPostIsSentWholeOnEveryAttempt(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if string(b) != `{"q":1}` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("attempt %d: body %q", n.Load(), b)
		}
		if n.Add(1) < 4 {
			w.WriteHeader(503)
		}
	}))
	defer srv.Close()
	c := newClient(t, srv.URL, func(cfg *Config) { cfg.Clock = newFakeClock() })
	_, err := c.Do(t.Context(), &Request{Method: "POST", URL: srv.URL, Body: []byte(`{"q":1}`), Header: http.Header{"Content-Type": {"application/json"}}})
	if err != nil || n.Load() != 4 {
		t.Errorf("%v after %d requests", err, n.Load())
	}
}

func TestCancelEndsAWaitAndASend(t *testing.T) {
	started := make(chan struct{}, 2)
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		started <- struct{}{}
		if r.URL.Path == "/wait" {
			return answer(conn, 429, "", "Retry-After: 500")
		}
		_, _ = io.Copy(io.Discard, conn) // until it is closed
		return false
	})
	for _, path := range []string{"/wait", "/hang"} {
		c := newClient(t, srv.url, nil)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := c.Do(ctx, &Request{URL: srv.url + path})
			done <- err
		}()
		<-started
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		switch n % 4 {
		case 0:
			return answer(conn, 503, big)
		case 1:
			return answer(conn, 200, `{"page":1}`)
		case 2:
			return answer(conn, 429, big)
		}
		return answer(conn, 404, big)
	})
	c := newClient(t, srv.url, func(cfg *Config) { cfg.Clock = newFakeClock() })
	for range 50 {
		a, _ := c.Do(t.Context(), &Request{URL: srv.url})
		a.Release()
	}
	if n := srv.connections.Load(); n != 1 {
		t.Errorf("%d connections for %d requests", n, srv.requests.Load())
	}
}

func TestAnotherClientsFailureKeepsConnections(t *testing.T) {
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		return answer(conn, map[string]int{"/ok": 200, "/bad": 500}[r.URL.Path], "{}")
	})
	c := newClient(t, srv.url, func(cfg *Config) { cfg.Clock = newFakeClock(); cfg.Retry.Attempts = 2 })
	for range 5 {
		for _, p := range []string{"/ok", "/bad"} {
			a, _ := c.Do(t.Context(), &Request{URL: srv.url + p})
			a.Release()
		}
	}
	if n := srv.connections.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestOneUseIsNotSentTwice(t *testing.T) {
	cases := []struct {
		name   string
		first  func(conn net.Conn) bool
		oneUse bool
		want   string
		sent   int64
	}{
		{"cut answer", func(conn net.Conn) bool {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			return false
		}, true, CodeTokenSpent, 1},
		{"closed after the request", func(conn net.Conn) bool { return false }, true, CodeTokenSpent, 1},
		{"gateway timeout", func(conn net.Conn) bool { return answer(conn, 504, "") }, true, CodeTokenSpent, 1},
		{"refused for its rate", func(conn net.Conn) bool { return answer(conn, 429, "", "Retry-After: 1") }, true, "", 2},
		{"unavailable", func(conn net.Conn) bool { return answer(conn, 503, "") }, true, "", 2},
		{"cut answer, many uses", func(conn net.Conn) bool {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			return false
		}, false, "", 2},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var sent atomic.Int64
			srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
				if r.URL.Path == "/warm" {
					return answer(conn, 200, "{}")
				}
				if sent.Add(1) == 1 {
					return tc.first(conn)
				}
				return answer(conn, 200, "{}")
			})
			c := newClient(t, srv.url, func(cfg *Config) { cfg.Clock = newFakeClock() })
			if _, err := get(t, c, srv.url+"/warm"); err != nil { // so that a kept connection is used
				t.Fatal(err)
			}
			a, err := c.Do(t.Context(), &Request{URL: srv.url + "/page", OneUse: tc.oneUse})
			a.Release()
			if got := codeOf(t, err); got != tc.want || sent.Load() != tc.sent {
				t.Errorf("code %q (%v), sent %d times; want %q, %d", got, err, sent.Load(), tc.want, tc.sent)
			}
		})
	}
}

func TestTokenThatWouldNotOutliveTheWait(t *testing.T) {
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		return answer(conn, 429, "", "Retry-After: 60")
	})
	clock := newFakeClock()
	c := newClient(t, srv.url, func(cfg *Config) { cfg.Clock = clock })
	a, err := c.Do(t.Context(), &Request{URL: srv.url, NotAfter: clock.Now().Add(30 * time.Second)})
	a.Release()
	if codeOf(t, err) != CodeTokenExpired || srv.requests.Load() != 1 || len(clock.slept()) != 0 {
		t.Errorf("%v after %d requests and %v", err, srv.requests.Load(), clock.slept())
	}
	a, err = c.Do(t.Context(), &Request{URL: srv.url, NotAfter: clock.Now().Add(-time.Second)})
	a.Release()
	if codeOf(t, err) != CodeTokenExpired || srv.requests.Load() != 1 {
		t.Errorf("an old token: %v after %d requests", err, srv.requests.Load())
	}
}

func TestHooksAndCredentialsRunForEveryAttempt(t *testing.T) {
	var seen []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Header.Get("X-Edit")+" "+r.Header.Get("X-Signed")+" "+string(b))
		if len(seen) < 3 {
			w.WriteHeader(502)
		}
	}))
	defer srv.Close()
	edits := 0
	c := newClient(t, srv.URL, func(cfg *Config) {
		cfg.Clock = newFakeClock()
		cfg.Edit = func(_ context.Context, r *http.Request, body []byte) ([]byte, error) {
			edits++
			r.Header.Set("X-Edit", fmt.Sprint(edits))
			return append(body[:len(body):len(body)], '!'), nil
		}
		cfg.Authenticator = signer(func(r *http.Request, body []byte) []byte {
			r.Header.Set("X-Signed", r.Header.Get("X-Edit")+string(body))
			return body
		})
	})
	if _, err := c.Do(t.Context(), &Request{Method: "POST", URL: srv.URL, Body: []byte("b")}); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(seen, "|"), "1 1b! b!|2 2b! b!|3 3b! b!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// signer is an Authenticator that only signs.
type signer func(r *http.Request, body []byte) []byte

func (s signer) Apply(_ context.Context, r *http.Request, body []byte) ([]byte, uint64, error) {
	return s(r, body), 0, nil
}
func (signer) Refused(context.Context, uint64, int, int) (bool, bool, error) {
	return false, false, nil
}
func (signer) Settled(uint64, bool) {}
