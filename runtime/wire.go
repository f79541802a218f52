package runtime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
	"github.com/lastpage/lastpage/runtime/transport"
)

// exchange is what the transport's callbacks need to know of the request under way; it travels in
// the request's context.
type exchange struct {
	scope   *scope
	rd      *reader    // nil: the answer is no page, any body will do
	page    *page.Page // what rd reads into
	format  string
	method  string
	details bool              // it asks for details: it carries no token of the pagination
	seen    *transport.Answer // the answer that body is of
	body    []byte            // its JSON, nil when it is none
}

type exchangeKey struct{}

func with(ctx context.Context, x *exchange) context.Context {
	return context.WithValue(ctx, exchangeKey{}, x)
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// wire sets the callbacks of a stream's client: classes, bodies, hooks, throttling and credentials.
func (b *bound) wire(ctx context.Context, st *spec.Stream, sc *scope, cfg *transport.Config) error {
	w := &wiring{b: b, st: st}
	classifier, err := transport.NewClassifier(st.HTTP.Responses, st.HTTP.Retry, w)
	if err != nil {
		return err
	}
	w.classifier = classifier
	cfg.Classify = w.classify
	cfg.Accept, cfg.Arriving = w.accept, w.arriving
	if b.hooked(st, "request") {
		cfg.Edit = w.edit
	}
	if t := st.HTTP.Throttle; t != nil {
		cfg.ThrottleRead = w.throttle
	}
	scheme, err := b.authenticator(ctx, st, cfg.Base, sc)
	if err != nil {
		return err
	}
	id := ""
	if scheme != nil {
		cfg.Authenticator, id = scheme, scheme.Identity()
	}
	cfg.Group, err = b.group(ctx, st, cfg.Base, id, sc)
	return err
}

// wiring is the callbacks of one stream's client.
type wiring struct {
	b          *bound
	st         *spec.Stream
	classifier *transport.Classifier
}

// view is the answer as expressions and references see it before it is read as a page.
func (w *wiring) view(ctx context.Context, a *transport.Answer) (*view, error) {
	x := exchangeOf(ctx)
	if x == nil {
		return nil, errors.New("an answer without a request")
	}
	if x.seen != a {
		x.seen, x.body = a, jsonOf(a.Body, a.Header.Get("Content-Type"), x.format)
	}
	sc := *x.scope
	sc.answer = newAnswerValues(x.method, a, x.body)
	return &view{scope: &sc, rd: &reader{}}, nil
}

func newAnswerValues(method string, a *transport.Answer, body []byte) *answerValues {
	return &answerValues{method: method, status: a.Status, header: a.Header, body: body, text: a.Body, links: page.ParseLinks(a.Header), url: a.URL.String()}
}

// jsonOf is a body as JSON, nil when it cannot be read as the connector's format.
func jsonOf(body []byte, contentType, format string) []byte {
	if len(body) == 0 {
		return nil
	}
	if format == "xml" {
		var p page.Page
		plan := page.Plan{Format: format, NoRecords: true}
		if plan.Read(body, contentType, &p) == nil {
			return p.Body
		}
		return nil
	}
	if body = page.Unmark(body); rawjson.Valid(body) != nil {
		return nil
	}
	return body
}

// mentions reports whether an expression of t reads the body.
func mentions(t *spec.Text, name string) bool {
	for _, p := range t.Parts {
		if p.Expr != nil && strings.Contains(p.Expr.Source, name) {
			return true
		}
	}
	return false
}

// When implements transport.Evaluator.
func (w *wiring) When(ctx context.Context, r *spec.Rule, a *transport.Answer) (bool, error) {
	v, err := w.view(ctx, a)
	if err != nil {
		return false, err
	}
	if v.scope.answer.body == nil && mentions(r.When, "body") {
		if len(a.Body) == 0 {
			return false, nil
		}
		return false, transport.ErrUnreadable
	}
	got, err := v.scope.evalText(ctx, r.When)
	return truthy(got), err
}

// truthy is JavaScript's: null, false, 0 and "" are not.
func truthy(v json.RawMessage) bool {
	switch string(v) {
	case "", "null", "false", "0", "-0", `""`:
		return false
	}
	return true
}

// Message implements transport.Evaluator.
func (w *wiring) Message(ctx context.Context, r *spec.Rule, a *transport.Answer) (string, error) {
	v, err := w.view(ctx, a)
	if err != nil {
		return "", err
	}
	if v.scope.answer.body == nil && mentions(r.Message, "body") {
		return "", nil
	}
	s, _, err := v.scope.join(ctx, r.Message, nil)
	return s, err
}

// Wait implements transport.Evaluator.
func (w *wiring) Wait(ctx context.Context, r *spec.Rule, a *transport.Answer) (json.RawMessage, error) {
	v, err := w.view(ctx, a)
	if err != nil {
		return nil, err
	}
	got, err := v.pick(ctx, r.Wait, present)
	if !present(got) {
		return nil, err
	}
	return got, err
}

// classify says what an answer is. What is said of a token is not said of a success answer to details,
// whose request carries none: what that answer does not return is missing.
func (w *wiring) classify(ctx context.Context, a *transport.Answer) (transport.Outcome, error) {
	o, err := w.ruled(ctx, a)
	if x := exchangeOf(ctx); err == nil && o.Class == spec.ClassTokenExpired && x != nil && x.details && transport.Success(a.Status) {
		return transport.Outcome{Class: spec.ClassOK}, nil
	}
	return o, err
}

// ruled asks the rules, then the hook, then the defaults.
func (w *wiring) ruled(ctx context.Context, a *transport.Answer) (transport.Outcome, error) {
	o, err := w.classifier.Classify(ctx, a)
	if err != nil || o.Rule != nil || exchangeOf(ctx) == nil || !w.b.hooked(w.st, "classify") {
		return o, scriptFailure(err)
	}
	v, err := w.view(ctx, a)
	if err != nil {
		return o, err
	}
	class, ok, err := w.b.callClassify(ctx, w.st, v)
	if err != nil {
		return o, scriptFailure(err)
	}
	if ok {
		o.Class, o.Hooked = class, true
	}
	return o, nil
}

// scriptFailure makes an exception of the connector's own final: it is never retried.
func scriptFailure(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return &transport.Error{Code: e.Code, Message: e.Error()}
	}
	return err
}

