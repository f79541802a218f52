package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/lastpage/lastpage/engine/spec"
)

// Authenticator puts credentials on requests. Package runtime/auth makes them.
type Authenticator interface {
	// Apply finishes r, which is sent as it leaves it but for its body: that is what Apply returns.
	// grant names the credential that was used, 0 when there is nothing to renew; any other is given
	// back once, to Refused or Settled.
	Apply(ctx context.Context, r *http.Request, body []byte) (final []byte, grant uint64, err error)
	// Refused is told that the API refused grant: the inARow-th refusal of this request without
	// another answer between, after `renewals` renewals that this request caused. repeat says that
	// there is another credential now, renewed that this call fetched it.
	Refused(ctx context.Context, grant uint64, inARow, renewals int) (repeat, renewed bool, err error)
	// Settled is told that the request with grant has ended without being refused; accepted says
	// that the API let it in.
	Settled(grant uint64, accepted bool)
}

// Config is what a Client is made of. Only the callbacks that are set are called.
type Config struct {
	Base            *url.URL // its origin gets the credentials; nil: each request's own
	Timeout         time.Duration
	MaxPage         int64  // bytes of a decoded body, 0: 64 MB
	FollowRedirects string // same_origin ("") none any
	AllowHosts      []string
	DenyPrivate     bool
	Proxy           string // "" takes the environment's
	TLS             TLS
	Compression     bool
	UserAgent       string

	Group        *Group // nil: no bound
	Throttle     *spec.Throttle
	ThrottleRead func(ctx context.Context, a *Answer) (remaining, reset json.RawMessage, err error) // with Throttle; nil values are absent
	Retry        spec.Retry                                                                         // Attempts 0: the format's defaults
	Deadline     time.Time                                                                          // end of the run, zero without

	Authenticator Authenticator
	// Classify finds an answer's class, nil: the defaults of the format. (*Classifier).Classify is one.
	Classify func(ctx context.Context, a *Answer) (Outcome, error)
	// Accept checks that the body of an `ok` answer (not of a 204) is what the connector reads. Its
	// error makes the attempt a `body` failure; an *Error is final. It may leave Answer.Parsed.
	Accept func(ctx context.Context, a *Answer) error
	// Arriving may look at the body of an answer while it comes, of a packed one again when it is unpacked:
	// what it has not waited for is read when it returns. The body may still break off, and the answer be
	// none that Accept sees.
	Arriving func(ctx context.Context, status int, more Arriving)
	// Edit changes the request of each attempt before the credentials and returns its body.
	Edit func(ctx context.Context, r *http.Request, body []byte) ([]byte, error)
	// Observe is told each exchange, from the goroutine that called Do.
	Observe func(e *Exchange)

	// Transport makes the round trips; nil: a pool of connections of this client. With it Proxy, TLS
	// and DenyPrivate are its own business.
	Transport http.RoundTripper
	// Wrap is laid around what makes the round trips; nil: nothing is.
	Wrap func(http.RoundTripper) http.RoundTripper

	Redact *Redactor
	Clock  Clock          // nil: the machine's
	Random func() float64 // in [0, 1), nil: math/rand
}

// DefaultRetry is the `retry` of a connector that states none.
func DefaultRetry() spec.Retry {
	return spec.Retry{
		Attempts: 6, Initial: time.Second, Factor: 2, Max: 2 * time.Minute, Jitter: "full",
		Status: []int{408, 425, 429, 500, 502, 503, 504}, Network: true, Timeout: true, Body: true, MaxWait: 15 * time.Minute,
	}
}

// Client sends the requests of one connector. It is safe for use by several goroutines.
type Client struct {
	cfg     Config
	base    Origin
	allow   []spec.Allowance
	pool    *http.Transport // nil with a Transport of the caller's
	retries *retryablehttp.Client
	redact  *Redactor
	clock   Clock
	random  func() float64

	buffers, readers, gzips, zstds sync.Pool
}

// New checks cfg and makes a client. Close lets its connections go.
func New(cfg Config) (*Client, error) {
	c := &Client{cfg: cfg, redact: cfg.Redact, clock: cfg.Clock, random: cfg.Random}
	if c.redact == nil {
		c.redact = new(Redactor)
	}
	if c.clock == nil {
		c.clock = realClock{}
	}
	if c.random == nil {
		c.random = rand.Float64
	}
	if c.cfg.Timeout <= 0 {
		c.cfg.Timeout = time.Minute
	}
	if c.cfg.MaxPage <= 0 {
		c.cfg.MaxPage = 64 << 20
	}
	if c.cfg.Retry.Attempts <= 0 {
		c.cfg.Retry = DefaultRetry()
	}
	if c.cfg.UserAgent == "" {
		c.cfg.UserAgent = "lastpage"
	}
	if c.cfg.Group == nil {
		c.cfg.Group = newGroup("", Limit{}, c.clock, nil)
	}
	if c.cfg.Classify == nil {
		retry := c.cfg.Retry
		c.cfg.Classify = func(_ context.Context, a *Answer) (Outcome, error) {
			return Outcome{Class: defaultClass(a.Status, retry)}, nil
		}
	}
	switch cfg.FollowRedirects {
	case "", "same_origin", "none", "any":
	default:
		return nil, fmt.Errorf("follow_redirects: %q is not same_origin, none or any", cfg.FollowRedirects)
	}
	if cfg.Base != nil {
		c.base = OriginOf(cfg.Base)
		if err := c.checkTarget(cfg.Base, c.base, true); err != nil {
			return nil, fmt.Errorf("base_url: %s", err.Message)
		}
	}
	for _, s := range cfg.AllowHosts {
		a, err := spec.ParseAllowance(s)
		if err != nil {
			return nil, fmt.Errorf("allow_hosts: %w", err)
		}
		c.allow = append(c.allow, a)
	}
	if c.cfg.Transport == nil {
		pool, err := roundTripper(&c.cfg)
		if err != nil {
			return nil, err
		}
		c.pool, c.cfg.Transport = pool, pool
	}
	if cfg.Wrap != nil {
		c.cfg.Transport = cfg.Wrap(c.cfg.Transport)
	}
	c.retries = &retryablehttp.Client{
		HTTPClient: &http.Client{
			Transport:     attempts{},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		RetryMax:     math.MaxInt32, // checkRetry counts
		CheckRetry:   checkRetry,
		Backoff:      func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 }, // the attempt waits
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return c, nil
}

// Close lets idle connections go. Requests in flight end by their contexts.
func (c *Client) Close() {
	if c.pool != nil {
		c.pool.CloseIdleConnections()
	}
}
