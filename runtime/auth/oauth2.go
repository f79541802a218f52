package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/lastpage/lastpage/engine/spec"
)

// endpoint is the token endpoint of an OAuth 2 server (RFC 6749, section 3.2), as the connector
// names it.
type endpoint struct {
	env      *Env
	config   clientcredentials.Config
	style    string      // auto header body
	inParams atomic.Bool // with auto: the body form is what works
	tokenURL string      // as messages show it
}

// newEndpoint reads what all OAuth kinds have in common. parts identify the credentials.
func newEndpoint(ctx context.Context, a *spec.Auth, env *Env, grantType string) (e *endpoint, parts []string, err error) {
	if env.Do == nil {
		return nil, nil, errors.New("there is nothing to send token requests with")
	}
	e = &endpoint{env: env, style: a.Style}
	raw, err := env.text(ctx, a.TokenURL)
	if err == nil {
		err = need("token_url", raw)
	}
	if err != nil {
		return nil, nil, err
	}
	u, err := url.Parse(raw)
	if err == nil && env.Base != nil {
		u = below(env.Base, u)
	}
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, nil, fmt.Errorf("token_url: %q is not a URL, nor a path below base_url", raw)
	}
	e.tokenURL = u.Scheme + "://" + u.Host + u.Path
	c := &e.config
	c.TokenURL = u.String()
	if c.ClientID, err = env.text(ctx, a.ClientID); err != nil {
		return nil, nil, err
	}
	if c.ClientSecret, err = env.secret(ctx, a.ClientSecret); err != nil {
		return nil, nil, err
	}
	c.EndpointParams = url.Values{"grant_type": {grantType}}
	parts = []string{grantType, c.TokenURL, c.ClientID, c.ClientSecret}
	for _, t := range a.Scopes {
		s, err := env.text(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		if s != "" {
			c.Scopes = append(c.Scopes, s)
		}
		parts = append(parts, s)
	}
	audience, err := env.text(ctx, a.Audience)
	if err != nil {
		return nil, nil, err
	}
	if audience != "" && grantType != jwtGrant {
		c.EndpointParams.Set("audience", audience)
	}
	parts = append(parts, audience)
	for _, f := range a.Params {
		v, err := env.value(ctx, f.Value, nil)
		if err != nil {
			return nil, nil, err
		}
		parts = append(parts, f.Name, string(v))
		if v != nil && string(v) != "null" {
			c.EndpointParams.Set(f.Name, plain(v))
		}
	}
	switch e.style {
	case "", "auto":
		e.style = "auto"
	case "header", "body":
	default:
		return nil, nil, fmt.Errorf("style: %q is not auto, header or body", a.Style)
	}
	return e, parts, nil
}

// below resolves ref as a path of the connector: a path goes below base's own.
func below(base, ref *url.URL) *url.URL {
	if ref.IsAbs() || ref.Host != "" {
		return base.ResolveReference(ref)
	}
	u := *base
	u.Path = strings.TrimSuffix(base.Path, "/") + "/" + strings.TrimPrefix(ref.Path, "/")
	u.RawPath, u.RawQuery, u.Fragment = "", ref.RawQuery, ""
	return &u
}

// value evaluates a template; without expressions it needs no callback.
func (env *Env) value(ctx context.Context, n *spec.Node, token json.RawMessage) (json.RawMessage, error) {
	if n == nil {
		return nil, nil
	}
	switch n.Kind {
	case spec.KindBool, spec.KindNumber:
		return json.RawMessage(n.Raw), nil
	case spec.KindString:
		if s, ok := n.Text.Literal(); ok {
			return json.Marshal(s)
		}
	}
	if env.Node == nil {
		return nil, errors.New("expressions cannot be evaluated here")
	}
	return env.Node(ctx, n, token)
}

