package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

// stepRequest is the body of POST /v1/step.
type stepRequest struct {
	Connector string                     `json:"connector"`
	Stream    string                     `json:"stream"`
	Config    map[string]json.RawMessage `json:"config"`
	Next      json.RawMessage            `json:"next"`
	Limit     int64                      `json:"limit"`
	Partition json.RawMessage            `json:"partition"`
}

// more is the verdict of a page that another one follows.
const more = "more"

// maxNext bounds `next`: it comes back in a body.
const maxNext = maxBody * 3 / 4

func (h *Host) serveStep(w http.ResponseWriter, r *http.Request) error {
	var in stepRequest
	if err := readBody(r, maxBody, &in); err != nil {
		return err
	}
	version, err := h.Catalog.Use(in.Connector)
	if err != nil {
		return err
	}
	defer version.Done()
	c := version.Connector
	if in.Stream == "" && len(c.Spec.Streams) == 1 {
		in.Stream = c.Spec.Streams[0].Name
	}
	if c.Spec.Stream(in.Stream) == nil {
		return problem(http.StatusNotFound, "no_stream", unknown("stream "+in.Stream, in.Stream, streamsOf(c.Spec, nil), "connector "+c.Spec.Name+" has"))
	}
	if in.Limit < 0 {
		return problem(http.StatusUnprocessableEntity, "limit", "limit: want a number above 0")
	}
	config, err := callerValues(in.Config)
	if err != nil {
		return err
	}
	if msgs := checkRequest(c.Spec, nil, config); len(msgs) > 0 {
		return &Problem{Title: http.StatusText(http.StatusUnprocessableEntity), Status: http.StatusUnprocessableEntity, Code: "config", Detail: strings.Join(msgs, "; ")}
	}
	switch string(in.Next) {
	case `""`, `"0"`, `0`:
		answer(w, http.StatusOK, stepAnswer{Records: []json.RawMessage{}, Verdict: runtime.Complete, Message: "complete: `next` says that nothing is left"})
		return nil
	}
	about := h.stepAbout(&in)
	at := runtime.StepAt{Stream: in.Stream}
	if string(in.Partition) != "null" {
		at.Partition = in.Partition
	}
	if in.Next != nil && string(in.Next) != "null" {
		if at.Position, err = h.openNext(in.Next, about); err != nil {
			return err
		}
	}
	select {
	case <-h.ending:
		return ErrEnding
	default:
	}
	select {
	case h.stepping <- struct{}{}:
		defer func() { <-h.stepping }()
	default:
		p := problem(http.StatusServiceUnavailable, "busy", "too many steps at a time")
		p.retry = time.Second
		return p
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.opt.StepTime)
	defer cancel()
	defer context.AfterFunc(h.hard, cancel)()
	redact := new(transport.Redactor)
	res, err := runtime.StepWalk(ctx, h.stepJob(c, &in, redact), at)
	if err != nil {
		return &redacted{err, redact}
	}
	res.Message, res.Detail = redact.String(res.Message), redact.String(res.Detail)
	return h.answerStep(w, &in, about, res)
}

// stepJob is what Step needs of a call.
func (h *Host) stepJob(c *runtime.Connector, in *stepRequest, redact *transport.Redactor) *runtime.Job {
	return &runtime.Job{
		Connector: c, Config: in.Config, Env: os.LookupEnv, Ledger: h.db, Owner: h.owner, MaxRecords: in.Limit, TimeLimit: h.opt.StepTime,
		Groups: h.groups, Tokens: h.tokens, Redact: redact, Script: h.opt.Script, UserAgent: h.opt.UserAgent,
		Log:      logOf(h.log, redact).With("call", "step", "connector", in.Connector, "stream", in.Stream),
		Observe:  h.metrics.observe,
		Exchange: func(x *transport.Exchange) { h.metrics.exchange(in.Connector, x) },
	}
}

// redacted is an error whose text may name what a caller must not see.
type redacted struct {
	err error
	by  *transport.Redactor
}

func (e *redacted) Error() string { return e.by.String(e.err.Error()) }

func (e *redacted) Unwrap() error { return e.err }

// stepAnswer is the answer of POST /v1/step; next is left out at the end, never null.
type stepAnswer struct {
	Records  []json.RawMessage `json:"records"`
	Count    int               `json:"count"`
	Next     string            `json:"next,omitempty"`
	Verdict  string            `json:"verdict"`
	Attested string            `json:"attested,omitempty"`
	Reason   string            `json:"reason,omitempty"`
	Until    string            `json:"until,omitempty"` // with next: when to come back
	Message  string            `json:"message"`
}

