package runtime

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/auth"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/transport"
)

// authEnv is what the kinds of authentication need of a run.
func (b *bound) authEnv(st *spec.Stream, base *url.URL, sc *scope) auth.Env {
	plain := &authClient{b: b, st: st, scope: sc}
	return auth.Env{
		Base: base,
		Text: func(ctx context.Context, t *spec.Text) (string, error) {
			s, _, err := sc.join(ctx, t, nil)
			return s, err
		},
		Node: func(ctx context.Context, n *spec.Node, token json.RawMessage) (json.RawMessage, error) {
			with := *sc
			with.token = token
			t, err := with.node(ctx, n)
			if err != nil || t == nil {
				return nil, err
			}
			return t.append(nil), nil
		},
		Pick: func(ctx context.Context, p *spec.Pick, a *auth.Answer) (json.RawMessage, bool, error) {
			with := *sc
			with.answer = &answerValues{status: a.Status, header: a.Header, body: jsonOf(a.Body, a.Header.Get("Content-Type"), "json"),
				text: a.Body, links: page.ParseLinks(a.Header), url: a.URL}
			v := &view{scope: &with, rd: &reader{}}
			got, err := v.pick(ctx, p, present)
			return got, present(got), err
		},
		Build: func(ctx context.Context, r *spec.Request) (*auth.Request, error) {
			d, err := newDraft(ctx, sc, &spec.HTTP{BaseURL: st.HTTP.BaseURL}, r)
			if err != nil {
				return nil, err
			}
			body, contentType := d.bytes()
			if contentType != "" && d.header.Get("Content-Type") == "" {
				d.header.Set("Content-Type", contentType)
			}
			return &auth.Request{Method: d.method, URL: d.url(), Header: d.header, Body: body}, nil
		},
		Do: plain.do,
		Sign: func(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
			if !b.hooked(st, "sign") {
				return nil, codeError(CodeHook, "auth type hook needs a hook function sign(req, ctx)")
			}
			with := sc
			if x := exchangeOf(ctx); x != nil {
				with = x.scope
			}
			out, err := b.callRequest(ctx, st, "sign", with, r, body)
			return out, scriptFailure(err)
		},
		Store: b.job.Ledger, AddSecret: b.redact.Add, Clock: b.clock, Tokens: b.job.Tokens, Connector: b.connector.Name, Kinds: b.job.Connector.kinds.auths(),
		Excerpt: func(body []byte) string { return b.redact.String(string(body[:min(len(body), 500)])) },
	}
}

// authClient sends requests of the auth kinds: without credentials, the stream's way and with its retry
// rules.
type authClient struct {
	b     *bound
	st    *spec.Stream
	scope *scope

	once   sync.Once
	client *transport.Client
	err    error
}

func (l *authClient) do(ctx context.Context, r *auth.Request) (*auth.Answer, error) {
	l.once.Do(func() {
		h := &l.st.HTTP
		proxy, certs, err := l.b.way(ctx, h, l.scope)
		if err != nil {
			l.err = err
			return
		}
		l.client, l.err = transport.New(transport.Config{
			Timeout: h.Timeout, MaxPage: h.MaxPage, DenyPrivate: h.DenyPrivate, Compression: h.Compression, UserAgent: l.b.job.UserAgent,
			Retry: h.Retry, Redact: l.b.redact, Clock: stopClock{l.b.clock, l.b.job.Stop}, Observe: l.b.job.Exchange, Transport: l.b.job.Transport, Wrap: l.b.wrap(true), Random: l.b.job.Random,
			Proxy: proxy, TLS: certs, Accept: acceptGrant,
		})
	})
	if l.err != nil {
		return nil, l.err
	}
	a, err := l.client.Fetch(context.WithValue(ctx, grantKey{}, r.Accept), r.Method, r.URL, r.Header, r.Body)
	if err != nil {
		return nil, err
	}
	return &auth.Answer{Status: a.Status, Header: a.Header, Body: page.Unmark(a.Body), URL: a.URL}, nil
}

// grantKey is where the context of a request for credentials holds its Accept.
type grantKey struct{}

// acceptGrant asks the kind of authentication whether it can read an answer.
func acceptGrant(ctx context.Context, a *transport.Answer) error {
	accept, _ := ctx.Value(grantKey{}).(func(context.Context, *auth.Answer) error)
	if accept == nil {
		return nil
	}
	return accept(ctx, &auth.Answer{Status: a.Status, Header: a.Header, Body: page.Unmark(a.Body)})
}