// token asks for a token with the parameters of the grant beside those of the connector.
func (e *endpoint) token(ctx context.Context, params url.Values) (*oauth2.Token, error) {
	c := clientcredentials.Config{
		ClientID: e.config.ClientID, ClientSecret: e.config.ClientSecret, TokenURL: e.config.TokenURL,
		Scopes: e.config.Scopes, EndpointParams: url.Values{}, AuthStyle: oauth2.AuthStyleInHeader,
	}
	for _, values := range []url.Values{e.config.EndpointParams, params} {
		for k, v := range values {
			c.EndpointParams[k] = v
		}
	}
	if e.style == "body" || c.ClientID == "" || e.style == "auto" && e.inParams.Load() {
		c.AuthStyle = oauth2.AuthStyleInParams
	}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: roundTripper{e.env.Do}, CheckRedirect: noRedirect})
	t, err := c.Token(ctx)
	var refused *oauth2.RetrieveError
	if e.style == "auto" && c.AuthStyle == oauth2.AuthStyleInHeader && errors.As(err, &refused) && wrongStyle(refused) {
		c.AuthStyle = oauth2.AuthStyleInParams // many servers read the client's credentials from the body only
		if again, againErr := c.Token(ctx); againErr == nil {
			e.inParams.Store(true)
			return again, nil
		}
	}
	if err != nil {
		return nil, e.explain(err)
	}
	return t, nil
}

// wrongStyle says whether the refusal may be about where the client's credentials stood.
func wrongStyle(e *oauth2.RetrieveError) bool {
	return e.Response != nil && (e.Response.StatusCode == http.StatusBadRequest || e.Response.StatusCode == http.StatusUnauthorized) &&
		e.ErrorCode != "invalid_grant" && e.ErrorCode != "invalid_scope"
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// grant asks for a token and returns it as the Authorization header, and its life.
func (e *endpoint) grant(ctx context.Context, params url.Values) (*oauth2.Token, string, time.Duration, error) {
	t, err := e.token(ctx, params)
	if err != nil {
		return nil, "", 0, err
	}
	e.env.AddSecret(t.AccessToken)
	var life time.Duration
	if !t.Expiry.IsZero() {
		life = max(time.Until(t.Expiry).Round(time.Second), time.Second) // the library has added it to the machine's time
	}
	return t, t.Type() + " " + t.AccessToken, life, nil
}

// tell makes the parts of an Authorization header secrets.
func tell(env *Env, value string) {
	env.AddSecret(value)
	if _, token, ok := strings.Cut(value, " "); ok {
		env.AddSecret(token)
	}
}

// explain turns the library's error into one sentence without secrets.
func (e *endpoint) explain(err error) error {
	var refused *oauth2.RetrieveError
	var sent *sendError
	switch {
	case errors.As(err, &sent):
		return sent.err
	case errors.As(err, &refused):
		status := refused.Response.StatusCode
		m := fmt.Sprintf("the token endpoint %s answered %d %s", e.tokenURL, status, http.StatusText(status))
		if x := e.env.Excerpt(refused.Body); x != "" {
			m += ": " + x
		}
		if status >= 500 || status == http.StatusTooManyRequests {
			return &Error{"auth", m}
		}
		return &Error{"unauthorized", m + "; check client_id, client_secret and token_url"}
	}
	return &Error{"auth", fmt.Sprintf("the token endpoint %s did not give a token: %v; check token_url", e.tokenURL, err)}
}

// roundTripper lets the library send through Env.Do.
type roundTripper struct {
	do func(ctx context.Context, r *Request) (*Answer, error)
}

// sendError carries an error of Env.Do through the library.
type sendError struct{ err error }

func (e *sendError) Error() string { return e.err.Error() }

func (rt roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	h := r.Header.Clone()
	h.Set("Accept", "application/json")
	a, err := rt.do(r.Context(), &Request{Method: r.Method, URL: r.URL.String(), Header: h, Body: body, Accept: tokenAnswer})
	if err != nil {
		return nil, &sendError{err}
	}
	header := a.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if bytes.HasPrefix(bytes.TrimSpace(a.Body), []byte("{")) {
		header.Set("Content-Type", "application/json") // some send JSON as text/plain
	}
	return &http.Response{
		StatusCode: a.Status, Status: fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r,
	}, nil
}
