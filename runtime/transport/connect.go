package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// Bounds that have no key in a connector file.
const (
	MaxHeader    = 1 << 20 // bytes of an answer's headers
	MaxRedirects = 10      // in one attempt
	idlePerHost  = 64      // connections that are kept for the next request
)

// TLS names the files and the switch of `http.tls`.
type TLS struct {
	CAFile, CertFile, KeyFile string
	Insecure                  bool
}

// TLSError is a file of `http.tls` that cannot be used.
type TLSError struct {
	Key  string // ca_file cert_file key_file
	File string
	Msg  string // what is wrong with it
	Hint string
}

func (e *TLSError) Error() string {
	return fmt.Sprintf("tls.%s: %s %s; %s", e.Key, e.File, e.Msg, e.Hint)
}

// pemOf reads the file of a key.
func pemOf(key, file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		return b, nil
	}
	e := &TLSError{key, file, "cannot be read", "give the path of a PEM file; a relative one counts from the folder in which the program was started"}
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Msg = "does not exist"
	case errors.As(err, &path):
		e.Msg += ": " + path.Err.Error()
	}
	return nil, e
}

// config reads the files. The zero TLS gives the system's trust. What is wrong with a file is a TLSError.
func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Insecure}
	if t.CAFile != "" {
		b, err := pemOf("ca_file", t.CAFile)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, &TLSError{"ca_file", t.CAFile, "holds no PEM certificate", "it begins with -----BEGIN CERTIFICATE-----"}
		}
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		key, file := "cert_file", t.CertFile
		if file == "" {
			key, file = "key_file", t.KeyFile
		}
		return nil, &TLSError{key, file, "stands alone", "cert_file and key_file go together"}
	}
	if t.CertFile != "" {
		cert, err := pemOf("cert_file", t.CertFile)
		if err != nil {
			return nil, err
		}
		key, err := pemOf("key_file", t.KeyFile)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, pairError(t, cert, key, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// pairError says which of the two files it is.
func pairError(t TLS, cert, key []byte, err error) *TLSError {
	switch {
	case !holds(cert, "CERTIFICATE"):
		return &TLSError{"cert_file", t.CertFile, "holds no PEM certificate", "it begins with -----BEGIN CERTIFICATE-----"}
	case !holds(key, "PRIVATE KEY"):
		return &TLSError{"key_file", t.KeyFile, "holds no PEM key", "it begins with -----BEGIN PRIVATE KEY-----; a key with a passphrase is not read"}
	}
	return &TLSError{"cert_file", t.CertFile, "and key_file " + t.KeyFile + " do not make a pair: " + strings.TrimPrefix(err.Error(), "tls: "), "give the key that the certificate was made for"}
}

// holds says whether a PEM block of that type, or of one that ends so, stands in b.
func holds(b []byte, kind string) bool {
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, kind) {
			return true
		}
	}
	return false
}

// proxyError is a proxy that does not connect.
type proxyError struct{ status string }

func (e *proxyError) Error() string { return "the proxy answered " + e.status }

// roundTripper makes the connection pool of one client.
func roundTripper(cfg *Config) (*http.Transport, error) {
	tc, err := cfg.TLS.config()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		TLSClientConfig:        tc,
		TLSHandshakeTimeout:    30 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // decoded here, bounded
		MaxIdleConns:           4 * idlePerHost,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: MaxHeader,
		Proxy:                  http.ProxyFromEnvironment,
	}
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode != http.StatusOK {
			return &proxyError{answer.Status}
		}
		return nil
	}
	if cfg.Proxy != "" {
		u, err := spec.ParseProxy(cfg.Proxy)
		if err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
		t.Proxy = http.ProxyURL(u)
	}
	t.DialContext = dialer.DialContext
	if cfg.DenyPrivate {
		guarded := *dialer
		guarded.Control = denyPrivate
		t.DialContext = guarded.DialContext
		if cfg.Proxy == "" {
			t.Proxy, t.DialContext = guardEnvironment(dialer, &guarded)
		}
	}
	return t, nil
}

// guardEnvironment lets connections to the proxy that the environment names (the operator's word)
// pass unchecked, and checks every other.
func guardEnvironment(plain, guarded *net.Dialer) (func(*http.Request) (*url.URL, error), func(context.Context, string, string) (net.Conn, error)) {
	environment := map[string]bool{}
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"} {
		if u, err := spec.ParseProxy(os.Getenv(name)); err == nil {
			port := u.Port()
			if port == "" {
				port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
			}
			if port == "" {
				port = "1080"
			}
			environment[net.JoinHostPort(u.Hostname(), port)] = true
		}
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if environment[address] {
			return plain.DialContext(ctx, network, address)
		}
		return guarded.DialContext(ctx, network, address)
	}
	return http.ProxyFromEnvironment, dial
}
