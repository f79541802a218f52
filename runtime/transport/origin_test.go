package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestAllowances(t *testing.T) {
	cases := []struct {
		entry, base, target string
		want                bool
	}{
		{"cdn.example.com", "https://api.example.com", "https://cdn.example.com/x", true},
		{"cdn.example.com", "https://api.example.com", "https://cdn.example.com:8443/x", true},
		{"cdn.example.com", "https://api.example.com", "http://cdn.example.com/x", false},
		{"cdn.example.com", "http://api.example.com", "http://cdn.example.com/x", true},
		{"cdn.example.com", "https://api.example.com", "https://evil-cdn.example.com", false},
		{"CDN.example.com.", "https://api.example.com", "https://cdn.EXAMPLE.com./x", true},
		{"cdn.example.com:8443", "https://api.example.com", "https://cdn.example.com:8443/x", true},
		{"cdn.example.com:8443", "https://api.example.com", "https://cdn.example.com/x", false},
		{"https://cdn.example.com", "http://api.example.com", "https://cdn.example.com/x", true},
		{"https://cdn.example.com", "http://api.example.com", "http://cdn.example.com/x", false},
		{"https://cdn.example.com/", "https://api.example.com", "https://cdn.example.com:444/x", false},
		{"*.example.com", "https://api.example.com", "https://a.b.example.com/x", true},
		{"*.example.com", "https://api.example.com", "https://example.com/x", false},
		{"*.example.com", "https://api.example.com", "https://badexample.com/x", false},
		{"[::1]:8080", "http://api.example.com", "http://[::1]:8080/x", true},
		{"other", "https://api.example.com", "https://API.example.com:443/x", true},
		{"other", "https://api.example.com", "http://api.example.com:443/x", false},
		{"other", "https://api.example.com", "https://api.example.com.evil.org/x", false},
		{"other", "https://api.example.com", "https://api.example.com@evil.org/x", false},
		{"other", "https://api.example.com", "file:///etc/passwd", false},
		{"other", "https://api.example.com", "gopher://api.example.com/", false},
	}
	for _, tc := range cases {
		c := newClient(t, tc.base, func(cfg *Config) { cfg.AllowHosts = []string{tc.entry} })
		u, err := url.Parse(tc.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.checkTarget(u, c.base, false) == nil; got != tc.want {
			t.Errorf("allow %q, base %s: %s is %v, want %v", tc.entry, tc.base, tc.target, got, tc.want)
		}
	}
	for _, bad := range []string{"", "*", "ftp://x", "x/y", "a b", "https://", "user@host"} {
		if _, err := New(Config{AllowHosts: []string{bad}}); err == nil {
			t.Errorf("allow_hosts %q passes", bad)
		}
	}
}

// recorder is a server that keeps what it was sent.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newRecorder(t *testing.T, serve func(w http.ResponseWriter, r *http.Request)) *recorder {
	rec := &recorder{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		rec.mu.Lock()
		rec.seen = append(rec.seen, fmt.Sprintf("%s %s %v %s", r.Method, r.URL, r.Header, b))
		rec.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.seen...)
}

// credentials puts a secret everywhere a connector can.
func credentials(cfg *Config) {
	cfg.Redact.Add("s3cret-value")
	cfg.Authenticator = signer(func(r *http.Request, body []byte) []byte {
		r.Header.Set("Authorization", "Bearer s3cret-value")
		r.Header.Set("X-Own", "s3cret-value")
		r.Header.Set("Cookie", "sid=s3cret-value")
		r.URL.RawQuery += "&key=s3cret-value"
		return body
	})
}

