package transport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// messages is what a person reads; HOST stands for the server's host and port.
func TestMessages(t *testing.T) {
	once := func(cfg *Config) { cfg.Clock = newFakeClock(); cfg.Retry.Attempts = 1 }
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := closed.Addr().String()
	closed.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(401)
		fmt.Fprint(w, "{\n  \"error\": \"key s3cret-value is  not valid\"\n}")
	}))
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet()
	secure.StartTLS()
	defer secure.Close()
	for _, tc := range []struct {
		name, url, want string
		change          func(*Config)
	}{
		{"nobody listens", "http://" + gone + "/x", "GET http://HOST/x: HOST refuses the connection; check base_url and its port, and that the server runs", once},
		{"retried", "http://" + gone + "/x", "GET http://HOST/x: HOST refuses the connection (after 6 attempts); check base_url and its port, and that the server runs", func(cfg *Config) { cfg.Clock = newFakeClock() }},
		{"unknown host", "http://no-such-host.invalid/x", "GET http://HOST/x: the host no-such-host.invalid cannot be found; check base_url and the network's DNS", once},
		{"401", plain.URL + "/x?k=s3cret-value", `GET http://HOST/x?k=***: the API answered 401 Unauthorized: { "error": "key *** is not valid" }; check http.auth and the credentials it is given`, once},
		{"unknown authority", secure.URL, "GET https://HOST: the certificate of HOST is signed by an unknown authority; name the authority's file in http.tls.ca_file", once},
		{"TLS to a plain port", strings.Replace(plain.URL, "http:", "https:", 1), "GET https://HOST: HOST does not speak TLS on this port; try http:// in base_url, or another port", once},
		{"proxy is gone", "http://api.example.com/", "GET http://HOST/: the proxy cannot be reached: dial tcp " + gone + ": connect: connection refused; check http.proxy or the http_proxy variables", func(cfg *Config) { once(cfg); cfg.Proxy = gone }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, tc.url, func(cfg *Config) { cfg.Redact.Add("s3cret-value"); tc.change(cfg) })
			a, err := c.Do(t.Context(), &Request{URL: tc.url})
			a.Release()
			host := OriginOf(c.cfg.Base)
			want := strings.ReplaceAll(tc.want, "HOST", strings.TrimSuffix(host.Host+":"+host.Port, ":80"))
			if err == nil || !resolves(err) && tc.name == "unknown host" || err.Error() != want && resolves(err) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// resolves is false when this machine has no name server that could say that a name does not exist.
func resolves(err error) bool { return !strings.Contains(err.Error(), "does not work") }

func TestCertificatesAndHTTP2(t *testing.T) {
	dir := t.TempDir()
	clientCert, clientKey := selfSigned(t, dir, "client")
	pool := x509.NewCertPool()
	pemBytes, err := os.ReadFile(clientCert)
	if err != nil || !pool.AppendCertsFromPEM(pemBytes) {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `"%s %s"`, r.Proto, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = quiet()
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.StartTLS()
	defer srv.Close()
	ca := filepath.Join(dir, "ca.pem")
	writePEM(t, ca, "CERTIFICATE", srv.Certificate().Raw)

	c := newClient(t, srv.URL, func(cfg *Config) { cfg.TLS = TLS{CAFile: ca, CertFile: clientCert, KeyFile: clientKey} })
	for range 3 {
		a, err := get(t, c, srv.URL)
		if err != nil || string(a.Body) != `"HTTP/2.0 client"` {
			t.Fatalf("%v %s", err, a.Body)
		}
	}
	a, err := get(t, newClient(t, srv.URL, func(cfg *Config) { cfg.TLS = TLS{Insecure: true, CertFile: clientCert, KeyFile: clientKey} }), srv.URL)
	if err != nil || len(a.Body) == 0 {
		t.Fatal(err)
	}
	_, err = get(t, newClient(t, srv.URL, func(cfg *Config) { cfg.TLS.CAFile = ca; cfg.Retry.Attempts = 1 }), srv.URL)
	if code := codeOf(t, err); code != CodeTLS && code != CodeNetwork {
		t.Errorf("without a client certificate: %v", err)
	}

	none := filepath.Join(dir, "none")
	otherCert, _ := selfSigned(t, dir, "other")
	for _, bad := range []struct {
		key string
		TLS
	}{
		{"ca_file", TLS{CAFile: none}}, {"ca_file", TLS{CAFile: clientKey}}, {"cert_file", TLS{CertFile: clientCert}}, {"key_file", TLS{KeyFile: clientKey}},
		{"cert_file", TLS{CertFile: none, KeyFile: clientKey}}, {"key_file", TLS{CertFile: clientCert, KeyFile: none}},
		{"cert_file", TLS{CertFile: clientKey, KeyFile: clientCert}}, {"key_file", TLS{CertFile: clientCert, KeyFile: clientCert}}, {"cert_file", TLS{CertFile: otherCert, KeyFile: clientKey}},
	} {
		var wrong *TLSError
		if _, err := New(Config{TLS: bad.TLS}); !errors.As(err, &wrong) || wrong.Key != bad.key || wrong.Hint == "" {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func selfSigned(t *testing.T, dir, name string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	template.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	writePEM(t, certFile, "CERTIFICATE", der)
	writePEM(t, keyFile, "PRIVATE KEY", keyDER)
	return certFile, keyFile
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestProxies(t *testing.T) {
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `"tunnelled"`) }))
	defer secure.Close()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") == "" {
			w.WriteHeader(407)
			return
		}
		if r.Method != http.MethodConnect {
			fmt.Fprintf(w, `"forwarded %s"`, r.URL)
			return
		}
		upstream, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(upstream, conn); upstream.Close() }()
		_, _ = io.Copy(conn, upstream)
		conn.Close()
	}))
	defer proxy.Close()
	with := strings.Replace(proxy.URL, "http://", "http://user:proxypass@", 1)
	for _, tc := range []struct{ proxy, url, want, code string }{
		{with, "http://api.example.com/a", `"forwarded http://api.example.com/a"`, ""},
		{with, secure.URL, `"tunnelled"`, ""},
		{proxy.URL, "http://api.example.com/a", "", "http_407"},
		{proxy.URL, secure.URL, "", CodeProxy},
	} {
		c := newClient(t, tc.url, func(cfg *Config) {
			cfg.Proxy, cfg.TLS.Insecure, cfg.Clock, cfg.Retry.Attempts = tc.proxy, true, newFakeClock(), 1
		})
		a, err := get(t, c, tc.url)
		if codeOf(t, err) != tc.code || err == nil && string(a.Body) != tc.want {
			t.Errorf("%s by %s: %v", tc.url, tc.proxy, err)
		}
	}
	// deny_private holds behind a proxy too, for the target and for the connector's own proxy
	c := newClient(t, "http://localhost/", func(cfg *Config) { cfg.Proxy, cfg.DenyPrivate, cfg.Retry.Attempts = with, true, 1 })
	if _, err := get(t, c, "http://localhost/"); codeOf(t, err) != CodePrivateAddress {
		t.Errorf("a private target behind a proxy: %v", err)
	}
	for _, bad := range []string{"ftp://x", "://", "http://"} {
		if _, err := New(Config{Proxy: bad}); err == nil {
			t.Errorf("proxy %q passes", bad)
		}
	}
}

