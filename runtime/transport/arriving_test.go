package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestArriving looks at bodies while they come: at nothing, a part, all of it, and again and again after
// the end.
func TestArriving(t *testing.T) {
	text := strings.Repeat("0123456789", 40_000) // several buffers
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cut":
			w.Header().Set("Content-Length", fmt.Sprint(len(text)+1))
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			z.Write([]byte(text))
			return
		case "/packed": // at rest: no header says so
			z := gzip.NewWriter(w)
			defer z.Close()
			z.Write([]byte(text))
			return
		case "/404":
			w.WriteHeader(404)
		case "/slow":
			w.Write([]byte(text[:1000]))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
			w.Write([]byte(text[1000:]))
			return
		}
		w.Write([]byte(text))
	}))
	t.Cleanup(api.Close)
	for _, path := range []string{"/", "/cut", "/gzip", "/packed", "/404", "/slow"} {
		for _, looks := range []int{0, 1, 3, 1 << 30} {
			var seen []byte
			status, calls := 0, 0
			c := newClient(t, api.URL, func(cfg *Config) {
				cfg.Retry.Attempts = 1
				cfg.Arriving = func(_ context.Context, code int, more Arriving) {
					status, calls, seen = code, calls+1, nil
					for k := range looks {
						body, ok := more()
						if len(body) < len(seen) || !bytes.HasPrefix(body, seen) {
							t.Fatalf("%s: look %d does not go on where the last one ended", path, k)
						}
						seen = append(seen[:0], body...)
						if !ok {
							if again, still := more(); still || !bytes.Equal(again, body) {
								t.Errorf("%s: more after the end", path)
							}
							break
						}
					}
				}
			})
			a, err := get(t, c, api.URL+path)
			switch path {
			case "/cut":
				if codeOf(t, err) != CodeBody {
					t.Errorf("a cut body that was looked at: %v", err)
				}
			case "/404":
				if status != 404 || a == nil || string(a.Body) != text {
					t.Errorf("status %d, answer %v", status, a)
				}
			default:
				if err != nil || string(a.Body) != text || status != 200 {
					t.Errorf("%s, %d looks: status %d, %d bytes, %v", path, looks, status, len(a.Body), err)
				}
			}
			if calls < 1 || looks > 3 && path != "/cut" && string(seen) != text {
				t.Errorf("%s, %d looks: called %d times, %d bytes seen", path, looks, calls, len(seen))
			}
		}
	}
}
