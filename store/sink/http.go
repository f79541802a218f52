package sink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// http:URL sends batches of records by POST.
var httpKind = Kind{
	Name:      "http",
	Target:    "URL, such as http:https://host:8088/services/collector/event?format=hec&token_env=HEC_TOKEN",
	Doc:       "sends batches by POST: lines of JSON, Splunk HEC, LogScale HEC, Elasticsearch _bulk",
	Guarantee: "at least once: the checkpoint moves when the service has acknowledged; a page that was interrupted comes again (with format=bulk under the same _id)",
	Options: []Option{
		{"format", "ndjson", "ndjson, hec (Splunk), logscale, bulk (Elasticsearch, OpenSearch)"},
		{"batch", "1000", "records a request, at most"},
		{"batch_bytes", "5MB", "bytes of a request before compression; a larger record goes alone"},
		{"gzip", "false", "compress requests"},
		{"token_env", "", "environment variable that holds the token"},
		{"scheme", "Bearer", "word before the token in Authorization; Splunk with format=hec; ApiKey for Elasticsearch keys"},
		{"user_env", "", "environment variable with user:password for basic authentication"},
		{"header.*", "", "a header: header.X-Tenant=a"},
		{"query.*", "", "a parameter of the URL: query.pipeline=geo"},
		{"index", "", "index or repository of the events"},
		{"source", "", "hec, logscale: source of the events"},
		{"sourcetype", "", "hec, logscale: sourcetype of the events"},
		{"host", "", "hec, logscale: host of the events"},
		{"time_field", "", "hec, logscale: field of the record that holds its time (RFC 3339, or seconds or milliseconds since 1970)"},
		{"op", "index", "bulk: index, or create for data streams"},
		{"on_reject", "fail", "bulk: fail, or skip and tell each record that the service refuses for good"},
		{"attempts", "6", "tries of a request"},
		{"backoff", "1s", "wait before the second try, doubled for each further one up to 2m, with jitter; a Retry-After is obeyed exactly"},
		{"max_wait", "15m", "a service that asks for a longer wait ends the run"},
		{"timeout", "60s", "of one try"},
	},
	Open: openHTTP,
}

// httpSink gathers records into a batch and sends it when it is full, at the latest in Mark.
type httpSink struct {
	notes
	url     *url.URL
	shown   string // for messages and marks: without query and password
	header  http.Header
	secrets []string
	format  httpFormat
	batch   int
	bytes   int
	gzip    *gzip.Writer // nil: not compressed
	sender  sender
	opened  map[string]bool
	sent    int64 // records acknowledged by the service in this process
	pending batch
	body    bytes.Buffer
}

// batch is what one request carries.
type batch struct {
	buf  []byte
	ends []int // of each item in buf
}

func (b *batch) reset() { b.buf, b.ends = b.buf[:0], b.ends[:0] }

// item returns the i-th item as it was encoded.
func (b *batch) item(i int) []byte {
	from := 0
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.buf[from:b.ends[i]]
}

// httpFormat is how a service takes records.
type httpFormat interface {
	// encode appends one record.
	encode(dst, record []byte, stream, key string) []byte
	contentType() string
	// answer reads a 2xx answer to a batch: nil when all were taken; again lists items to send once
	// more, refused those that the service will never take, with its reason.
	answer(body []byte, b *batch) (again []int, refused []refusal, err error)
	// rejects says whether a refused record ends the run.
	rejects() bool
}

type refusal struct {
	item   int
	reason string
}

func openHTTP(_ context.Context, target string, set Settings, opt Options) (Sink, error) {
	wrap := func(err error) (Sink, error) { return nil, fmt.Errorf("http:%s: %w", strip(target), err) }
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return wrap(errors.New("it is not a URL such as https://host/path"))
	}
	s := &httpSink{url: u, header: http.Header{}, opened: map[string]bool{}}
	var errs []error
	s.batch = option(&errs, set.number, "batch", 1000)
	s.bytes = int(option(&errs, set.size, "batch_bytes", 5<<20))
	s.sender.attempts = option(&errs, set.number, "attempts", 6)
	s.sender.initial = option(&errs, set.duration, "backoff", time.Second)
	s.sender.maxWait = option(&errs, set.duration, "max_wait", 15*time.Minute)
	timeout := option(&errs, set.duration, "timeout", time.Minute)
	packed, err := set.flag("gzip")
	if err := errors.Join(append(errs, err)...); err != nil {
		return wrap(err)
	}
	if s.format, err = newFormat(u, set); err != nil {
		return wrap(err)
	}
	query := url.Values{}
	for name, v := range set {
		if h, ok := strings.CutPrefix(name, "header."); ok {
			s.header.Set(h, v)
		} else if q, ok := strings.CutPrefix(name, "query."); ok {
			query.Set(q, v)
		}
	}
	u.RawQuery = query.Encode()
	s.header.Set("Content-Type", s.format.contentType())
	if packed {
		s.header.Set("Content-Encoding", "gzip")
		s.gzip, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed)
	}
	if err := s.authorize(set, opt.Getenv); err != nil {
		return wrap(err)
	}
	s.shown = strip(u.String())
	s.sender.now = opt.Now
	s.sender.open(opt.Transport, timeout)
	return s, nil
}