func TestRedirects(t *testing.T) {
	other := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `"other"`) })
	cases := []struct {
		name, policy string
		allow        bool
		method       string
		status       int
		location     string
		code         string
		body, last   string // delivered; how the last request to the base began
	}{
		{name: "same origin, relative", status: 302, location: "/end?a=1", body: `"base"`, last: "GET /end?a=1&key=s3cret-value"},
		{name: "same origin, POST 303", method: "POST", status: 303, location: "/end", body: `"base"`, last: "GET /end?&key=s3cret-value"},
		{name: "same origin, POST 302", method: "POST", status: 302, location: "/end", body: `"base"`, last: "GET /end?&key=s3cret-value"},
		{name: "same origin, POST 307", method: "POST", status: 307, location: "/end", body: `"base"`, last: "POST /end?&key=s3cret-value"},
		{name: "loop", status: 302, location: "/start", code: CodeRedirects},
		{name: "bad location", status: 302, location: "http://[", code: CodeRedirects},
		{name: "to a file", status: 302, location: "file:///etc/passwd", code: CodeForeignOrigin},
		{name: "foreign", status: 302, location: other.URL, code: CodeForeignOrigin},
		{name: "foreign, allowed", allow: true, status: 302, location: other.URL + "/x", body: `"other"`},
		{name: "foreign, any", policy: "any", status: 302, location: other.URL + "/x", body: `"other"`},
		{name: "foreign with a body", policy: "any", method: "POST", status: 308, location: other.URL + "/x", code: CodeForeignOrigin},
		{name: "foreign with the secret in its URL", policy: "any", status: 302, location: other.URL + "/x?k=s3cret-value", code: CodeForeignOrigin},
		{name: "to a file, any", policy: "any", status: 302, location: "file:///etc/passwd", code: CodeForeignOrigin},
		{name: "none", policy: "none", status: 302, location: "/end", code: "http_302"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			before := len(other.all())
			base := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/start" {
					w.Header().Set("Location", tc.location)
					w.WriteHeader(tc.status)
					return
				}
				fmt.Fprint(w, `"base"`)
			})
			c := newClient(t, base.URL, func(cfg *Config) {
				credentials(cfg)
				cfg.FollowRedirects = tc.policy
				if tc.allow {
					cfg.AllowHosts = []string{other.Listener.Addr().String()}
				}
			})
			req := &Request{Method: tc.method, URL: base.URL + "/start", Header: http.Header{"X-Token": {"s3cret-value"}, "Accept": {"a/b"}}}
			if tc.method == "POST" {
				req.Body = []byte("payload")
			}
			a, err := c.Do(t.Context(), req)
			defer a.Release()
			if got := codeOf(t, err); got != tc.code {
				t.Fatalf("code %q (%v), want %q", got, err, tc.code)
			}
			if err == nil && string(a.Body) != tc.body {
				t.Errorf("body %s, want %s", a.Body, tc.body)
			}
			seen := base.all()
			if !strings.HasPrefix(seen[len(seen)-1], tc.last) {
				t.Errorf("last request %s, want %s", seen[len(seen)-1], tc.last)
			}
			got := other.all()[before:]
			if (tc.body == `"other"`) != (len(got) == 1) {
				t.Errorf("the other origin saw %v", got)
			}
			for _, r := range got {
				if strings.Contains(r, "s3cret") || !strings.Contains(r, "a/b") {
					t.Errorf("the other origin was sent %s", r)
				}
			}
		})
	}
}

func TestForeignURLIsNotContacted(t *testing.T) {
	other := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	base := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	c := newClient(t, base.URL, credentials)
	for _, u := range []string{other.URL + "/next", "file:///etc/passwd", "gopher://x/", "//", "ftp://127.0.0.1/x"} {
		if _, err := c.Do(t.Context(), &Request{URL: u}); err == nil || codeOf(t, err) != CodeForeignOrigin && u != "//" {
			t.Errorf("%s: %v", u, err)
		}
	}
	if n := len(other.all()); n != 0 {
		t.Errorf("%d requests reached the other origin", n)
	}
	allowed := newClient(t, base.URL, func(cfg *Config) { credentials(cfg); cfg.AllowHosts = []string{other.URL} })
	if _, err := get(t, allowed, other.URL+"/next?page=2"); err != nil {
		t.Fatal(err)
	}
	if got := other.all(); len(got) != 1 || strings.Contains(got[0], "s3cret") {
		t.Errorf("the allowed origin was sent %v", got)
	}
	if _, err := get(t, allowed, other.URL+"/next?t=s3cret-value"); codeOf(t, err) != CodeForeignOrigin {
		t.Errorf("a URL with the secret: %v", err)
	}
}