func TestProxyOfTheEnvironment(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, `"by proxy %s"`, r.URL.Host) }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	c := newClient(t, "http://api.example.com/", func(cfg *Config) { cfg.Retry.Attempts = 1 })
	proxyURL, err := c.pool.Proxy(httptest.NewRequest("GET", "http://api.example.com/", nil))
	if err != nil {
		t.Fatal(err)
	}
	if proxyURL == nil { // net/http reads the variables once in a process: another test was first
		return
	}
	a, err := get(t, c, "http://api.example.com/")
	if err != nil || string(a.Body) != `"by proxy api.example.com"` {
		t.Errorf("%v %s", err, a.Body)
	}
}

// TestRedirectedRefusal names the request that was refused in the end, and where it came from; and a proxy
// that wants a password is told from the API.
func TestRedirectedRefusal(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch q.URL.Path {
		case "/i":
			http.Redirect(w, q, "/j", http.StatusFound)
		case "/p":
			w.WriteHeader(http.StatusProxyAuthRequired)
		default:
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}))
	defer srv.Close()
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Base: base})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for path, says := range map[string]string{
		"/i": "GET " + srv.URL + "/j: the API answered 405 Method Not Allowed; POST " + srv.URL + "/i was redirected there, as GET: name the new address",
		"/p": "give them in http.proxy",
	} {
		a, err := c.Do(t.Context(), &Request{Method: "POST", URL: srv.URL + path, Body: []byte("{}")})
		if a.Release(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
