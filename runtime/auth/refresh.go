package auth

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// newRefreshToken is `auth: {type: oauth2_refresh_token, token_url: …, client_id: …, client_secret:
// …, refresh_token: …}` (RFC 6749, section 6). A refresh token that the server rotates is stored
// before the access token is used, and used instead of the connector's until that is changed.
func newRefreshToken(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	e, parts, err := newEndpoint(ctx, a, env, "refresh_token")
	if err != nil {
		return nil, err
	}
	first, err := env.secret(ctx, a.RefreshToken)
	if err == nil {
		err = need("refresh_token", first)
	}
	if err != nil {
		return nil, err
	}
	id := identity(append(parts, first)...)
	name, current := "refresh_token:"+id, ""
	fetch := func(ctx context.Context) (string, time.Duration, error) {
		if env.Store != nil { // another process may have rotated it
			stored, err := env.Store.Secret(ctx, name)
			if err != nil {
				return "", 0, fmt.Errorf("reading the stored refresh token: %w", err)
			}
			if stored != "" {
				current = stored
			}
		}
		if current == "" {
			current = first
		}
		env.AddSecret(current)
		t, value, life, err := e.grant(ctx, url.Values{"refresh_token": {current}})
		if err != nil {
			return "", 0, err
		}
		if t.RefreshToken != "" && t.RefreshToken != current {
			env.AddSecret(t.RefreshToken)
			if env.Store != nil {
				if err := env.Store.PutSecret(context.WithoutCancel(ctx), name, t.RefreshToken); err != nil {
					return "", 0, fmt.Errorf("storing the rotated refresh token: %w", err)
				}
			}
			current = t.RefreshToken
		}
		return value, life, nil
	}
	return newRenewed(id, env, fetcher{env.Clock, fetch}), nil
}
