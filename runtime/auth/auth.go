package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// Scheme finishes requests. runtime/transport's Authenticator is the same set of methods.
type Scheme interface {
	// Apply puts the credentials on r and returns the body to send. grant names the credential that
	// was used; it is 0 when there is none that could be renewed. Any other is given back once, to
	// Refused or Settled.
	Apply(ctx context.Context, r *http.Request, body []byte) (final []byte, grant uint64, err error)
	// Refused is told that the API refused grant, for the inARow-th time in this request, of which
	// `renewals` refusals made this request renew. repeat says that the request is to be sent again,
	// renewed that this call fetched a new credential.
	Refused(ctx context.Context, grant uint64, inARow, renewals int) (repeat, renewed bool, err error)
	// Settled is told that the request with grant has ended without being refused; accepted says
	// that the API let it in.
	Settled(grant uint64, accepted bool)
	// Identity is a hash of whose credentials these are: equal for connectors that use the same key.
	Identity() string
}

// Request is what Env.Build makes and Env.Do sends.
type Request struct {
	Method string
	URL    string // absolute
	Header http.Header
	Body   []byte
	// Accept says what is wrong with the body of a success answer (not of a 204): it is retried then as a
	// page with such a body is. Its text carries no secret. Nil: any body will do.
	Accept func(ctx context.Context, a *Answer) error
}

// Answer is a whole answer of any status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // without a byte order mark
	URL    string // as messages may show it
}

// Store keeps credentials that the API has rotated.
type Store interface {
	Secret(ctx context.Context, name string) (string, error) // "" when there is none
	PutSecret(ctx context.Context, name, value string) error
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Env is what the kinds need from their surroundings. A kind calls only what it needs; a nil
// callback that is needed is an error.
type Env struct {
	Base *url.URL // token_url may be relative to it
	// Text evaluates a text of the connector file; null gives "".
	Text func(ctx context.Context, t *spec.Text) (string, error)
	// Node evaluates a template of a JSON value with `token` bound (nil: not bound).
	Node func(ctx context.Context, n *spec.Node, token json.RawMessage) (json.RawMessage, error)
	// Pick reads a value from an answer; false when it is absent.
	Pick func(ctx context.Context, p *spec.Pick, a *Answer) (json.RawMessage, bool, error)
	// Build fills a request template in.
	Build func(ctx context.Context, r *spec.Request) (*Request, error)
	// Do sends a request without credentials of this package, with retries. An answer of any status
	// that stands comes without an error; one that the request does not accept does not stand.
	Do func(ctx context.Context, r *Request) (*Answer, error)
	// Sign is the hook function `sign`.
	Sign func(ctx context.Context, r *http.Request, body []byte) ([]byte, error)

	Store     Store                // nil: rotated credentials live as long as the process
	AddSecret func(secret string)  // nil: none is told
	Clock     Clock                // nil: the machine's
	Tokens    *Tokens              // nil: this scheme's own
	Connector string               // its name, for Tokens.Expires
	Excerpt   func([]byte) string  // a body as messages may show it, nil: it is not shown
	Kinds     map[string]Construct // nil: Kinds
}

// Construct makes the Scheme of one kind.
type Construct func(ctx context.Context, a *spec.Auth, env *Env) (Scheme, error)

// Kinds are the kinds of the format by their `type`.
var Kinds = map[string]Construct{
	"none":                      newNone,
	"bearer":                    newBearer,
	"basic":                     newBasic,
	"api_key":                   newAPIKey,
	"oauth2_client_credentials": newClientCredentials,
	"oauth2_refresh_token":      newRefreshToken,
	"oauth2_password":           newPassword,
	"jwt_bearer":                newJWTBearer,
	"login":                     newLogin,
	"aws_sigv4":                 newSigV4,
	"hook":                      newHook,
}

// New makes the Scheme of a; nil is the kind none. Texts are evaluated here, once.
func New(ctx context.Context, a *spec.Auth, env Env) (Scheme, error) {
	if a == nil {
		a = &spec.Auth{Type: "none"}
	}
	if env.Clock == nil {
		env.Clock = machineClock{}
	}
	if env.AddSecret == nil {
		env.AddSecret = func(string) {}
	}
	if env.Excerpt == nil {
		env.Excerpt = func([]byte) string { return "" }
	}
	if env.Tokens == nil {
		env.Tokens = new(Tokens)
	}
	kinds := env.Kinds
	if kinds == nil {
		kinds = Kinds
	}
	construct := kinds[a.Type]
	if construct == nil {
		return nil, fmt.Errorf("%s: there is no auth type %q", a.Pos, a.Type)
	}
	s, err := construct(ctx, a, &env)
	if err != nil {
		return nil, fmt.Errorf("%s: auth %s: %w", a.Pos, a.Type, err)
	}
	return s, nil
}

type machineClock struct{}

func (machineClock) Now() time.Time { return time.Now() }

// Error is why there are no credentials. Its text carries no secret.
type Error struct {
	Code    string // auth; unauthorized when the credentials were refused
	Message string
}

func (e *Error) Error() string { return e.Message }

// ErrorCode is the code that a run reports.
func (e *Error) ErrorCode() string { return e.Code }

// text evaluates an optional text of a; surrounding line breaks, which files and variables leave
// behind, are cut off.
func (env *Env) text(ctx context.Context, t *spec.Text) (string, error) {
	if t == nil {
		return "", nil
	}
	if lit, ok := t.Literal(); ok {
		return strings.Trim(lit, "\r\n"), nil
	}
	if env.Text == nil {
		return "", errors.New("expressions cannot be evaluated here")
	}
	s, err := env.Text(ctx, t)
	return strings.Trim(s, "\r\n"), err
}

// secret is text, and nothing that is shown from here on holds it.
func (env *Env) secret(ctx context.Context, t *spec.Text) (string, error) {
	s, err := env.text(ctx, t)
	if s != "" {
		env.AddSecret(s)
	}
	return s, err
}

// need is the error of a field that is required and has no value.
func need(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s has no value; give it with --set, --config or its variable", name)
	}
	return nil
}
