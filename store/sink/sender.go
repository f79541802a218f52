package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	maxBackoff = 2 * time.Minute
	maxAnswer  = 64 << 20 // bytes of an answer that are read
)

// sender posts a body until it is acknowledged. 408, 425, 429, 5xx and failures of the network are
// tried again; a Retry-After is obeyed exactly, in seconds with decimals or as a date.
type sender struct {
	attempts int
	initial  time.Duration
	maxWait  time.Duration
	now      func() time.Time
	client   *retryablehttp.Client
}

// errWait says that the service asked for a longer wait than is allowed.
type errWait struct {
	wait time.Duration
	than string
}

func (e errWait) Error() string { return fmt.Sprintf("it asks to wait %s, %s", e.wait, e.than) }

func (s *sender) open(transport http.RoundTripper, timeout time.Duration) {
	s.client = retryablehttp.NewClient()
	s.client.Logger = nil
	s.client.RetryMax = s.attempts - 1
	s.client.CheckRetry = s.check
	s.client.Backoff = func(_, _ time.Duration, try int, resp *http.Response) time.Duration {
		if d, ok := s.asked(resp); ok {
			return d
		}
		return s.wait(try + 1)
	}
	// The last answer is handed over as it is, to say what it was.
	s.client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DialContext = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
		transport = t
	}
	s.client.HTTPClient = &http.Client{Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (s *sender) close() { s.client.HTTPClient.CloseIdleConnections() }

func (s *sender) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if err != nil {
		// Its policy knows the failures that no retry heals: bad certificates, bad schemes.
		return retryablehttp.DefaultRetryPolicy(ctx, resp, err)
	}
	if !transient(resp.StatusCode) {
		return false, nil
	}
	if d, ok := s.asked(resp); ok {
		if d > s.maxWait {
			return false, errWait{d, "longer than max_wait allows"}
		}
		if until, limited := ctx.Deadline(); limited && time.Now().Add(d).After(until) {
			return false, errWait{d, "longer than the run may still take"}
		}
	}
	return true, nil
}

func transient(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500 && status != http.StatusNotImplemented
}

// asked is what a Retry-After says (RFC 9110, section 10.2.3, and decimals, which some send).
func (s *sender) asked(resp *http.Response) (time.Duration, bool) {
	if resp == nil {
		return 0, false
	}
	v := strings.TrimSpace(resp.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second)), true
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(s.now())), true
	}
	return 0, false
}

// wait is how long to wait after the given try, counted from 1: exponential with full jitter.
func (s *sender) wait(try int) time.Duration {
	d := maxBackoff
	if try < 30 {
		d = min(d, s.initial<<(try-1))
	}
	return time.Duration(rand.Int64N(int64(max(d, 1)))) + 1
}

func (s *sender) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// post returns the body of the 2xx answer.
func (s *sender) post(ctx context.Context, to string, header http.Header, body []byte) ([]byte, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, plain(err)
	}
	defer resp.Body.Close()
	var answer bytes.Buffer
	_, err = answer.ReadFrom(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		what := "it answered " + resp.Status
		if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
			what += " to " + strip(to)
		}
		if text := excerpt(answer.Bytes(), 300); text != "" {
			what += ": " + text
		}
		return nil, errors.New(what)
	}
	if err != nil {
		return nil, fmt.Errorf("its answer broke off: %w", plain(err))
	}
	return answer.Bytes(), nil
}

// plain leaves the URL, which may hold secrets, out of an error.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
