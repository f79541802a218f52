package main

import (
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/spec"
)

// authOf says how requests show who asks: the kinds of `auth`, and the parts of requests that hold a
// secret of the configuration. "none": nothing does.
func authOf(c *spec.Connector) string {
	k := &authKinds{secret: map[string]bool{}}
	for _, v := range c.Config {
		if v.Secret {
			k.secret[v.Name] = true
		}
	}
	if kind := kindOf(&c.HTTP); kind != "" {
		add(&k.types, kind)
	}
	k.settings(&c.HTTP)
	for _, s := range c.Streams {
		if !slices.ContainsFunc(c.Streams, func(s *spec.Stream) bool { return kindOf(&s.HTTP) == "" }) {
			add(&k.types, kindOf(&s.HTTP)) // where all have one, the connector need not say it
		}
		k.settings(&s.HTTP)
		k.request(s.Request)
		if s.Details != nil {
			k.request(s.Details.Request)
		}
		if s.Session != nil {
			k.request(s.Session.Open)
			if s.Session.Wait != nil {
				k.request(s.Session.Wait.Request)
			}
			k.request(s.Session.Close)
		}
	}
	out := k.types
	for _, part := range []struct {
		one, many string
		names     []string
	}{{"header", "headers", k.headers}, {"query", "query", k.query}, {"body", "body", k.body}} {
		switch len(part.names) {
		case 0:
		case 1:
			out = append(out, part.one+" "+part.names[0])
		default:
			out = append(out, part.many+" "+strings.Join(part.names, ", "))
		}
	}
	if k.url {
		out = append(out, "url")
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, "; ")
}

// authKinds gathers what authOf tells, each once, in file order.
type authKinds struct {
	secret                      map[string]bool // settings
	types, headers, query, body []string
	url                         bool
}

// kindOf is the kind of auth, "" for none.
func kindOf(h *spec.HTTP) string {
	if h.Auth == nil || h.Auth.Type == "none" {
		return ""
	}
	return h.Auth.Type
}

func (k *authKinds) settings(h *spec.HTTP) {
	k.url = k.url || k.has(h.BaseURL)
	k.fields(&k.headers, h.Headers)
	k.fields(&k.query, h.Query)
}

func (k *authKinds) request(r *spec.Request) {
	if r == nil {
		return
	}
	k.url = k.url || k.has(r.Path) || k.has(r.URL)
	k.fields(&k.headers, r.Headers)
	k.fields(&k.query, r.Query)
	k.fields(&k.body, r.Form)
	if r.Body != nil {
		k.fields(&k.body, r.Body.Fields)
		if r.Body.Kind != spec.KindMap && k.in(r.Body) {
			add(&k.body, "$")
		}
	}
	if k.has(r.BodyText) {
		add(&k.body, "$")
	}
}

// fields adds the names of those fields that hold a secret.
func (k *authKinds) fields(names *[]string, list []spec.Field) {
	for _, f := range list {
		if k.in(f.Value) {
			add(names, f.Name)
		}
	}
}

// in reports whether a secret stands anywhere in a template.
func (k *authKinds) in(n *spec.Node) bool {
	return n != nil && (k.has(n.Text) || slices.ContainsFunc(n.List, k.in) ||
		slices.ContainsFunc(n.Fields, func(f spec.Field) bool { return k.in(f.Value) }))
}

func (k *authKinds) has(t *spec.Text) bool {
	return t != nil && len(k.secret) > 0 && slices.ContainsFunc(t.Parts, func(p spec.Part) bool {
		if p.Expr == nil {
			return false
		}
		names, any := p.Expr.Settings()
		return any || slices.ContainsFunc(names, func(n string) bool { return k.secret[n] })
	})
}

func add(list *[]string, name string) {
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}
