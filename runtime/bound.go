package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/auth"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
)

// bound is a connector with its configuration filled in, for one run: what the streams share.
type bound struct {
	job       *Job
	connector *spec.Connector
	program   *script.Program
	config    *Config
	id        string
	started   time.Time // pinned: `now` of windows and relative times
	clock     Clock
	redact    *transport.Redactor
	groups    *transport.Groups
	log       *slog.Logger
	table     map[engine.Type]func(*engine.Rules) engine.Strategy
	part      *part // the one chain that the run is about; nil: all of them

	mu    sync.Mutex
	auths map[*spec.Auth]auth.Scheme

	held heldExchanges
}

// bind resolves the configuration and reads the connector again with it.
func bind(ctx context.Context, job *Job) (*bound, error) {
	b := &bound{job: job, id: job.RunID, clock: job.Clock, redact: job.Redact, groups: job.Groups, log: job.Log,
		table: job.Strategies, auths: map[*spec.Auth]auth.Scheme{}}
	if b.id == "" {
		var r [8]byte
		rand.Read(r[:])
		b.id = hex.EncodeToString(r[:])
	}
	if b.clock == nil {
		b.clock = Real{}
	}
	if b.redact == nil {
		b.redact = new(transport.Redactor)
	}
	for _, secret := range secretsOf(job.Sink) {
		b.redact.Add(secret)
	}
	if b.groups == nil {
		b.groups = &transport.Groups{Clock: b.clock}
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.table == nil {
		b.table = job.Connector.kinds.patterns()
	}
	b.started = b.clock.Now()
	began := job.began
	if began.IsZero() {
		began = b.started
	}
	var err error
	b.config, err = ResolveConfig(job.Connector.Spec.Config, ConfigSource{
		Set: job.Set, File: job.Config, Env: job.Env, Now: began, Secrets: b.redact.Add,
	})
	if err != nil {
		return nil, err
	}
	b.warnOfShortSecrets(job.Connector.Spec.Config)
	b.connector, b.program, err = job.Connector.bind(ctx, b)
	return b, err
}

func (b *bound) now() time.Time { return b.clock.Now() }

func (b *bound) tell(e Event) {
	if b.job.Observe == nil {
		return
	}
	e.At, e.Run, e.Connector = b.now(), b.id, b.connector.Name
	b.job.Observe(e)
}

// stopped reports whether the run was asked to end after the pages in flight.
func (b *bound) stopped() bool {
	select {
	case <-b.job.Stop: // a nil channel never is
		return true
	default:
		return false
	}
}

// client makes the HTTP client of a stream.
func (b *bound) client(ctx context.Context, st *spec.Stream) (*transport.Client, error) {
	sc := &scope{job: b, config: b.config, run: b.id}
	h := &st.HTTP
	cfg := transport.Config{
		Timeout: h.Timeout, MaxPage: h.MaxPage, FollowRedirects: h.FollowRedirects, DenyPrivate: h.DenyPrivate,
		Compression: h.Compression, UserAgent: b.job.UserAgent, Throttle: h.Throttle, Retry: h.Retry,
		Redact: b.redact, Clock: stopClock{b.clock, b.job.Stop}, Observe: b.exchanges(st), Transport: b.job.Transport, Random: b.job.Random,
	}
	if b.job.TimeLimit > 0 {
		cfg.Deadline = b.started.Add(b.job.TimeLimit)
	}
	var err error
	if cfg.Proxy, cfg.TLS, err = b.way(ctx, h, sc); err != nil {
		return nil, err
	}
	for _, t := range h.AllowHosts {
		s, err := sc.str(ctx, t, nil)
		if err != nil {
			return nil, err
		}
		cfg.AllowHosts = append(cfg.AllowHosts, s)
	}
	if h.BaseURL != nil {
		s, err := sc.str(ctx, h.BaseURL, nil)
		if err != nil {
			return nil, err
		}
		cfg.Base, err = url.Parse(s)
		if err != nil || cfg.Base.Hostname() == "" || !slices.Contains([]string{"http", "https"}, strings.ToLower(cfg.Base.Scheme)) {
			return nil, &spec.Error{Pos: h.BaseURL.Pos, Msg: fmt.Sprintf("`base_url` is `%s`, which is no URL of http or https with a host", shown([]byte(s))), Hint: "write `https://api.example.com`"}
		}
	}
	cfg.Wrap = b.wrap(false)
	if err := b.wire(ctx, st, sc, &cfg); err != nil {
		return nil, err
	}
	client, err := transport.New(cfg)
	return client, atFile(h, err)
}

// way is how an API's hosts are reached: by which proxy, and with which certificates. Null, such as a
// setting that is not given, is as if the key were absent.
func (b *bound) way(ctx context.Context, h *spec.HTTP, sc *scope) (proxy string, certs transport.TLS, err error) {
	certs.Insecure = h.TLS.Insecure
	for _, t := range []struct {
		to   *string
		from *spec.Text
	}{{&proxy, h.Proxy}, {&certs.CAFile, h.TLS.CAFile}, {&certs.CertFile, h.TLS.CertFile}, {&certs.KeyFile, h.TLS.KeyFile}} {
		if t.from == nil {
			continue
		}
		if *t.to, _, err = sc.join(ctx, t.from, nil); err != nil {
			return "", certs, err
		}
	}
	return proxy, certs, nil
}

// atFile gives the error of a file of `tls` the place in the connector that names it.
func atFile(h *spec.HTTP, err error) error {
	var wrong *transport.TLSError
	if !errors.As(err, &wrong) {
		return err
	}
	at := map[string]*spec.Text{"ca_file": h.TLS.CAFile, "cert_file": h.TLS.CertFile, "key_file": h.TLS.KeyFile}[wrong.Key]
	if at == nil {
		return err
	}
	return &spec.Error{Pos: at.Pos, Msg: "`tls." + wrong.Key + "`: " + wrong.File + " " + wrong.Msg, Hint: wrong.Hint}
}

// wrap is the job's Wrap for one kind of requests.
func (b *bound) wrap(private bool) func(http.RoundTripper) http.RoundTripper {
	if b.job.Wrap == nil {
		return nil
	}
	return func(next http.RoundTripper) http.RoundTripper { return b.job.Wrap(next, private) }
}

// authenticator makes the connector's auth once for all streams that share it.
func (b *bound) authenticator(ctx context.Context, st *spec.Stream, base *url.URL, sc *scope) (auth.Scheme, error) {
	a := st.HTTP.Auth
	if a == nil || a.Type == "" || a.Type == "none" {
		return nil, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if got, ok := b.auths[a]; ok {
		return got, nil
	}
	got, err := auth.New(ctx, a, b.authEnv(st, base, sc))
	if err != nil {
		return nil, err
	}
	b.auths[a] = got
	return got, nil
}

// stopClock ends every wait when the run is asked to stop: no page is in flight then.
type stopClock struct {
	Clock
	stop <-chan struct{}
}

// errStopped is what a wait ends with when the run is asked to stop.
var errStopped = &Error{Code: CodeInterrupted, Msg: "the run was asked to stop"}

func (c stopClock) Sleep(ctx context.Context, d time.Duration) error {
	ctx, cancel := transport.WithStop(ctx, c.stop)
	defer cancel()
	err := c.Clock.Sleep(ctx, d)
	if err != nil && context.Cause(ctx) == transport.ErrStopped {
		return errStopped
	}
	return err
}
