package auth

import (
	"context"
	"errors"

	"github.com/lastpage/lastpage/engine/spec"
)

// newHook is `auth: {type: hook}`: the hook function sign changes the request after every other
// edit. Its credentials are not known here, so its identity is the connector's own.
func newHook(_ context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	if env.Sign == nil {
		return nil, errors.New("the hook has no function sign")
	}
	return &fixed{identity("hook", a.Pos.File), env.Sign}, nil
}
