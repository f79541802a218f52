package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

// maxRecorded is how many bytes of bodies a recording holds.
const maxRecorded = 64 << 20

// Recorder keeps the exchanges of one run, and makes a case of them.
type Recorder struct {
	connector  *runtime.Connector
	streams    []string
	values     map[string]string // of the config, as JSON: what is not the default
	fakes      *fakes
	redact     *transport.Redactor
	checkpoint map[string]Checkpoint
	step       Step
	now        time.Time

	mu    sync.Mutex
	taken []*taken
	bytes int64
}

// taken is one exchange as it went over the wire.
type taken struct {
	private  bool
	request  *request
	response *response
	err      error
}

// Record readies job to be recorded: its pages are fetched one after the other, and what it sends and
// gets is kept. checkpoint is what is stored of its streams before the run.
func Record(job *runtime.Job, checkpoint map[string]Checkpoint) (*Recorder, error) {
	if job.Redact == nil {
		job.Redact = new(transport.Redactor)
	}
	now := time.Now()
	if job.Clock != nil {
		now = job.Clock.Now()
	}
	r := &Recorder{connector: job.Connector, streams: job.Streams, values: map[string]string{}, fakes: &fakes{}, redact: job.Redact,
		checkpoint: checkpoint, now: now, step: Step{MaxPages: job.MaxPages, Limit: job.MaxRecords}}
	if job.TimeLimit > 0 {
		r.step.TimeLimit = job.TimeLimit.String()
	}
	vars := job.Connector.Spec.Config
	config, err := runtime.ResolveConfig(vars, runtime.ConfigSource{Set: job.Set, File: job.Config, Env: job.Env, Now: now})
	if err != nil {
		return nil, err
	}
	for _, v := range vars {
		r.value(v, config)
	}
	job.Redact.Tell(func(token string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.fakes.pageToken(token)
	})
	job.Chains, job.Serial = 1, true
	inner := job.Wrap
	job.Wrap = func(next http.RoundTripper, private bool) http.RoundTripper {
		if inner != nil {
			next = inner(next, private)
		}
		return &tap{r, next, private}
	}
	return r, nil
}

// value notes a config value: a secret's stays out, and is made up.
func (r *Recorder) value(v *spec.Variable, config *runtime.Config) {
	raw := config.Value(v.Name)
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	if v.Secret {
		fake := madeUp + strings.ReplaceAll(v.Name, "_", "-")
		r.fakes.add(unquoted(raw), fake)
		r.values[v.Name] = quoted(fake)
		return
	}
	if !bytes.Equal(raw, v.Default) {
		r.values[v.Name] = string(raw)
	}
}

// tap is the round tripper that listens.
type tap struct {
	r       *Recorder
	next    http.RoundTripper
	private bool
}

func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	plain := req.Clone(req.Context())
	plain.Header.Set("Accept-Encoding", "identity") // a case is text
	var body []byte
	if req.Body != nil {
		var err error
		body, err = io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
		plain.Body = io.NopCloser(bytes.NewReader(body))
	}
	k := &taken{private: t.private, request: &request{method: req.Method, target: req.URL, header: req.Header.Clone(), body: body}}
	t.r.mu.Lock()
	t.r.taken = append(t.r.taken, k)
	t.r.mu.Unlock()
	resp, err := t.next.RoundTrip(plain)
	if err != nil {
		k.err = err
		return nil, err
	}
	k.response = &response{status: resp.StatusCode, header: resp.Header.Clone()}
	resp.Body = &listened{ReadCloser: resp.Body, of: k, r: t.r}
	return resp, nil
}

// listened copies a body while it is read.
type listened struct {
	io.ReadCloser
	of *taken
	r  *Recorder
}

func (l *listened) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	if l.r.bytes += int64(n); l.r.bytes <= maxRecorded {
		l.of.response.body = append(l.of.response.body, p[:n]...)
	}
	return n, err
}

// broken says in the words of a case how a round trip broke off.
func broken(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return breakTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.EPIPE):
		return breakClosed
	}
	return breakReset
}

// exchanges returns what was taken as exchanges of a case, secrets removed.
func (r *Recorder) exchanges() ([]*exchange, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bytes > maxRecorded {
		return nil, fmt.Errorf("the answers are longer than %d MB: record fewer pages with --max-pages", maxRecorded>>20)
	}
	for _, k := range r.taken {
		if k.private && k.response != nil {
			r.fakes.tokens(k.response, r.redact)
		}
	}
	var out []*exchange
	for _, k := range r.taken {
		x := &exchange{number: len(out) + 1, request: r.scrubRequest(k.request), private: k.private}
		if k.response == nil {
			x.response = &response{broken: broken(k.err), header: http.Header{}}
		} else {
			x.response = &response{status: k.response.status, header: r.scrubHeader(k.response.header), body: r.scrub(k.response.body)}
		}
		out = append(out, x)
	}
	return out, nil
}