func (h *Host) answerStep(w http.ResponseWriter, in *stepRequest, about string, res *runtime.StepResult) error {
	if res.Stands {
		h.metrics.step(in.Connector, res.Verdict)
		return h.stepFailed(res)
	}
	out := stepAnswer{Records: res.Records, Count: len(res.Records), Verdict: res.Verdict, Attested: string(res.Attested), Reason: res.Reason, Message: res.Message}
	if res.Next != nil {
		out.Next, out.Verdict = h.steps.close(res.Next, about), more
		if len(out.Next) > maxNext {
			return problem(http.StatusUnprocessableEntity, "next", fmt.Sprintf("next: what the walk has to carry, %d bytes, is more than a call may bring back (%d); walk the stream's partitions one by one, or use a job", len(out.Next), maxNext))
		}
	}
	if !res.Until.IsZero() {
		out.Until = res.Until.UTC().Format(time.RFC3339)
		w.Header().Set("Retry-After", strconv.Itoa(int(max(1, (res.Until.Sub(h.now())+time.Second-1)/time.Second))))
	}
	if out.Verdict != runtime.Complete {
		out.Attested = ""
	}
	h.metrics.step(in.Connector, out.Verdict)
	return writeStep(w, &out)
}

// writeStep sends the answer; records are the bytes that came.
func writeStep(w http.ResponseWriter, out *stepAnswer) error {
	records := out.Records
	out.Records = nil
	rest, err := json.Marshal(out)
	if err != nil {
		return err
	}
	rest = bytes.TrimPrefix(rest, []byte(`{"records":null`))
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Cache-Control", "no-store")
	var b bytes.Buffer
	b.WriteString(`{"records":[`)
	for i, r := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(r)
	}
	b.WriteByte(']')
	b.Write(rest)
	b.WriteByte('\n')
	if _, err := w.Write(b.Bytes()); err != nil {
		return errGone
	}
	return nil
}

// stepFailed is the answer when no page was read: the call may be repeated as it is.
func (h *Host) stepFailed(res *runtime.StepResult) error {
	p := problem(http.StatusBadGateway, "step_"+res.Verdict, res.Message)
	p.Verdict, p.Reason = res.Verdict, res.Reason
	switch res.Verdict {
	case runtime.Parked:
		p = problem(http.StatusTooManyRequests, "parked", res.Message)
		p.Verdict, p.Reason = res.Verdict, res.Reason
		if !res.Until.IsZero() {
			p.Until = res.Until.UTC().Format(time.RFC3339)
			p.retry = max(time.Second, res.Until.Sub(h.now()))
		}
	case runtime.Interrupted:
		p.Status, p.Title = http.StatusGatewayTimeout, http.StatusText(http.StatusGatewayTimeout)
		p.Detail = fmt.Sprintf("the page could not be read within %s", h.opt.StepTime)
	}
	return p
}

// stepAbout is what a `next` belongs to: it opens for the same connector, stream and config only.
func (h *Host) stepAbout(in *stepRequest) string {
	sum := sha256.New()
	config, err := json.Marshal(in.Config) // sorted by name, whitespace outside strings removed
	if err != nil {
		config = nil // was read as JSON before
	}
	for _, s := range []string{in.Connector, in.Stream, string(config)} {
		fmt.Fprintf(sum, "%d:%s", len(s), s)
	}
	return "step " + string(sum.Sum(nil))
}

// openNext reads a `next` that this service, or another one with its key, has made.
func (h *Host) openNext(raw json.RawMessage, about string) (json.RawMessage, error) {
	bad := func(why string) (json.RawMessage, error) {
		return nil, problem(http.StatusUnprocessableEntity, "next", "next: "+why)
	}
	var sealed string
	if json.Unmarshal(raw, &sealed) != nil {
		return bad("want the string of the answer before, or null to start a walk")
	}
	text, err := h.steps.open(sealed, about)
	if err != nil {
		return bad(err.Error() + "; it goes back with the same connector, stream and config")
	}
	return text, nil
}

// callerValues are the config values of a call.
func callerValues(in map[string]json.RawMessage) (Values, error) {
	out := Values{}
	for name, v := range in {
		out[name] = Value{JSON: v}
	}
	return out, nil
}