// arriving scans the body of a page while it comes.
func (w *wiring) arriving(ctx context.Context, status int, more transport.Arriving) {
	x := exchangeOf(ctx)
	if x == nil || x.rd == nil {
		return
	}
	x.page.Reset()
	if transport.Success(status) {
		x.rd.plan.Begin(more, x.page)
	}
}

// accept reads the body as a page; what is not readable is retried, what the connector does not fit
// is final.
func (w *wiring) accept(ctx context.Context, a *transport.Answer) error {
	x := exchangeOf(ctx)
	if x == nil || x.rd == nil {
		return nil
	}
	if x.rd.bare != nil && len(bytes.TrimSpace(a.Body)) == 0 {
		v, err := w.view(ctx, a)
		if err == nil {
			err = x.rd.bare(ctx, v)
		}
		if err != nil {
			return &page.Error{Code: page.CodeBody, Msg: "the body is empty: " + err.Error()}
		}
		return nil
	}
	err := x.rd.plan.Read(a.Body, a.Header.Get("Content-Type"), x.page)
	var pe *page.Error
	if errors.As(err, &pe) && pe.Code != page.CodeBody {
		return &transport.Error{Code: pe.Code, Message: pe.Msg, Status: a.Status}
	}
	return err
}

// edit lets the hook `request` change the request of an attempt.
func (w *wiring) edit(ctx context.Context, r *http.Request, body []byte) ([]byte, error) {
	x := exchangeOf(ctx)
	if x == nil {
		return body, nil
	}
	out, err := w.b.callRequest(ctx, w.st, "request", x.scope, r, body)
	return out, scriptFailure(err)
}

// throttle gives the values of http.throttle.
func (w *wiring) throttle(ctx context.Context, a *transport.Answer) (remaining, reset json.RawMessage, err error) {
	if exchangeOf(ctx) == nil {
		return nil, nil, nil
	}
	v, err := w.view(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	if remaining, err = v.pick(ctx, w.st.HTTP.Throttle.Remaining, present); err != nil {
		return nil, nil, err
	}
	reset, err = v.pick(ctx, w.st.HTTP.Throttle.Reset, present)
	return remaining, reset, err
}