func TestHooksCannotLeaveTheOrigin(t *testing.T) {
	base := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	elsewhere := &url.URL{Scheme: "http", Host: "127.0.0.1:1", Path: "/"}
	edit := newClient(t, base.URL, func(cfg *Config) {
		cfg.Edit = func(_ context.Context, r *http.Request, b []byte) ([]byte, error) { r.URL = elsewhere; return b, nil }
	})
	sign := newClient(t, base.URL, func(cfg *Config) {
		cfg.Authenticator = signer(func(r *http.Request, b []byte) []byte { r.URL = elsewhere; return b })
	})
	for _, c := range []*Client{edit, sign} {
		if _, err := get(t, c, base.URL); codeOf(t, err) != CodeForeignOrigin {
			t.Errorf("%v", err)
		}
	}
}

func TestPrivateAddresses(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "10.1.2.3": true, "172.16.0.1": true, "192.168.1.1": true, "169.254.169.254": true, "100.64.1.1": true,
		"0.0.0.0": true, "255.255.255.255": true, "224.0.0.1": true, "198.18.0.1": true, "::1": true, "fe80::1": true, "fd00::1": true, "::": true,
		"::ffff:10.0.0.1": true, "64:ff9b::a00:1": true, "64:ff9b::808:808": false, "2002:a00:1::": true, "::7f00:1": true,
		"8.8.8.8": false, "1.1.1.1": false, "2606:4700::1111": false, "172.32.0.1": false,
	} {
		if got := private(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is private: %v, want %v", addr, got, want)
		}
	}
	srv := newRecorder(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") })
	port := srv.Listener.Addr().String()[len("127.0.0.1"):]
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"} {
		c := newClient(t, "http://"+host+port, func(cfg *Config) { cfg.DenyPrivate = true; cfg.Clock = newFakeClock(); cfg.Retry.Attempts = 1 })
		_, err := get(t, c, "http://"+host+port+"/")
		if code := codeOf(t, err); code != CodePrivateAddress && (code != CodeNetwork || host == "localhost" || host == "127.0.0.1") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := len(srv.all()); n != 0 {
		t.Errorf("%d requests reached a private address", n)
	}
}

func TestUserinfoOfTheBaseBecomesBasic(t *testing.T) {
	srv := newRecorder(t, func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "ann" || p != "pass-word" {
			t.Errorf("%s %s", u, p)
		}
		w.WriteHeader(404)
	})
	base := strings.Replace(srv.URL, "http://", "http://ann:pass-word@", 1)
	_, err := get(t, newClient(t, base, nil), base+"/x")
	if err == nil || strings.Contains(err.Error(), "pass-word") {
		t.Errorf("%v", err)
	}
}

func TestTimeouts(t *testing.T) {
	done := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; ; i++ {
			if r.URL.Path == "/bytes" || i > 0 && r.URL.Path == "/after-one" {
				fmt.Fprint(w, "x")
				w.(http.Flusher).Flush()
			}
			select {
			case <-time.After(5 * time.Millisecond):
			case <-done:
				return
			case <-r.Context().Done():
				return
			}
		}
	}))
	defer srv.Close()
	defer close(done)
	for _, path := range []string{"/bytes", "/headers"} {
		c := newClient(t, srv.URL, func(cfg *Config) {
			cfg.Timeout = 60 * time.Millisecond
			cfg.Clock = newFakeClock()
			cfg.Retry.Attempts = 2
		})
		a, err := c.Do(t.Context(), &Request{URL: srv.URL + path})
		a.Release()
		if codeOf(t, err) != CodeTimeout || !strings.Contains(err.Error(), "within 60ms (after 2 attempts)") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
