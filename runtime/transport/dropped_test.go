package transport

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A kept connection that is closed before an answer costs neither the run nor a signature: the request
// goes out again as an attempt of its own, signed again and numbered.
func TestADroppedConnectionIsAnAttempt(t *testing.T) {
	for _, c := range []struct {
		name, method string
		drop         func(n int) bool // by number of the request
		seen         string
		attempts     int
		code         string
	}{
		{"once", "GET", func(n int) bool { return n == 2 }, "1/1 2/1 3/2", 2, ""},
		{"a method that may be sent twice", "HEAD", func(n int) bool { return n == 2 }, "1/1 2/1 3/2", 2, ""},
		{"the new one too", "GET", func(n int) bool { return n >= 2 }, "1/1 2/1 3/2", 2, CodeNetwork},
		{"a method that may not be sent twice", "POST", func(n int) bool { return n == 2 }, "1/1 2/1", 1, CodeNetwork},
		{"a new connection", "GET", func(n int) bool { return n == 1 }, "1/1", 1, CodeNetwork},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			var seen []string
			srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
				mu.Lock()
				seen = append(seen, r.Header.Get("X-Nonce")+"/"+r.Header.Get("X-Attempt"))
				mu.Unlock()
				return !c.drop(n) && answer(conn, 200, "")
			})
			nonce := 0
			exchanges := 0
			cl := newClient(t, srv.url, func(cfg *Config) {
				cfg.Clock = newFakeClock()
				cfg.Retry.Attempts = 1
				cfg.Observe = func(*Exchange) { exchanges++ }
				cfg.Edit = func(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
					r.Header.Set("X-Attempt", fmt.Sprint(AttemptOf(ctx)))
					return body, nil
				}
				cfg.Authenticator = signer(func(r *http.Request, body []byte) []byte {
					nonce++
					r.Header.Set("X-Nonce", fmt.Sprint(nonce))
					return body
				})
			})
			var a *Answer
			var err error
			for n := 1; n <= 2 && err == nil; n++ {
				req := &Request{Method: c.method, URL: srv.url + "/page"}
				if c.method == "POST" {
					req.Body = []byte("b")
				}
				a.Release()
				a, err = cl.Do(t.Context(), req)
			}
			defer a.Release()
			if code := codeOf(t, err); code != c.code {
				t.Fatalf("%q, %v", code, err)
			}
			attempts := 0
			if err != nil {
				attempts = len(err.(*Error).Attempts)
			} else {
				attempts = len(a.Attempts)
			}
			mu.Lock()
			defer mu.Unlock()
			if got := strings.Join(seen, " "); got != c.seen || attempts != c.attempts || exchanges != len(seen) {
				t.Errorf("the server saw %s in %d exchanges, the last call made %d attempts; want %s, %d", got, exchanges, attempts, c.seen, c.attempts)
			}
		})
	}
}

// All of a pool's connections may have been closed while nothing was asked.
func TestIdleConnectionsThatWereClosed(t *testing.T) {
	var mu sync.Mutex
	var open []net.Conn
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(open, conn) {
			open = append(open, conn)
		}
		return answer(conn, 200, "ok")
	})
	c := newClient(t, srv.url, func(cfg *Config) { cfg.Retry.Attempts = 1 })
	for range 5 {
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				a, err := c.Do(t.Context(), &Request{URL: srv.url})
				if err != nil {
					t.Error(err)
				}
				a.Release()
			})
		}
		wait.Wait()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		open = nil
		mu.Unlock()
	}
}
