package spec

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// literally checks a template that has no expressions; what others become is checked when a run begins.
func literally(s shape[*Text], check func(string) string, hint string) shape[*Text] {
	read := s.read
	s.read = func(r reader, n *yaml.Node, v **Text) given {
		got := read(r, n, v)
		if literal, ok := (*v).Literal(); got == set && ok {
			if wrongly := check(literal); wrongly != "" {
				r.fail(n, fmt.Sprintf("`%s`: %s", r.key, wrongly), hint)
				return wrong
			}
		}
		return got
	}
	return s
}

// proxyURL is a template; one without expressions names a proxy; a scheme may be left out.
var proxyURL = literally(templateText, func(s string) string {
	if s == "" { // the environment's
		return ""
	}
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "":
		return "it is not a URL"
	case !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme):
		return fmt.Sprintf("the scheme `%s` is not http, https, socks5 or socks5h", u.Scheme)
	}
	return ""
}, "write `http://proxy:3128`")

// allowedHost is a template; one without expressions names a host, or an origin.
var allowedHost = literally(templateText, func(s string) string {
	rest := strings.TrimSpace(s)
	if scheme, after, ok := strings.Cut(rest, "://"); ok {
		if l := strings.ToLower(scheme); l != "http" && l != "https" {
			return fmt.Sprintf("the scheme `%s` is not http or https", scheme)
		}
		rest = strings.TrimSuffix(after, "/")
	}
	if rest == "" || strings.ContainsAny(rest, "/?#@ ") {
		return fmt.Sprintf("`%s` is not a host, host:port or origin", shorten(s))
	}
	return ""
}, "write `files.example.com`, `*.example.com` or `https://files.example.com`")
