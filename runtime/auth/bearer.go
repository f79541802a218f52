package auth

import (
	"context"
	"net/http"

	"github.com/lastpage/lastpage/engine/spec"
)

// newBearer is `auth: {type: bearer, token: …}`: the header `Authorization: Bearer <token>`
// (RFC 6750). Without a token nothing is sent: many APIs serve anonymous callers too.
func newBearer(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	token, err := env.secret(ctx, a.Token)
	if err != nil {
		return nil, err
	}
	return &fixed{identity("bearer", token), func(_ context.Context, r *http.Request, body []byte) ([]byte, error) {
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return body, nil
	}}, nil
}
