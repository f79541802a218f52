package transport

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

var bigHeader = strings.Repeat("y", MaxHeader)

// hostile makes answers that a server in trouble, or a bad one, could send.
func hostile(rnd *rand.Rand) []byte {
	var b bytes.Buffer
	statuses := []int{200, 200, 200, 200, 201, 204, 206, 207, 301, 302, 304, 400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504, 529, 100, 103, 999, 0, 42}
	protos := []string{"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "ICY"}
	fmt.Fprintf(&b, "%s %d %s\r\n", pick(rnd, protos), pick(rnd, statuses), pick(rnd, []string{"OK", "", "\xff\x00", strings.Repeat("x", 5000)}))
	bodies := []string{`[1]`, `[1]`, `[1`, `[1]]`, `<html>`, "", "\xff\xfe[1]", "[1]\x00", strings.Repeat(" ", 5000) + "[1]"}
	if rnd.IntN(20) == 0 {
		bodies = []string{strings.Repeat(" ", 70000) + "[1]", "[\"" + strings.Repeat("a", 200<<10) + "\"]"}
	}
	body := []byte(pick(rnd, bodies))
	headers := []string{
		"Content-Type: application/json", "Content-Type: text/html; charset=\x80", "Retry-After: 1", "Retry-After: -1", "Retry-After: 1e9", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT",
		"Date: yesterday", "Date: Fri, 31 Dec 9999 23:59:59 GMT", "Location: /again", "Location: http://127.0.0.1:1/", "Location: file:///etc/passwd", "Location: \x01", "Link: <", "Link: <x>; rel=\"next",
		"Content-Encoding: gzip", "Content-Encoding: br", "Content-Encoding: zstd, gzip", "Content-Encoding: deflate", "Content-Encoding: gzip, gzip, gzip", "Set-Cookie: a=b", "Connection: close", "Upgrade: h2c",
		"no colon here", ": no name", "X-Nul: a\x00b", "X\xff: y", " folded: z", "Trailer: X-T", "Transfer-Encoding: gzip", "Transfer-Encoding: chunked, chunked",
	}
	if rnd.IntN(3) == 0 {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write(body)
		_ = w.Close()
		body = z.Bytes()
		if rnd.IntN(4) > 0 {
			b.WriteString("Content-Encoding: gzip\r\n")
		}
	}
	if rnd.IntN(400) == 0 {
		b.WriteString("X-Big: " + bigHeader + "\r\n")
	}
	for range rnd.IntN(5) {
		b.WriteString(pick(rnd, headers) + "\r\n")
	}
	switch rnd.IntN(6) {
	case 0:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
		b.Write(body)
	case 1: // a length that lies
		fmt.Fprintf(&b, "Content-Length: %s\r\n\r\n", pick(rnd, []string{"0", "1", "5", "99999999999999999999", "-1", "x", "4000000000", fmt.Sprint(len(body) + 7)}))
		b.Write(body)
	case 2: // two lengths
		fmt.Fprintf(&b, "Content-Length: %d\r\nContent-Length: 3\r\n\r\n", len(body))
		b.Write(body)
	case 3, 4: // chunks, some broken
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := body; len(rest) > 0; {
			n := min(len(rest), 1+rnd.IntN(40000))
			fmt.Fprintf(&b, "%s%x\r\n%s\r\n", pick(rnd, []string{"", "", "", "", "", "", "-", "zz", "fffffffffffffffff"}), n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString(pick(rnd, []string{"0\r\n\r\n", "0\r\n\r\n", "0\r\n", "", "0\r\nX-T: 1\r\n\r\n"}))
	default: // until the connection ends
		b.WriteString("\r\n")
		b.Write(body)
	}
	out := b.Bytes()
	if rnd.IntN(4) == 0 {
		out = out[:rnd.IntN(len(out)+1)]
	}
	if rnd.IntN(8) == 0 && len(out) > 0 {
		out[rnd.IntN(min(len(out), 200))] ^= byte(1 << rnd.IntN(8))
	}
	return out
}

func pick[T any](rnd *rand.Rand, list []T) T { return list[rnd.IntN(len(list))] }

// TestHostileAnswers sends generated answers to clients and looks for what they left behind: no
// panic, no goroutine, no file, no memory, and no body that is not what the connector reads.
func TestHostileAnswers(t *testing.T) {
	answers := 10000
	if testing.Short() {
		answers = 1000
	}
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(1, 2))
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		mu.Lock()
		text := hostile(rnd)
		keep := rnd.IntN(50) == 0 || whole(string(text))
		mu.Unlock()
		_ = conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
		_, err := conn.Write(text)
		return err == nil && keep
	})
	files := openFiles(t)
	goroutines := runtime.NumGoroutine()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)

	configure := func(cfg *Config) {
		jsonOnly(cfg)
		cfg.Clock, cfg.MaxPage, cfg.Timeout = newFakeClock(), 128<<10, 500*time.Millisecond
		cfg.Retry.Attempts = 2
		cfg.Observe = func(e *Exchange) { _ = new(HAR).entry(e) }
	}
	classes := map[string]int{}
	var wait sync.WaitGroup
	for range 32 {
		c := newClient(t, srv.url, configure)
		wait.Go(func() {
			defer c.Close()
			for srv.requests.Load() < int64(answers) {
				a, err := c.Do(t.Context(), &Request{URL: srv.url + "/x"})
				what := "ok"
				if err != nil {
					var e *Error
					if !errors.As(err, &e) {
						t.Errorf("not an *Error: %v", err)
						return
					}
					what = e.Code
				} else if a.Class != spec.ClassOK || a.Status != 204 && !json.Valid(a.Body) {
					t.Errorf("delivered %d %s %.50q", a.Status, a.Class, a.Body)
				}
				a.Release()
				mu.Lock()
				classes[what]++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for _, code := range []string{"ok", CodeNetwork, CodeBody, CodeForeignOrigin, CodePageTooLarge, CodeRateLimited, CodeTimeout} {
		if classes[code] == 0 {
			t.Errorf("no answer was %s: %v", code, classes)
		}
	}
	settle(t, "goroutines", goroutines+40, runtime.NumGoroutine)
	settle(t, "files", files+40, func() int { return openFiles(t) })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the heap has grown by %d MB", grown>>20)
	}
}

// settle waits until count is at most bound: connections end a little after their client.
func settle(t *testing.T, what string, bound int, count func() int) {
	t.Helper()
	for range 500 {
		if count() <= bound {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d %s are left, at most %d were expected", count(), what, bound)
}

// openFiles counts this process's file descriptors; 0 where the system does not show them.
func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

// TestBombsStayInBoundedMemory decodes a bomb of 256 MB of zeros under a bound of 1 MB.
func TestBombsStayInBoundedMemory(t *testing.T) {
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 256 {
		if _, err := w.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	srv := newRawServer(t, func(n int, conn net.Conn, r *http.Request) bool {
		return answer(conn, 200, z.String(), "Content-Encoding: gzip")
	})
	c := newClient(t, srv.url, func(cfg *Config) { cfg.MaxPage = 1 << 20 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := c.Do(t.Context(), &Request{URL: srv.url})
	a.Release()
	runtime.ReadMemStats(&after)
	if codeOf(t, err) != CodePageTooLarge {
		t.Fatal(err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 24<<20 {
		t.Errorf("%d MB were allocated for a page of at most 1 MB", used>>20)
	}
}
