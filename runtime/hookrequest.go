package runtime

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
)

// callRequest lets a hook function change the request of an attempt, and returns its body. What the
// function leaves as it was is sent byte for byte as it would be without it.
func (b *bound) callRequest(ctx context.Context, st *spec.Stream, role string, sc *scope, r *http.Request, body []byte) ([]byte, error) {
	d := &draft{}
	d.setURL(r.URL.String())
	in := script.Request{Method: r.Method, URL: d.base, Headers: r.Header}
	for _, p := range d.query {
		in.Query = append(in.Query, script.Pair{Name: p.name, Value: p.plain()})
	}
	if rawjson.Valid(body) == nil {
		in.Body = body
	} else if body != nil {
		t := string(body)
		in.Text = &t
	}
	res, err := b.program.Call(ctx, b.function(st, role), sc.bare(), in.Value(), sc.context(transport.AttemptOf(ctx)))
	if err != nil {
		return nil, scriptError(err)
	}
	out, err := script.DecodeRequest(role, res)
	if err != nil {
		return nil, &Error{Code: CodeHook, Err: err}
	}
	query := edited(d.query, out.Query)
	if out.URL != in.URL || !slices.Equal(query, d.query) {
		d = &draft{}
		d.setURL(out.URL)
		d.query = append(d.query, query...)
		u, err := url.Parse(d.url())
		if err != nil || u.Host == "" {
			return nil, codeError(CodeHook, "%s: %s() returned the URL %q", b.connector.Hook.File, role, b.redact.String(out.URL))
		}
		r.URL, r.Host = u, u.Host
	}
	r.Method, r.Header = out.Method, out.Headers
	switch {
	case out.Body != nil && in.Body != nil && bytes.Equal(out.Body, rawjson.Compact(nil, body)):
		return body, nil
	case out.Body != nil:
		return out.Body, nil
	case out.Text != nil:
		return []byte(*out.Text), nil
	}
	return nil, nil
}

// plain is a parameter's value as scripts see it.
func (p param) plain() string {
	if !p.raw {
		return p.value
	}
	if plain, err := url.QueryUnescape(p.value); err == nil {
		return strings.TrimPrefix(plain, "\x00")
	}
	return strings.TrimPrefix(p.value, "\x00")
}

// edited is what a hook made of the parameters: those that it left are as they were, in their places
// unless it has brought the names into another order.
func edited(was []param, pairs []script.Pair) []param {
	left := make([]param, len(pairs)) // in the hook's order
	from := make([]int, len(pairs))   // which of was each is, -1: a new or changed one
	used := make([]bool, len(was))
	for i, p := range pairs {
		left[i], from[i] = param{name: p.Name, value: p.Value}, -1
		for k, w := range was {
			if !used[k] && w.name == p.Name && w.plain() == p.Value {
				left[i], from[i], used[k] = w, k, true
				break
			}
		}
	}
	for i, p := range pairs { // a changed one stands where the one was that it replaces
		for k, w := range was {
			if from[i] < 0 && !used[k] && w.name == p.Name {
				from[i], used[k] = k, true
			}
		}
	}
	if !sameOrder(was, pairs) {
		return left
	}
	out := make([]param, 0, len(left))
	for k := range was {
		if i := slices.Index(from, k); i >= 0 {
			out = append(out, left[i])
		}
	}
	for i, k := range from {
		if k < 0 {
			out = append(out, left[i])
		}
	}
	return out
}

// sameOrder reports whether the names that pairs have kept come in the order in which they first stood.
func sameOrder(was []param, pairs []script.Pair) bool {
	last := -1
	for i, p := range pairs {
		at := slices.IndexFunc(was, func(w param) bool { return w.name == p.Name })
		if at < 0 || slices.IndexFunc(pairs, func(q script.Pair) bool { return q.Name == p.Name }) < i {
			continue
		}
		if at < last {
			return false
		}
		last = at
	}
	return true
}
