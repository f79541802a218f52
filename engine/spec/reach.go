package spec

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"gopkg.in/yaml.v3"
)

// literally checks a template that has no expressions; what others become is checked when a run begins.
func literally(s shape[*Text], check func(string) error, hint string) shape[*Text] {
	read := s.read
	s.read = func(r reader, n *yaml.Node, v **Text) given {
		got := read(r, n, v)
		if literal, ok := (*v).Literal(); got == set && ok {
			if err := check(literal); err != nil {
				r.fail(n, fmt.Sprintf("`%s`: %s", r.key, err), hint)
				return wrong
			}
		}
		return got
	}
	return s
}

// proxyURL is a template; one without expressions names a proxy.
var proxyURL = literally(templateText, func(s string) error {
	if s == "" { // the environment's
		return nil
	}
	_, err := ParseProxy(s)
	return err
}, "write `http://proxy:3128`")

// ParseProxy reads what `http.proxy` became; a scheme may be left out.
func ParseProxy(s string) (*url.URL, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, errors.New("it is not a URL")
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
		return u, nil
	}
	return nil, fmt.Errorf("the scheme `%s` is not http, https, socks5 or socks5h", u.Scheme)
}

// allowedHost is a template; one without expressions names a host, or an origin.
var allowedHost = literally(templateText, func(s string) error {
	_, err := ParseAllowance(s)
	return err
}, "write `files.example.com`, `*.example.com` or `https://files.example.com`")

// Allowance is one entry of `allow_hosts`. "" matches everything.
type Allowance struct {
	Scheme, Host, Port string
	Suffix             bool // *.Host
}

// ParseAllowance reads `host`, `*.host`, `host:port` or `https://host[:port]`. An entry without a port
// allows every port of the host, one with a scheme that scheme's.
func ParseAllowance(s string) (Allowance, error) {
	var a Allowance
	rest := strings.TrimSpace(s)
	if scheme, after, ok := strings.Cut(rest, "://"); ok {
		a.Scheme, rest = strings.ToLower(scheme), strings.TrimSuffix(after, "/")
		switch a.Scheme {
		case "http":
			a.Port = "80"
		case "https":
			a.Port = "443"
		default:
			return Allowance{}, fmt.Errorf("the scheme `%s` is not http or https", shorten(scheme))
		}
	}
	a.Host = rest
	if h, p, err := net.SplitHostPort(rest); err == nil {
		a.Host, a.Port = h, p
	} else if strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]") {
		a.Host = rest[1 : len(rest)-1]
	}
	if after, ok := strings.CutPrefix(a.Host, "*."); ok {
		a.Host, a.Suffix = after, true
	}
	a.Host = strings.ToLower(strings.TrimSuffix(a.Host, "."))
	if a.Host == "" || a.Host == "*" || strings.ContainsAny(rest, "/?#@ ") {
		return Allowance{}, fmt.Errorf("`%s` is not a host, host:port or origin", shorten(s))
	}
	return a, nil
}
