package auth

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/lastpage/lastpage/engine/spec"
)

// newBasic is `auth: {type: basic, username: …, password: …}` (RFC 7617). With neither nothing is
// sent.
func newBasic(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	username, err := env.text(ctx, a.Username)
	if err != nil {
		return nil, err
	}
	password, err := env.secret(ctx, a.Password)
	if err != nil {
		return nil, err
	}
	pair := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	if username+password != "" {
		env.AddSecret(pair)
	}
	return &fixed{identity("basic", username, password), func(_ context.Context, r *http.Request, body []byte) ([]byte, error) {
		if username+password != "" {
			r.Header.Set("Authorization", "Basic "+pair)
		}
		return body, nil
	}}, nil
}
