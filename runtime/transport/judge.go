package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// judge classifies a whole answer and decides what comes next.
func (x *call) judge(ctx context.Context, timedOut bool, a *Attempt, e *Exchange, ans *Answer) {
	if ans.broken != nil {
		if ended(ctx) {
			ans.Release()
			x.cut(ctx, a)
			return
		}
		if Success(ans.Status) {
			x.brokenBody(ctx, timedOut, a, e, ans)
			return
		}
	}
	if err := x.throttle(ctx, ans); err != nil {
		x.stop(a, e, x.callbackError(ctx, CodeScript, err))
		ans.Release()
		return
	}
	o, err := x.cfg.Classify(ctx, ans)
	if err != nil {
		if errors.Is(err, ErrUnreadable) && Success(ans.Status) {
			x.failed(ctx, a, e, failure{CodeBody, x.unreadable(ans), ""}, ans, true)
			return
		}
		x.stop(a, e, x.callbackError(ctx, CodeScript, err))
		ans.Release()
		return
	}
	ans.Class, ans.Message = o.Class, x.redact.String(o.Message)
	a.Class = o.Class
	ans.Ruled = o.Rule != nil || o.Hooked
	switch {
	case o.Rule != nil:
		ans.By = "the rule at " + o.Rule.Pos.String()
	case o.Hooked:
		ans.By = "the hook"
	}
	if o.Class != spec.ClassUnauthorized {
		x.refusals, x.renewals = 0, 0
	}
	switch o.Class {
	case spec.ClassOK:
		x.accept(ctx, timedOut, a, e, ans)
	case spec.ClassEnd, spec.ClassSkip, spec.ClassTokenExpired, spec.ClassSessionExpired:
		x.accepted(ans)
		x.answer = ans
		x.finish(a, e)
	case spec.ClassRateLimited, spec.ClassRetry:
		x.later(ctx, a, e, ans, o)
	case spec.ClassUnauthorized:
		x.cfg.Group.Succeed(ans.Sent) // not for its rate
		x.unauthorized(ctx, a, e, ans)
	default:
		x.cfg.Group.Succeed(ans.Sent)
		x.answer = ans
		x.stop(a, e, x.statusError(ans))
	}
}

// Success says whether a status is one of 2xx.
func Success(status int) bool { return status >= 200 && status <= 299 }

// accept checks the body of an ok answer.
func (x *call) accept(ctx context.Context, timedOut bool, a *Attempt, e *Exchange, ans *Answer) {
	x.accepted(ans)
	if ans.broken != nil { // a rule calls an error status ok
		x.brokenBody(ctx, timedOut, a, e, ans)
		return
	}
	if x.cfg.Accept != nil && ans.Status != http.StatusNoContent {
		err := x.cfg.Accept(ctx, ans)
		var final *Error
		switch {
		case err == nil:
		case ended(ctx):
			ans.Release()
			x.cut(ctx, a)
			return
		case errors.As(err, &final):
			if final.URL == "" {
				final.Method, final.URL, final.Status = x.method(), x.redactURL(x.target), ans.Status
				final.Message = x.redact.String(final.Message)
			}
			x.answer = ans
			x.stop(a, e, final)
			return
		default:
			x.failed(ctx, a, e, failure{CodeBody, err.Error(), ""}, ans, true)
			return
		}
	}
	x.answer = ans
	x.finish(a, e)
}

// accepted tells the group and the credentials that the API let the request in.
func (x *call) accepted(ans *Answer) {
	x.cfg.Group.Succeed(ans.Sent)
	x.settle(true)
}

func (x *call) unreadable(ans *Answer) string {
	return fmt.Sprintf("the body is not what the connector reads: %s", x.excerpt(ans.Body))
}

func (x *call) brokenBody(ctx context.Context, timedOut bool, a *Attempt, e *Exchange, ans *Answer) {
	if errors.Is(ans.broken, errTooLarge) {
		err := x.fail(CodePageTooLarge, ans.Status, fmt.Sprintf("the body is longer than max_page (%d bytes)", x.cfg.MaxPage))
		err.Hint = "ask for fewer records a page with pagination.limit, or raise http.max_page"
		x.stop(a, e, err)
		ans.Release()
		return
	}
	x.failed(ctx, a, e, x.bodyFailure(ans.broken, ans.URL.Host, timedOut), ans, true)
}

// failed deals with an attempt that brought no usable answer; ans is nil or is released. sent says
// that the server may have dealt with the request.
func (x *call) failed(ctx context.Context, a *Attempt, e *Exchange, f failure, ans *Answer, sent bool) {
	defer ans.Release()
	status := 0
	if ans != nil {
		status = ans.Status
	}
	if ended(ctx) {
		x.cut(ctx, a)
		return
	}
	x.tries++
	x.refusals, x.renewals = 0, 0
	a.Reason, a.Detail = f.code, x.redact.String(f.message)
	err := x.fail(f.code, status, f.message)
	err.Hint = f.hint
	switch {
	case !x.retried(f.code):
	case x.req.OneUse && sent:
		err = x.spent(a)
	case x.tries < x.cfg.Retry.Attempts:
		x.postpone(ctx, a, e, x.backoff(), err)
		return
	}
	x.err = err
	x.finish(a, e)
}

