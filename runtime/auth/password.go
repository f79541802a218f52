package auth

import (
	"context"
	"net/url"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// newPassword is `auth: {type: oauth2_password, token_url: …, username: …, password: …, client_id,
// client_secret, …}` (RFC 6749, section 4.3). A renewal uses the refresh token when the server gave
// one, and the password when that is refused.
func newPassword(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	e, parts, err := newEndpoint(ctx, a, env, "password")
	if err != nil {
		return nil, err
	}
	username, err := env.text(ctx, a.Username)
	if err == nil {
		err = need("username", username)
	}
	if err != nil {
		return nil, err
	}
	password, err := env.secret(ctx, a.Password)
	if err != nil {
		return nil, err
	}
	refresh := "" // touched by one fetch at a time
	fetch := func(ctx context.Context) (string, time.Duration, error) {
		if refresh != "" {
			t, value, life, err := e.grant(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
			if err == nil {
				refresh = t.RefreshToken
				env.AddSecret(refresh)
				return value, life, nil
			}
			if ctx.Err() != nil {
				return "", 0, err
			}
			refresh = ""
		}
		t, value, life, err := e.grant(ctx, url.Values{"username": {username}, "password": {password}})
		if err == nil && t.RefreshToken != "" {
			refresh = t.RefreshToken
			env.AddSecret(refresh)
		}
		return value, life, err
	}
	return newRenewed(identity(append(parts, username, password)...), env, fetcher{env.Clock, fetch}), nil
}
