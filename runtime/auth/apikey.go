package auth

import (
	"context"
	"fmt"
	"net/http"

	"github.com/lastpage/lastpage/engine/spec"
)

// newAPIKey is `auth: {type: api_key, in: header|query|cookie, name: …, value: …, prefix: …}`.
// prefix stands before the value as it is written (`"Token "`). Without a value nothing is sent.
func newAPIKey(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	name, err := env.text(ctx, a.Name)
	if err != nil {
		return nil, err
	}
	if err := need("name", name); err != nil {
		return nil, err
	}
	key, err := env.secret(ctx, a.Value)
	if err != nil {
		return nil, err
	}
	prefix, err := env.text(ctx, a.Prefix)
	if err != nil {
		return nil, err
	}
	value := prefix + key
	var put func(r *http.Request)
	switch a.In {
	case "header", "":
		put = func(r *http.Request) { r.Header.Set(name, value) }
	case "query":
		put = func(r *http.Request) { setQuery(r.URL, name, value) }
	case "cookie":
		put = func(r *http.Request) { addCookie(r, name, value) }
	default:
		return nil, fmt.Errorf("in: %q is not header, query or cookie", a.In)
	}
	return &fixed{identity("api_key", a.In, name, value), func(_ context.Context, r *http.Request, body []byte) ([]byte, error) {
		if key != "" {
			put(r)
		}
		return body, nil
	}}, nil
}

// addCookie adds one cookie; the value goes out as it is.
func addCookie(r *http.Request, name, value string) {
	pair := name + "=" + value
	if old := r.Header.Get("Cookie"); old != "" {
		pair = old + "; " + pair
	}
	r.Header.Set("Cookie", pair)
}
