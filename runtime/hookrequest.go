package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
		d.setURL(against(in.URL, out.URL))
		d.query = append(d.query, query...)
		u, err := url.Parse(d.url())
		if err != nil || u.Host == "" {
			return nil, &Error{Code: CodeHook, Err: script.Wrong(role, res, fmt.Sprintf("the url %q", b.redact.String(out.URL)),
				`want one such as "https://host/path", or a path of the same host`)}
		}
		r.URL, r.Host = u, u.Host
	}
	given := in.Headers["Content-Type"]
	r.Method, r.Header = out.Method, out.Headers
	sent, kind, err := bodyOf(&in, out, body)
	if err != nil {
		return nil, &Error{Code: CodeHook, Err: script.Wrong(role, res, err.Error(), "set one of them and the other to null")}
	}
	if kind != "" && slices.Equal(r.Header["Content-Type"], given) {
		if own := r.Header.Get("Content-Type"); own == "" || body != nil && (own == kindOfForm || own == kindOfText) {
			r.Header.Set("Content-Type", kind)
		}
	}
	return sent, nil
}

// against is the URL that a hook gave, which may be relative to the one that it was given.
func against(base, given string) string {
	if u, err := url.Parse(given); err != nil || u.Scheme != "" {
		return given
	}
	return absolute(base, given)
}

// bodyOf is the body that a hook left or made: of body and text the one that it changed. kind is the
// Content-Type that goes with it where the request has none of its own, "" when that stays.
func bodyOf(in, out *script.Request, body []byte) (sent []byte, kind string, err error) {
	was := in.Body
	if rawjson.Kind(was) == 'n' { // as scripts see none
		was = nil
	}
	json := (was == nil) != (out.Body == nil) || !bytes.Equal(rawjson.Compact(nil, was), rawjson.Compact(nil, out.Body))
	text := (in.Text == nil) != (out.Text == nil) || in.Text != nil && *in.Text != *out.Text
	switch {
	case !json && !text:
		return body, "", nil
	case json && out.Body != nil && text && out.Text != nil:
		return nil, "", errors.New("both a new `body` and a new `text`")
	case json && out.Body != nil:
		if was != nil {
			return out.Body, "", nil
		}
		return out.Body, kindOfJSON, nil
	case text && out.Text != nil:
		if body != nil {
			return []byte(*out.Text), "", nil
		}
		return []byte(*out.Text), kindOfText, nil
	}
	return nil, "", nil
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