// dropped repeats a request whose kept connection was closed before an answer: at once and signed again,
// and the first time without counting against retry.attempts, since the API has refused nothing. Idle
// connections are given up: they may be closed too.
func (x *call) dropped(ctx context.Context, a *Attempt, e *Exchange, host string) {
	f := failure{CodeNetwork, host + " closed a kept connection without an answer", ""}
	if x.revived {
		x.failed(ctx, a, e, f, nil, true)
		return
	}
	x.revived = true
	if x.pool != nil {
		x.pool.CloseIdleConnections()
	}
	a.Reason, a.Detail = f.code, f.message
	x.again = true
	x.finish(a, e)
}

// spent is the error of a one-use token that may have been consumed by the attempt a.
func (x *call) spent(a *Attempt) *Error {
	return x.fail(CodeTokenSpent, a.Status, "the one-use token may have been consumed and is not sent again: "+a.Detail)
}

// later deals with rate_limited and retry.
func (x *call) later(ctx context.Context, a *Attempt, e *Exchange, ans *Answer, o Outcome) {
	x.tries++
	a.Reason, a.Detail = httpCode(ans.Status), x.statusMessage(ans)
	if o.Class == spec.ClassRateLimited {
		a.Reason = CodeRateLimited
	}
	err := x.statusError(ans)
	wait, asked := x.pause(ans, o)
	if o.Class == spec.ClassRateLimited {
		if perr := x.cfg.Group.Penalize(ctx, x.clock.Now().Add(wait), true, ans.Sent); perr != nil {
			x.stop(a, e, perr)
			ans.Release()
			return
		}
	}
	x.answer = ans
	switch {
	case o.Class == spec.ClassRetry && o.Rule == nil && x.req.OneUse && (ans.Status == http.StatusBadGateway || ans.Status == http.StatusGatewayTimeout):
		x.err = x.spent(a) // what the gateway stands for may have dealt with it
	case x.tries < x.cfg.Retry.Attempts, asked && x.ticket().allows(x.clock.Now(), x.clock.Now().Add(wait), true) != nil:
		x.postpone(ctx, a, e, wait, err)
		return
	default:
		x.err = err
	}
	x.finish(a, e)
}

func (x *call) ticket() Ticket {
	t := Ticket{Chain: x.req.Chain, Farewell: x.req.Farewell, Stop: x.req.Stop, NotAfter: x.req.NotAfter, MaxWait: x.cfg.Retry.MaxWait, Deadline: x.cfg.Deadline}
	if d := x.req.Deadline; !d.IsZero() && (t.Deadline.IsZero() || d.Before(t.Deadline)) {
		t.Deadline = d
	}
	return t
}

// postpone lets another attempt follow after wait, unless that is longer than allowed.
func (x *call) postpone(_ context.Context, a *Attempt, e *Exchange, wait time.Duration, because *Error) {
	now := x.clock.Now()
	a.Wait = wait
	if err := x.ticket().allows(now, now.Add(wait), true); err != nil {
		failure := x.waitFailure(err)
		var parked *Error
		if errors.As(failure, &parked) {
			parked.Status = because.Status
			parked.Message += ": " + because.Message
		}
		x.stop(a, e, failure)
		return
	}
	x.resume, x.again = now.Add(wait), true
	x.finish(a, e)
}

// unauthorized asks for another credential, once, and repeats the request with it.
func (x *call) unauthorized(ctx context.Context, a *Attempt, e *Exchange, ans *Answer) {
	x.refusals++
	a.Reason, a.Detail = CodeUnauthorized, x.statusMessage(ans)
	refusal := x.statusError(ans)
	refusal.Code = CodeUnauthorized
	if refusal.Hint == "" {
		refusal.Hint = statusHint(http.StatusUnauthorized)
	}
	grant := x.grant
	if x.grant = 0; grant == 0 {
		x.answer = ans
		x.stop(a, e, refusal)
		return
	}
	repeat, renewed, err := x.cfg.Authenticator.Refused(ctx, grant, x.refusals, x.renewals)
	if renewed {
		x.renewals++
	}
	switch {
	case err != nil:
		x.stop(a, e, x.callbackError(ctx, CodeAuth, err))
		ans.Release()
	case repeat:
		x.answer, x.again = ans, true
		x.finish(a, e)
	default:
		x.answer = ans
		x.stop(a, e, refusal)
	}
}

// stop ends the call with err.
func (x *call) stop(a *Attempt, e *Exchange, err error) {
	x.err = err
	var f *Error
	if errors.As(err, &f) && a.Reason == "" {
		a.Reason, a.Detail = f.Code, f.Message
	}
	if a.At.IsZero() { // nothing was sent
		return
	}
	x.finish(a, e)
}

// cut ends the call with its context while the attempt a is under way.
func (x *call) cut(ctx context.Context, a *Attempt) {
	x.err = ctx.Err()
	x.finish(a, nil)
}

func httpCode(status int) string { return fmt.Sprintf("http_%d", status) }

// statusError is the error of an answer that stands.
func (x *call) statusError(ans *Answer) *Error {
	code := httpCode(ans.Status)
	switch {
	case ans.Class == spec.ClassRateLimited:
		code = CodeRateLimited
	case Success(ans.Status):
		code = CodeRefused
	}
	err := x.fail(code, ans.Status, x.statusMessage(ans))
	if err.Hint = statusHint(ans.Status); x.moved != nil && x.moved.method != x.method() {
		err.Hint = fmt.Sprintf("%s %s was redirected there, as %s: name the new address", x.method(), x.redactURL(x.target), x.moved.method)
	}
	return err
}