// authorize takes secrets from the environment only, so that none stands in a command line.
func (s *httpSink) authorize(set Settings, getenv func(string) string) error {
	if s.url.User != nil {
		return errors.New("no user and password in the URL; put user:password into a variable and name it with ?user_env=")
	}
	token, user := set["token_env"], set["user_env"]
	if token != "" && user != "" {
		return errors.New("token_env and user_env exclude each other")
	}
	for _, name := range []string{token, user} {
		if name != "" && getenv(name) == "" {
			return fmt.Errorf("the environment variable %s is not set", name)
		}
	}
	switch {
	case token != "":
		scheme := "Bearer"
		if set["format"] == "hec" {
			scheme = "Splunk"
		}
		if v, ok := set["scheme"]; ok {
			scheme = v
		}
		s.header.Set("Authorization", strings.TrimSpace(scheme+" "+getenv(token)))
		s.secrets = append(s.secrets, getenv(token))
	case user != "":
		name, password, ok := strings.Cut(getenv(user), ":")
		if !ok {
			return fmt.Errorf("the environment variable %s does not hold user:password", user)
		}
		r := http.Request{Header: s.header}
		r.SetBasicAuth(name, password)
		s.secrets = append(s.secrets, password, getenv(user), strings.TrimPrefix(s.header.Get("Authorization"), "Basic "))
	}
	return nil
}

// strip leaves out of a URL what may be secret.
func strip(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

// Target is the URL without its query.
func (s *httpSink) Target(string) string { return s.shown }

func (s *httpSink) Open(_ context.Context, stream string, _ []byte, _ bool) error {
	s.opened[stream] = true
	return nil
}

func (s *httpSink) Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error {
	if !s.opened[stream] {
		return fmt.Errorf("%s: stream %s is not open", s.shown, stream)
	}
	b := &s.pending
	var part []byte
	if keys != nil {
		part = partition(chain)
	}
	for i, r := range records {
		key := ""
		if keys != nil {
			key = within(part, keys[i])
		}
		from := len(b.buf)
		b.buf = s.format.encode(b.buf, r, stream, key)
		if len(b.buf) > s.bytes && from > 0 {
			// The record begins the next batch.
			last := bytes.Clone(b.buf[from:])
			b.buf = b.buf[:from]
			if err := s.flush(ctx); err != nil {
				return err
			}
			b.buf = append(b.buf, last...)
		}
		b.ends = append(b.ends, len(b.buf))
		if len(b.ends) >= s.batch || len(b.buf) >= s.bytes {
			if err := s.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush sends the pending batch until the service has taken all of it.
func (s *httpSink) flush(ctx context.Context) error {
	b := &s.pending
	for try := 1; len(b.ends) > 0; try++ {
		body, err := s.send(ctx, b.buf)
		if err != nil {
			return &Error{Output: s.shown, What: err.Error(), Try: "the page is sent again when the run is", Err: err}
		}
		again, refused, err := s.format.answer(body, b)
		if err != nil {
			return &Error{Output: s.shown, What: err.Error(), Try: "the page is sent again when the run is", Err: err}
		}
		for _, r := range refused {
			if s.format.rejects() {
				return &Error{Output: s.shown, What: fmt.Sprintf("it refused a record (%s): %s", r.reason, excerpt(b.item(r.item), 200)),
					Try: "correct the service's mapping, or go on without such records with ?on_reject=skip"}
			}
			s.add("record_refused", r.reason+": "+excerpt(b.item(r.item), 200))
		}
		s.sent += int64(len(b.ends) - len(again) - len(refused))
		if len(again) > 0 && try >= s.sender.attempts {
			return &Error{Output: s.shown, What: fmt.Sprintf("it did not take %d of %d records in %d tries", len(again), len(b.ends), try), Try: "the page is sent again when the run is"}
		}
		b.keep(again)
		if len(again) > 0 {
			if err := s.sender.sleep(ctx, s.sender.wait(try)); err != nil {
				return err
			}
		}
	}
	b.reset()
	b.buf = shrink(b.buf)
	return nil
}

// keep leaves only the items that are listed, in their order.
func (b *batch) keep(items []int) {
	slices.Sort(items)
	n := 0
	ends := make([]int, 0, len(items))
	for _, i := range items {
		n += copy(b.buf[n:], b.item(i))
		ends = append(ends, n)
	}
	b.buf, b.ends = b.buf[:n], ends
}

func (s *httpSink) send(ctx context.Context, payload []byte) ([]byte, error) {
	if s.gzip != nil {
		s.body.Reset()
		s.gzip.Reset(&s.body)
		s.gzip.Write(payload) // a Buffer never fails
		s.gzip.Close()
		payload = s.body.Bytes()
	}
	return s.sender.post(ctx, s.url.String(), s.header, payload)
}

func (s *httpSink) Mark(ctx context.Context, stream string) (string, []byte, error) {
	if !s.opened[stream] {
		return "", nil, fmt.Errorf("%s: stream %s is not open", s.shown, stream)
	}
	if err := s.flush(ctx); err != nil {
		return "", nil, err
	}
	b, err := json.Marshal(struct {
		Sent int64 `json:"sent"`
	}{s.sent})
	return s.shown, b, err
}

// Secrets are the credentials that the service may repeat in an answer.
func (s *httpSink) Secrets() []string { return s.secrets }

// Keyless says whether the format has no place for a key.
func (s *httpSink) Keyless() bool {
	_, ok := s.format.(*bulk)
	return !ok
}

// Durable is in Sink: what the service has acknowledged is the service's to keep.
func (s *httpSink) Durable(string) bool { return true }

// Holds is false: what was sent cannot be dropped.
func (s *httpSink) Holds(string) bool { return false }

// Repeats is true: what was sent stays.
func (s *httpSink) Repeats(string) bool { return true }

// Close drops what was handed over and not marked.
func (s *httpSink) Close(context.Context) error {
	s.pending.reset()
	s.sender.close()
	return nil
}

// excerpt is the first n bytes of b as one line of text.
func excerpt(b []byte, n int) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(b[:min(len(b), n)]), "")), " ")
	if len(b) > n {
		s += "…"
	}
	return s
}
