package sink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/lastpage/lastpage/store/sink"
)

// service is an HTTP service that keeps what it is sent and answers as it is told to.
type service struct {
	*httptest.Server
	mu      sync.Mutex
	bodies  []string
	headers []http.Header
	paths   []string
	answers []func(http.ResponseWriter) // one a request; then 200 {}
}

func serve(t *testing.T, answers ...func(http.ResponseWriter)) *service {
	s := &service{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			g, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
				return
			}
			body = g
		}
		b, _ := io.ReadAll(body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.bodies = append(s.bodies, string(b))
		s.headers = append(s.headers, r.Header)
		s.paths = append(s.paths, r.URL.RequestURI())
		if n := len(s.bodies); n <= len(s.answers) && s.answers[n-1] != nil {
			s.answers[n-1](w)
			return
		}
		io.WriteString(w, "{}")
	}))
	t.Cleanup(s.Close)
	return s
}

func answer(status int, body string, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func env(name string) string {
	return map[string]string{"TOKEN": "s3cret", "USER": "me:pa:ss"}[name]
}

// deliver sends one page and marks it.
func deliver(ctx context.Context, uri string, records, keys []string) (sink.Sink, error) {
	s, err := sink.New(ctx, uri, sink.Options{Getenv: env, Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer s.Close(ctx)
	if err := s.Open(ctx, "alerts", nil, false); err != nil {
		return nil, err
	}
	var page [][]byte
	for _, r := range records {
		page = append(page, []byte(r))
	}
	if err := s.Write(ctx, "alerts", "", page, keys); err != nil {
		return s, err
	}
	_, _, err = s.Mark(ctx, "alerts")
	return s, err
}

func TestHTTPFormats(t *testing.T) {
	ok := answer(200, `{"text":"Success","code":0}`)
	bulk := answer(200, `{"errors":false,"items":[{},{}]}`)
	for _, c := range []struct {
		name, options string
		records, keys []string
		answer        func(http.ResponseWriter)
		path          string
		bodies        []string
		header        map[string]string
	}{
		{name: "ndjson", records: []string{`{"a":1}`, "{\n}"}, path: "/", bodies: []string{"{\"a\":1}\n{}\n"},
			header: map[string]string{"Content-Type": "application/x-ndjson"}},
		{name: "token, headers, query", options: "?token_env=TOKEN&header.X-Tenant=t&query.pipeline=a%20b", records: []string{`1`}, path: "/?pipeline=a+b", bodies: []string{"1\n"},
			header: map[string]string{"Authorization": "Bearer s3cret", "X-Tenant": "t"}},
		{name: "basic", options: "?user_env=USER", records: []string{`1`}, path: "/", bodies: []string{"1\n"},
			header: map[string]string{"Authorization": "Basic bWU6cGE6c3M="}},
		{name: "batches by count", options: "?batch=2", records: []string{`1`, `2`, `3`, `4`, `5`}, path: "/", bodies: []string{"1\n2\n", "3\n4\n", "5\n"}},
		{name: "batches by bytes", options: "?batch_bytes=8", records: []string{`111`, `222`, `3`, `4444444444444`, `5`}, path: "/", bodies: []string{"111\n222\n", "3\n", "4444444444444\n", "5\n"}},
		{name: "gzip", options: "?gzip=true", records: []string{`{"a":1}`}, path: "/", bodies: []string{"{\"a\":1}\n"}, header: map[string]string{"Content-Encoding": "gzip"}},
		{name: "hec", options: "?format=hec&token_env=TOKEN&index=main&sourcetype=%22x&time_field=at", answer: ok,
			records: []string{`{"at":"2026-03-01T12:00:00.5Z"}`, `{"at":1772366400123}`, `{"at":1772366400.25}`, `{"at":"soon"}`}, path: "/services/collector/event",
			bodies: []string{`{"index":"main","sourcetype":"\"x","time":1772366400.500,"event":{"at":"2026-03-01T12:00:00.5Z"}}` + "\n" +
				`{"index":"main","sourcetype":"\"x","time":1772366400.123,"event":{"at":1772366400123}}` + "\n" +
				`{"index":"main","sourcetype":"\"x","time":1772366400.250,"event":{"at":1772366400.25}}` + "\n" +
				`{"index":"main","sourcetype":"\"x","event":{"at":"soon"}}` + "\n"},
			header: map[string]string{"Authorization": "Splunk s3cret", "Content-Type": "application/json"}},
		{name: "logscale", options: "?format=logscale&token_env=TOKEN", records: []string{`{}`}, path: "/api/v1/ingest/hec", bodies: []string{`{"event":{}}` + "\n"},
			header: map[string]string{"Authorization": "Bearer s3cret"}},
		{name: "bulk", options: "?format=bulk&index=ti-{stream}&token_env=TOKEN&scheme=ApiKey", records: []string{`{"a":1}`, `{"a":2}`}, keys: []string{`k"1`, strings.Repeat("k", 600)}, answer: bulk, path: "/_bulk",
			bodies: []string{`{"index":{"_index":"ti-alerts","_id":"k\"1"}}` + "\n{\"a\":1}\n" + `{"index":{"_index":"ti-alerts","_id":"bcfcdd9d0fcd2bd7e2d6f7b05ff2d6b4ba6a2b4b3bdf1a6dbb2c3b1f5b1e1d43"}}` + "\n{\"a\":2}\n"},
			header: map[string]string{"Authorization": "ApiKey s3cret", "Content-Type": "application/x-ndjson"}},
		{name: "bulk that creates", options: "/logs?format=bulk&op=create", records: []string{`{"a":1}`, `{"a":2}`}, keys: []string{"k", "k"}, answer: bulk, path: "/logs/_bulk",
			bodies: []string{`{"create":{"_id":"k@ca0b885a32fc8b48"}}` + "\n{\"a\":1}\n" + `{"create":{"_id":"k@2de2c5b78b399ab8"}}` + "\n{\"a\":2}\n"}},
		{name: "bulk without keys", options: "/logs?format=bulk&op=create", records: []string{`{"a":1}`, `{"a":2}`}, answer: bulk, path: "/logs/_bulk",
			bodies: []string{`{"create":{}}` + "\n{\"a\":1}\n" + `{"create":{}}` + "\n{\"a\":2}\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.answer)
			if _, err := deliver(t.Context(), s.URL+c.options, c.records, c.keys); err != nil {
				t.Fatal(err)
			}
			if c.name == "bulk" { // the second id is a digest
				s.bodies[0] = s.bodies[0][:strings.LastIndex(s.bodies[0], `"_id":"`)+7] + c.bodies[0][strings.LastIndex(c.bodies[0], `"_id":"`)+7:]
			}
			if !reflect.DeepEqual(s.bodies, c.bodies) || s.paths[0] != c.path {
				t.Errorf("\n got %s %q\nwant %s %q", s.paths[0], s.bodies, c.path, c.bodies)
			}
			for name, want := range c.header {
				if got := s.headers[0].Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestHTTPRetries(t *testing.T) {
	cut := func(w http.ResponseWriter) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			c.Close()
		}
	}
	for _, c := range []struct {
		name    string
		options string
		answers []func(http.ResponseWriter)
		tries   int
		err     string
	}{
		{name: "until it works", answers: []func(http.ResponseWriter){answer(503, "busy"), answer(429, "", "Retry-After", "0.01"), cut, answer(500, "")}, tries: 5},
		{name: "a date", answers: []func(http.ResponseWriter){answer(503, "", "Retry-After", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))}, tries: 2},
		{name: "gives up", options: "&attempts=3", answers: []func(http.ResponseWriter){answer(503, "a"), answer(503, "b"), answer(503, "overload")}, tries: 3,
			err: "it answered 503 Service Unavailable: overload; the page is sent again when the run is"},
		{name: "not for what no retry heals", answers: []func(http.ResponseWriter){answer(403, "Invalid token")}, tries: 1,
			err: "it answered 403 Forbidden: Invalid token; the page is sent again when the run is"},
		{name: "too long a wait", answers: []func(http.ResponseWriter){answer(429, "", "Retry-After", "86400")}, tries: 1,
			err: "it asks to wait 24h0m0s, longer than max_wait allows; the page is sent again when the run is"},
		{name: "redirects are not followed", answers: []func(http.ResponseWriter){answer(307, "", "Location", "https://other.example/in?token=x")}, tries: 1,
			err: "it answered 307 Temporary Redirect to https://other.example/in; the page is sent again when the run is"},
		{name: "hec refuses with 200", options: "&format=hec", answers: []func(http.ResponseWriter){answer(200, `{"text":"Incorrect index","code":7}`)}, tries: 1,
			err: "it refused the events: Incorrect index (code 7); the page is sent again when the run is"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, c.answers...)
			_, err := deliver(t.Context(), s.URL+"/in?query.token=hidden&token_env=TOKEN&backoff=1ms"+c.options, []string{"1"}, nil)
			if len(s.bodies) != c.tries {
				t.Errorf("%d tries, want %d", len(s.bodies), c.tries)
			}
			want := ""
			if c.err != "" {
				want = s.URL + "/in: " + c.err
			}
			if got := fmt.Sprint(err); err != nil && got != want || err == nil && want != "" {
				t.Errorf("\n got %v\nwant %s", err, want)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		s := serve(t)
		s.Close()
		_, err := deliver(t.Context(), s.URL+"/in?query.token=hidden&attempts=2&backoff=1ms", []string{"1"}, nil)
		var e *sink.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "connection refused") || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%v", err)
		}
	})
	t.Run("canceled while it waits", func(t *testing.T) {
		s := serve(t, answer(429, "", "Retry-After", "600"))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for {
				s.mu.Lock()
				n := len(s.bodies)
				s.mu.Unlock()
				if n > 0 {
					cancel()
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		if _, err := deliver(ctx, s.URL, []string{"1"}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// _bulk answers for each record: taken ones are not sent again, refused ones end the run or are told.
func TestHTTPBulkItems(t *testing.T) {
	mixed := answer(200, `{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":429}},{"index":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no number"}}},{"index":{"status":503}}]}`)
	rest := answer(200, `{"errors":true,"items":[{"index":{"status":429}},{"index":{"status":200}}]}`)
	last := answer(200, `{"errors":false,"items":[{"index":{"status":200}}]}`)
	records := []string{`{"v":0}`, `{"v":1}`, `{"v":2}`, `{"v":3}`}
	keys := []string{"a", "b", "c", "d"}

	s := serve(t, mixed, rest, last)
	got, err := deliver(t.Context(), s.URL+"/i?format=bulk&on_reject=skip&backoff=1ms", records, keys)
	check(t, err)
	want := []string{"\"a\" \"b\" \"c\" \"d\"", "\"b\" \"d\"", "\"b\""}
	for i, b := range s.bodies {
		var ids []string
		for line := range bytes.Lines([]byte(b)) {
			var action struct {
				Index *struct {
					ID string `json:"_id"`
				}
			}
			if json.Unmarshal(line, &action) == nil && action.Index != nil {
				ids = append(ids, fmt.Sprintf("%q", action.Index.ID))
			}
		}
		if i >= len(want) || strings.Join(ids, " ") != want[i] {
			t.Errorf("request %d carries %v", i, ids)
		}
	}
	note := `400 mapper_parsing_exception: no number: {"index":{"_id":"c"}} {"v":2}`
	if n := got.Notes(); len(s.bodies) != 3 || len(n) != 1 || n[0] != [2]string{"record_refused", note} {
		t.Errorf("%d requests, %q", len(s.bodies), n)
	}

	s = serve(t, mixed)
	_, err = deliver(t.Context(), s.URL+"/i?format=bulk&backoff=1ms", records, keys)
	text := s.URL + "/i/_bulk: it refused a record (400 mapper_parsing_exception: no number): " + `{"index":{"_id":"c"}} {"v":2}` +
		"; correct the service's mapping, or go on without such records with ?on_reject=skip"
	if err == nil || err.Error() != text {
		t.Errorf("\n got %v\nwant %s", err, text)
	}

	s = serve(t, answer(200, `{"errors":true,"items":[{"create":{"status":409}}]}`))
	if _, err := deliver(t.Context(), s.URL+"/i?format=bulk&op=create", records[:1], keys[:1]); err != nil {
		t.Errorf("a record that is there already: %v", err)
	}
	again := answer(200, `{"errors":true,"items":[{"index":{"status":429}}]}`)
	s = serve(t, again, again)
	if _, err := deliver(t.Context(), s.URL+"/i?format=bulk&attempts=2&backoff=1ms", records[:1], keys[:1]); err == nil || !strings.Contains(err.Error(), "it did not take 1 of 1 records in 2 tries") {
		t.Error(err)
	}
	for body, what := range map[string]string{"<html>": "its answer is not that of _bulk: <html>", `{"acknowledged":true}`: `its answer is not that of _bulk: {"acknowledged":true}`,
		`{"errors":false,"items":[]}`: "its answer speaks of 0 records of 1"} {
		s = serve(t, answer(200, body))
		if _, err := deliver(t.Context(), s.URL+"/i?format=bulk", records[:1], nil); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// Keys of two partitions are two documents, whatever the window.
func TestBulkKeyOfAPartition(t *testing.T) {
	ok := answer(200, `{"errors":false,"items":[{},{}]}`)
	s := serve(t, ok, ok, ok)
	out, err := sink.New(t.Context(), s.URL+"/i/_bulk?format=bulk", sink.Options{})
	check(t, err)
	defer out.Close(t.Context())
	check(t, out.Open(t.Context(), "a", nil, false))
	for _, chain := range []string{`{"org":"acme","n":1}`, `{"org":"acme","n":1,"window":{"from":1}}`, `{"window":{"from":1}}`} {
		check(t, out.Write(t.Context(), "a", chain, [][]byte{[]byte("1"), []byte("2")}, []string{"17", ""}))
		mark(t, out, "a")
	}
	want := []string{`["acme",1,"17"]`, `["acme",1,"17"]`, "17"}
	for i, id := range want {
		b, _ := json.Marshal(id)
		if got, want := s.bodies[i], `{"index":{"_id":`+string(b)+"}}\n1\n"+`{"index":{}}`+"\n2\n"; got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}
