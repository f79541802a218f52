package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// newLogin is `auth: {type: login, request: {…}, token: body.token, expires_in: body.expires_in,
// send: header.X-Auth}`: the request opens a session, its token goes with every request. Without
// send it goes as `Authorization: Bearer <token>`; send may be a map of targets with `${token}` in
// their values.
func newLogin(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error) {
	if env.Build == nil || env.Do == nil || env.Pick == nil {
		return nil, errors.New("there is nothing to send the login request with")
	}
	if a.Request == nil || a.LoginRef == nil {
		return nil, errors.New("request and token are required")
	}
	first, err := env.Build(ctx, a.Request)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	l := &login{a, env}
	s := newRenewed(identity("login", first.Method, first.URL, string(first.Body)), env, fetcher{env.Clock, l.fetch})
	s.put = l.put
	return s, nil
}

type login struct {
	*spec.Auth
	env *Env
}

// fetch logs in. The value is the token's JSON.
func (l *login) fetch(ctx context.Context) (string, time.Duration, error) {
	r, err := l.env.Build(ctx, l.Request)
	if err != nil {
		return "", 0, err
	}
	r.Accept = l.accept
	a, err := l.env.Do(ctx, r)
	if err != nil {
		return "", 0, err
	}
	if a.Status < 200 || a.Status > 299 {
		m := fmt.Sprintf("the login at %s answered %d %s", a.URL, a.Status, http.StatusText(a.Status))
		if x := l.env.Excerpt(a.Body); x != "" {
			m += ": " + x
		}
		if a.Status >= 500 || a.Status == http.StatusTooManyRequests {
			return "", 0, &Error{"auth", m}
		}
		return "", 0, &Error{"unauthorized", m + "; check the credentials of the login request"}
	}
	v, ok, err := l.env.Pick(ctx, l.LoginRef, a)
	if err != nil {
		return "", 0, err
	}
	if !ok || len(v) == 0 || string(v) == "null" || string(v) == `""` {
		return "", 0, &Error{"auth", fmt.Sprintf("the login at %s answered %d without the token that auth.token names", a.URL, a.Status)}
	}
	l.env.AddSecret(plain(v))
	life, err := l.life(ctx, a)
	return string(v), life, err
}

// accept refuses an answer that has no token where one is looked for in a body that cannot be read.
func (l *login) accept(ctx context.Context, a *Answer) error {
	bad := unreadable(a.Body)
	if bad == nil || !readsBody(l.LoginRef) {
		return nil
	}
	if v, ok, err := l.env.Pick(ctx, l.LoginRef, a); err == nil && ok && len(v) > 0 && string(v) != "null" && string(v) != `""` {
		return nil // a header has it
	}
	return bad
}

// readsBody reports whether one of the sources looks into the body.
func readsBody(p *spec.Pick) bool {
	return slices.ContainsFunc(p.Any, func(s spec.Source) bool {
		if s.Ref != nil {
			return s.Ref.Root == engine.RootBody
		}
		return s.Text != nil && slices.ContainsFunc(s.Text.Parts, func(p spec.Part) bool { return p.Expr != nil && strings.Contains(p.Expr.Source, "body") })
	})
}

// life reads expires_in: seconds, as a number or digits; 0 when it is absent.
func (l *login) life(ctx context.Context, a *Answer) (time.Duration, error) {
	if l.ExpiresIn == nil {
		return 0, nil
	}
	v, ok, err := l.env.Pick(ctx, l.ExpiresIn, a)
	if err != nil || !ok || string(v) == "null" {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(plain(v), 64)
	if err != nil || seconds < 0 || seconds > 1e9 {
		return 0, &Error{"auth", "expires_in of the login answer is not a number of seconds"}
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// put sends the token where the connector says.
func (l *login) put(ctx context.Context, r *http.Request, body []byte, value string) (_ []byte, err error) {
	token := json.RawMessage(value)
	l.env.AddSecret(plain(token))
	switch {
	case l.Send == nil:
		r.Header.Set("Authorization", "Bearer "+plain(token))
		return body, nil
	case l.Send.One != nil:
		return place(r, body, l.Send.One, token)
	}
	for _, f := range l.Send.Many {
		v, err := l.env.value(ctx, f.Value, token)
		if err != nil {
			return nil, err
		}
		if v == nil || string(v) == "null" {
			continue
		}
		if body, err = place(r, body, f.Target, v); err != nil {
			return nil, err
		}
	}
	return body, nil
}
