package auth

import (
	"context"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// newClientCredentials is `auth: {type: oauth2_client_credentials, token_url: …, client_id: …,
// client_secret: …, scopes, audience, params, style: auto|header|body}` (RFC 6749, section 4.4).
// With style auto the client's credentials go in the header first and, when the server refuses
// that, in the body from then on.
func newClientCredentials(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	e, parts, err := newEndpoint(ctx, a, env, "client_credentials")
	if err != nil {
		return nil, err
	}
	if err := need("client_id", e.config.ClientID); err != nil {
		return nil, err
	}
	return newRenewed(identity(parts...), env, fetcher{env.Clock, func(ctx context.Context) (string, time.Duration, error) {
		_, value, life, err := e.grant(ctx, nil)
		return value, life, err
	}}), nil
}
