package transport

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Origin is scheme, host and port of a URL: what credentials are bound to.
type Origin struct{ Scheme, Host, Port string }

// OriginOf returns u's origin; the port of the scheme is filled in.
func OriginOf(u *url.URL) Origin {
	o := Origin{strings.ToLower(u.Scheme), strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), u.Port()}
	if o.Port == "" {
		o.Port = defaultPort(o.Scheme)
	}
	return o
}

func (o Origin) String() string {
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.Port != defaultPort(o.Scheme) {
		host += ":" + o.Port
	}
	return o.Scheme + "://" + host
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// allowance is one entry of allow_hosts. "" matches everything.
type allowance struct {
	scheme, host, port string
	suffix             bool // *.host
}

// parseAllowance reads `host`, `*.host`, `host:port` or `https://host[:port]`. An entry without a
// port allows every port of the host; one without a scheme allows https, and http when the base is
// http too.
func parseAllowance(s string) (allowance, error) {
	bad := func() (allowance, error) {
		return allowance{}, fmt.Errorf("allow_hosts: %q is not a host, host:port or origin", s)
	}
	var a allowance
	rest := strings.TrimSpace(s)
	if scheme, after, ok := strings.Cut(rest, "://"); ok {
		a.scheme, rest = strings.ToLower(scheme), strings.TrimSuffix(after, "/")
		if a.scheme != "http" && a.scheme != "https" {
			return bad()
		}
	}
	if rest == "" || strings.ContainsAny(rest, "/?#@ ") {
		return bad()
	}
	a.host = rest
	if h, p, err := net.SplitHostPort(rest); err == nil {
		a.host, a.port = h, p
	} else if strings.HasPrefix(rest, "[") && strings.HasSuffix(rest, "]") {
		a.host = rest[1 : len(rest)-1]
	}
	if after, ok := strings.CutPrefix(a.host, "*."); ok {
		a.host, a.suffix = after, true
	}
	a.host = strings.ToLower(strings.TrimSuffix(a.host, "."))
	if a.host == "" || a.host == "*" {
		return bad()
	}
	if a.scheme != "" && a.port == "" {
		a.port = defaultPort(a.scheme)
	}
	return a, nil
}

func (a allowance) matches(o, base Origin) bool {
	switch {
	case a.scheme != "" && a.scheme != o.Scheme,
		a.scheme == "" && o.Scheme == "http" && base.Scheme == "https",
		a.port != "" && a.port != o.Port:
		return false
	case a.suffix:
		return strings.HasSuffix(o.Host, "."+a.host)
	}
	return a.host == o.Host
}

// checkTarget says whether u may be contacted. Nothing has been sent when it fails.
func (c *Client) checkTarget(u *url.URL, base Origin, any bool) *Error {
	fail := func(code, message, hint string) *Error {
		return &Error{Code: code, URL: c.redactURL(u), Message: message, Hint: hint}
	}
	if s := strings.ToLower(u.Scheme); s != "http" && s != "https" {
		return fail(CodeForeignOrigin, fmt.Sprintf("the scheme %q is not contacted, only http and https are", u.Scheme), "")
	}
	if u.Hostname() == "" {
		return fail(CodeRequest, "the URL has no host", "give base_url or an absolute URL")
	}
	o := OriginOf(u)
	if any || o == base {
		return nil
	}
	for _, a := range c.allow {
		if a.matches(o, base) {
			return nil
		}
	}
	return fail(CodeForeignOrigin, fmt.Sprintf("the origin %s is not the connector's %s and was not contacted", o, base),
		fmt.Sprintf("if it belongs to the API, add %q to http.allow_hosts", o))
}

// plainHeaders are the request headers that may reach another origin: none of them can carry a
// credential.
var plainHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Content-Type": true, "User-Agent": true,
	"Range": true, "If-Modified-Since": true, "If-None-Match": true,
}

// stripForeign removes from r every header that could carry a credential.
func stripForeign(r *http.Request) {
	for name := range r.Header {
		if !plainHeaders[name] {
			delete(r.Header, name)
		}
	}
	r.Host, r.URL.User = "", nil
}

// redactURL is u as messages show it.
func (c *Client) redactURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	v := *u
	v.User, v.Fragment, v.RawFragment = nil, "", ""
	return c.redact.String(v.String())
}
