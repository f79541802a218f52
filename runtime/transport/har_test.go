package transport

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestHARIsWholeAfterEachExchange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trace.har")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	redact := new(Redactor)
	redact.Add("s3cret-value")
	redact.Add("s3cret/äö+")
	har, err := NewHAR(f, "1.0", redact)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Set-Cookie", "sid=abcdef")
		switch n {
		case 1:
			w.WriteHeader(503)
			fmt.Fprint(w, "busy s3cret-value")
		case 2:
			http.Redirect(w, r, "/moved?k=s3cret-value", http.StatusTemporaryRedirect)
		case 3:
			fmt.Fprint(w, `{"echo":"s3cret\/\u00e4\u00f6+ s3cret\/äö+ s3cret/äö+"}`)
		case 4:
			_, _ = w.Write([]byte{0xff, 0xfe, 0})
		case 5:
			fmt.Fprint(w, `{"access_token":"unknown-yet"}`)
		default:
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
		}
	}))
	defer srv.Close()
	c := newClient(t, srv.URL, func(cfg *Config) {
		cfg.Clock, cfg.Redact, cfg.Observe, cfg.Retry.Attempts = newFakeClock(), redact, har.Observe, 2
	})
	var archive struct {
		Log struct {
			Version string
			Entries []harEntry
		}
	}
	text := ""
	wantEntries := []int{3, 4, 5, 7} // 503, redirect and answer; binary; token; two broken attempts
	for i, want := range wantEntries {
		req := &Request{Method: "POST", URL: srv.URL + "/p?api=s3cret-value&x=1", Header: http.Header{"Authorization": {"Bearer hidden-anyway"}, "X-Other": {"s3cret-value"}}, Body: []byte(`{"k":"s3cret-value"}`), Private: i == 2}
		a, _ := c.Do(t.Context(), req)
		a.Release()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text = string(b)
		archive.Log.Entries = nil
		if err := json.Unmarshal(b, &archive); err != nil || len(archive.Log.Entries) != want || archive.Log.Version != "1.2" {
			t.Fatalf("after %d requests: %v, %d entries, want %d", i+1, err, len(archive.Log.Entries), want)
		}
	}
	if har.Err() != nil {
		t.Fatal(har.Err())
	}
	for _, secret := range []string{"s3cret", "hidden-anyway", "abcdef", "unknown-yet"} {
		if strings.Contains(text, secret) {
			t.Errorf("the trace holds %q", secret)
		}
	}
	e := archive.Log.Entries
	if e[0].Response.Status != 503 || e[0].Reason != "http_503" || e[0].Waited != 500 || e[0].Attempt != 1 || e[0].Response.Content.Text != "busy ***" {
		t.Errorf("first entry %+v", e[0])
	}
	if e[1].Response.Status != 307 || e[1].Response.RedirectURL != "/moved?k=***" || e[2].Attempt != 2 || e[2].Class != "ok" || e[2].Request.PostData.Text != `{"k":"***"}` {
		t.Errorf("redirect %+v, answer %+v", e[1], e[2])
	}
	if e[3].Response.Content.Encoding != "base64" || e[4].Response.Content.Text != "" || e[4].Request.PostData != nil || e[6].Response.Status != 0 || e[6].Response.Error == "" {
		t.Errorf("%+v\n%+v\n%+v", e[3], e[4], e[6])
	}
}
