package transport

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/lastpage/lastpage/engine/spec"
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

// allowed reports whether an entry of allow_hosts lets requests go to the origin o. One without a scheme
// allows https, and http when the base is http too.
func allowed(a spec.Allowance, o, base Origin) bool {
	switch {
	case a.Scheme != "" && a.Scheme != o.Scheme,
		a.Scheme == "" && o.Scheme == "http" && base.Scheme == "https",
		a.Port != "" && a.Port != o.Port:
		return false
	case a.Suffix:
		return strings.HasSuffix(o.Host, "."+a.Host)
	}
	return a.Host == o.Host
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
		if allowed(a, o, base) {
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
