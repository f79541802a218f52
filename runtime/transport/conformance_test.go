package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"

	"github.com/lastpage/lastpage/engine/spec"
)

// row is one row of the table in docs/transport.md: what the server sends, in order (the last
// answer stays), and what the client does. The clock is simulated and starts at epochOfTests;
// jitter is 0.5.
type row struct {
	name   string
	send   []string // raw answers; see reply and friends
	change func(*Config)
	rules  []*spec.Rule

	code     string          // of the error, "" for none
	class    spec.Class      // of the answer, "" for ok
	waits    []time.Duration // every wait
	requests int64           // that reached the server, 0: one for each of send
	until    time.Duration   // parked until then, after epochOfTests
	body     string          // that is delivered, "" for {"ok":1}
	message  string          // part of the error's text
}

// reply is a whole answer.
func reply(status int, body string, headers ...string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s", status, len(body), lines(headers), body)
}

func lines(headers []string) string {
	s := ""
	for _, h := range headers {
		s += h + "\r\n"
	}
	return s
}

// good is the answer that ends a row well.
var good = reply(200, `{"ok":1}`, "Content-Type: application/json")

func httpTime(d time.Duration) string { return epochOfTests.Add(d).Format(http.TimeFormat) }

const date = "Date: Wed, 04 Mar 2026 05:06:07 GMT" // epochOfTests

func rule(is spec.Class, status ...int) *spec.Rule {
	r := &spec.Rule{Is: is}
	for _, s := range status {
		r.Status = append(r.Status, spec.StatusRange{From: s, To: s})
	}
	return r
}

func matching(r *spec.Rule, header, regex, body string) *spec.Rule {
	if header != "" {
		r.Header = append(r.Header, spec.HeaderMatch{Name: header, Regex: regex})
	}
	r.BodyMatches = body
	return r
}

// fromHeader reads a rule's wait and the throttle's values from headers, as the runtime does for
// `header.<Name>` references.
type fromHeader string

func (fromHeader) When(_ context.Context, r *spec.Rule, a *Answer) (bool, error) {
	var body map[string]any
	if json.Unmarshal(a.Body, &body) != nil {
		return false, ErrUnreadable
	}
	return body["errors"] != nil, nil
}
func (fromHeader) Message(context.Context, *spec.Rule, *Answer) (string, error) {
	return "said the rule", nil
}
func (f fromHeader) Wait(_ context.Context, _ *spec.Rule, a *Answer) (json.RawMessage, error) {
	return headerValue(a, string(f)), nil
}

func headerValue(a *Answer, name string) json.RawMessage {
	if v := a.Header.Get(name); v != "" {
		b, _ := json.Marshal(v)
		return b
	}
	return nil
}

func throttled(remaining, reset, unit string) func(*Config) {
	return func(cfg *Config) {
		cfg.Throttle = &spec.Throttle{Unit: unit, Below: 1}
		cfg.ThrottleRead = func(_ context.Context, a *Answer) (json.RawMessage, json.RawMessage, error) {
			left := headerValue(a, remaining)
			if used, of, ok := strings.Cut(a.Header.Get(remaining), "/"); ok { // ${…} of a connector: limit less used
				var u, o int
				fmt.Sscan(used, &u)
				fmt.Sscan(of, &o)
				left = fmt.Appendf(nil, "%d", o-u)
			}
			return left, headerValue(a, reset), nil
		}
	}
}

func jsonOnly(cfg *Config) {
	cfg.Accept = func(_ context.Context, a *Answer) error {
		if !json.Valid(a.Body) {
			return errors.New("the body is not JSON")
		}
		return nil
	}
}

func packed(write func(*bytes.Buffer)) string {
	var b bytes.Buffer
	write(&b)
	return b.String()
}

func gzipped(s string) string {
	return packed(func(b *bytes.Buffer) { w := gzip.NewWriter(b); w.Write([]byte(s)); w.Close() })
}

func zlibbed(s string) string {
	return packed(func(b *bytes.Buffer) { w := zlib.NewWriter(b); w.Write([]byte(s)); w.Close() })
}

func deflated(s string) string {
	return packed(func(b *bytes.Buffer) { w, _ := flate.NewWriter(b, 6); w.Write([]byte(s)); w.Close() })
}

func zstded(s string) string {
	return packed(func(b *bytes.Buffer) { w, _ := zstd.NewWriter(b); w.Write([]byte(s)); w.Close() })
}

func s(seconds ...float64) []time.Duration {
	var out []time.Duration
	for _, f := range seconds {
		out = append(out, time.Duration(f*float64(time.Second)))
	}
	return out
}

func rows() []row {
	cut := "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":"
	zeros := strings.Repeat("\x00", 4<<20)
	small := func(cfg *Config) { cfg.MaxPage = 1 << 20 }
	return []row{
		// Retry-After
		{name: "retry-after seconds", send: []string{reply(429, "", "Retry-After: 7"), good}, waits: s(7)},
		{name: "retry-after decimal", send: []string{reply(429, "", "Retry-After: 2.5"), good}, waits: s(2.5)},
		{name: "retry-after IMF date", send: []string{reply(429, "", date, "Retry-After: "+httpTime(30*time.Second)), good}, waits: s(30)},
		{name: "retry-after RFC 850 date", send: []string{reply(429, "", date, "Retry-After: "+epochOfTests.Add(31*time.Second).Format("Monday, 02-Jan-06 15:04:05 GMT")), good}, waits: s(31)},
		{name: "retry-after asctime date", send: []string{reply(429, "", date, "Retry-After: "+epochOfTests.Add(32*time.Second).Format(time.ANSIC)), good}, waits: s(32)},
		{name: "retry-after date, server an hour ahead", send: []string{reply(429, "", "Date: "+httpTime(time.Hour), "Retry-After: "+httpTime(time.Hour+20*time.Second)), good}, waits: s(20)},
		{name: "retry-after date, server an hour behind", send: []string{reply(429, "", "Date: "+httpTime(-time.Hour), "Retry-After: "+httpTime(-time.Hour+20*time.Second)), good}, waits: s(20)},
		{name: "retry-after date, server's Date in 1970", send: []string{reply(429, "", "Date: Thu, 01 Jan 1970 00:00:00 GMT", "Retry-After: "+httpTime(20*time.Second)), good}, waits: s(20)},
		{name: "retry-after twice", send: []string{reply(429, "", "Retry-After: 3", "Retry-After: 9"), good}, waits: s(9)},
		{name: "retry-after negative", send: []string{reply(429, "", "Retry-After: -5"), good}, waits: s(0.5)},
		{name: "retry-after not readable", send: []string{reply(429, "", "Retry-After: soon"), good}, waits: s(0.5)},
		{name: "retry-after zero", send: []string{reply(429, "", "Retry-After: 0"), good}, waits: s(0.5)},
		{name: "retry-after on 503", send: []string{reply(503, "", "Retry-After: 4"), good}, waits: s(4)},
		{name: "retry-after on 500", send: []string{reply(500, "", "Retry-After: 4"), good}, waits: s(4)},
		{name: "retry-after of 15 minutes", send: []string{reply(429, "", "Retry-After: 900"), good}, waits: s(900)},
		{name: "retry-after beyond max_wait", send: []string{reply(429, "", "Retry-After: 901")}, code: CodeParked, until: 901 * time.Second},
		{name: "retry-after of 277777 hours", send: []string{reply(429, "", "Retry-After: 999999999")}, code: CodeParked, until: 999999999 * time.Second},
		{name: "retry-after beyond all numbers", send: []string{reply(429, "", "Retry-After: "+strings.Repeat("9", 400))}, code: CodeParked, until: forever},
		{name: "retry-after beyond the run's end", send: []string{reply(429, "", "Retry-After: 60")}, change: func(cfg *Config) { cfg.Deadline = epochOfTests.Add(30 * time.Second) }, code: CodeParked, until: time.Minute},
		{name: "retry-after beyond max_wait on the last attempt", send: []string{reply(503, "", "Retry-After: 3600")}, change: func(cfg *Config) { cfg.Retry.Attempts = 1 }, code: CodeParked, until: time.Hour},

		// vendors
		{name: "GitHub: 403 with x-ratelimit-reset", send: []string{reply(403, "", date, "X-RateLimit-Remaining: 0", fmt.Sprintf("X-RateLimit-Reset: %d", epochOfTests.Unix()+60)), good},
			rules: []*spec.Rule{matching(rule(spec.ClassRateLimited, 403), "x-ratelimit-remaining", "^0$", "")}, change: throttled("X-RateLimit-Remaining", "X-RateLimit-Reset", "epoch"), waits: s(60)},
		{name: "Okta: epoch by the server's clock", send: []string{reply(429, "", "Date: "+httpTime(-90*time.Second), "X-Rate-Limit-Remaining: 0", fmt.Sprintf("X-Rate-Limit-Reset: %d", epochOfTests.Unix()-90+12)), good},
			change: throttled("X-Rate-Limit-Remaining", "X-Rate-Limit-Reset", "epoch"), waits: s(12)},
		{name: "Intercom: epoch", send: []string{reply(429, "", date, fmt.Sprintf("X-RateLimit-Reset: %d", epochOfTests.Unix()+5)), good}, change: throttled("X-RateLimit-Remaining", "X-RateLimit-Reset", "epoch"), waits: s(5)},
		{name: "CrowdStrike: epoch seconds in a rule's wait", send: []string{reply(429, "", date, fmt.Sprintf("X-RateLimit-RetryAfter: %d", epochOfTests.Unix()+8)), good},
			rules: []*spec.Rule{withWait(rule(spec.ClassRateLimited, 429))}, waits: s(8)},
		{name: "CrowdStrike: epoch milliseconds in a rule's wait", send: []string{reply(429, "", date, fmt.Sprintf("X-RateLimit-RetryAfter: %d", epochOfTests.UnixMilli()+8500)), good},
			rules: []*spec.Rule{withWait(rule(spec.ClassRateLimited, 429))}, waits: s(8.5)},
		{name: "PagerDuty: seconds to wait", send: []string{reply(429, "", "ratelimit-remaining: 0", "ratelimit-reset: 12"), good}, change: throttled("ratelimit-remaining", "ratelimit-reset", "seconds"), waits: s(12)},
		{name: "Datadog: seconds to wait, nothing left on a good answer", send: []string{reply(200, `{"ok":1}`, "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 13"), good}, change: throttled("X-RateLimit-Remaining", "X-RateLimit-Reset", "seconds"), waits: s(13), requests: 2},
		{name: "milliseconds to wait", send: []string{reply(429, "", "X-Remaining: 0", "X-Reset: 1500"), good}, change: throttled("X-Remaining", "X-Reset", "milliseconds"), waits: s(1.5)},
		{name: "reset as an HTTP date", send: []string{reply(429, "", date, "X-Remaining: 0", "X-Reset: "+httpTime(14*time.Second)), good}, change: throttled("X-Remaining", "X-Reset", "http_date"), waits: s(14)},
		{name: "reset as RFC 3339", send: []string{reply(429, "", date, "X-Remaining: 0", "X-Reset: "+epochOfTests.Add(15*time.Second).Format(time.RFC3339)), good}, change: throttled("X-Remaining", "X-Reset", "rfc3339"), waits: s(15)},
		{name: "reset and retry-after on 429", send: []string{reply(429, "", "Retry-After: 2", "X-Remaining: 0", "X-Reset: 9"), good}, change: throttled("X-Remaining", "X-Reset", "seconds"), waits: s(9)},
		{name: "Shopify: 40/40 and a decimal retry-after", send: []string{reply(429, "", "X-Shopify-Shop-Api-Call-Limit: 40/40", "Retry-After: 2.0"), good}, change: throttled("X-Shopify-Shop-Api-Call-Limit", "Retry-After", "seconds"), waits: s(2)},
		{name: "Salesforce: daily quota used up", send: []string{reply(403, `[{"errorCode":"REQUEST_LIMIT_EXCEEDED"}]`, "Sforce-Limit-Info: api-usage=5000/5000")},
			rules: []*spec.Rule{withWaitFor(matching(rule(spec.ClassRateLimited, 403), "", "", "REQUEST_LIMIT_EXCEEDED"), time.Hour)}, code: CodeParked, until: time.Hour},
		{name: "Stripe: should-retry", send: []string{reply(409, "", "Stripe-Should-Retry: true"), good}, rules: []*spec.Rule{matching(rule(spec.ClassRetry), "Stripe-Should-Retry", "true", "")}, waits: s(0.5)},
		{name: "Stripe: should not retry", send: []string{reply(500, "", "Stripe-Should-Retry: false")}, rules: []*spec.Rule{matching(rule(spec.ClassFailed), "Stripe-Should-Retry", "false", "")}, code: "http_500"},
		{name: "AWS: throttling is 400", send: []string{reply(400, `{"__type":"ThrottlingException"}`), good}, rules: []*spec.Rule{matching(rule(spec.ClassRateLimited, 400), "", "", "Throttling|TooManyRequests")}, waits: s(0.5)},
		{name: "NVD: throttling is 403, a bad key 404", send: []string{reply(403, ""), reply(404, "", "message: Invalid apiKey.")},
			rules: []*spec.Rule{rule(spec.ClassRateLimited, 403), matching(rule(spec.ClassUnauthorized, 404), "message", "Invalid apiKey", "")}, waits: s(0.5), code: CodeUnauthorized},
		{name: "Notion: 529", send: []string{reply(529, ""), good}, rules: []*spec.Rule{rule(spec.ClassRetry, 529)}, waits: s(0.5)},
		{name: "OAI-PMH: 503 with retry-after", send: []string{reply(503, "", "Retry-After: 20"), good}, waits: s(20)},
		{name: "207 with an inner 429", send: []string{reply(207, `{"errors":[{"code":429}]}`), good}, rules: []*spec.Rule{withWhen(rule(spec.ClassRateLimited, 207))}, waits: s(0.5)},
		{name: "200 with ok: false", send: []string{reply(200, `{"ok":false,"error":"invalid_auth"}`)}, rules: []*spec.Rule{matching(rule(spec.ClassUnauthorized), "", "", `"ok":\s*false`)}, code: CodeUnauthorized},
		{name: "200 with errors and a message", send: []string{reply(200, `{"errors":[1]}`)}, rules: []*spec.Rule{withMessage(withWhen(rule(spec.ClassFailed)))}, code: CodeRefused, message: "said the rule"},
		{name: "a rule says end", send: []string{reply(404, "")}, rules: []*spec.Rule{rule(spec.ClassEnd, 404)}, class: spec.ClassEnd},
		{name: "a rule says skip", send: []string{reply(403, "")}, rules: []*spec.Rule{rule(spec.ClassSkip, 403)}, class: spec.ClassSkip},
		{name: "a rule says token_expired", send: []string{reply(410, `{"metadata":{"continue":"x"}}`)}, rules: []*spec.Rule{rule(spec.ClassTokenExpired, 410)}, class: spec.ClassTokenExpired, body: `{"metadata":{"continue":"x"}}`},
		{name: "a rule says session_expired", send: []string{reply(404, "{}")}, rules: []*spec.Rule{rule(spec.ClassSessionExpired, 404)}, class: spec.ClassSessionExpired, body: "{}"},
		{name: "the first rule that matches wins", send: []string{reply(404, "")}, rules: []*spec.Rule{rule(spec.ClassEnd, 404), rule(spec.ClassFailed, 404)}, class: spec.ClassEnd},
		{name: "a rule's expression meets HTML on 502", send: []string{reply(502, "<html>"), good}, rules: []*spec.Rule{withWhen(rule(spec.ClassFailed))}, waits: s(0.5)},
		{name: "a rule's expression meets HTML on 200", send: []string{reply(200, "<html>"), good}, rules: []*spec.Rule{withWhen(rule(spec.ClassFailed))}, waits: s(0.5)},

		// retry
		{name: "500 six times", send: []string{reply(500, "no")}, code: "http_500", waits: s(0.5, 1, 2, 4, 8), requests: 6, message: "500 Internal Server Error: no (after 6 attempts)"},
		{name: "backoff without jitter, bounded", send: []string{reply(502, "")}, change: func(cfg *Config) { cfg.Retry.Jitter = "none"; cfg.Retry.Max = 3 * time.Second }, code: "http_502", waits: s(1, 2, 3, 3, 3), requests: 6},
		{name: "429 six times", send: []string{reply(429, "")}, code: CodeRateLimited, waits: s(0.5, 1, 2, 4, 8), requests: 6},
		{name: "408", send: []string{reply(408, ""), good}, waits: s(0.5)},
		{name: "425", send: []string{reply(425, ""), good}, waits: s(0.5)},
		{name: "504", send: []string{reply(504, ""), good}, waits: s(0.5)},
		{name: "400", send: []string{reply(400, `{"error":"bad"}`)}, code: "http_400", message: `{"error":"bad"}`},
		{name: "401", send: []string{reply(401, "")}, code: CodeUnauthorized},
		{name: "403", send: []string{reply(403, "")}, code: "http_403"},
		{name: "404", send: []string{reply(404, "")}, code: "http_404"},
		{name: "501", send: []string{reply(501, "")}, code: "http_501"},
		{name: "404, a rule says retry", send: []string{reply(404, ""), good}, rules: []*spec.Rule{rule(spec.ClassRetry, 404)}, waits: s(0.5)},
		{name: "204", send: []string{"HTTP/1.1 204 X\r\n\r\n"}, change: jsonOnly, body: "-"},
		{name: "connection closed without an answer", send: []string{"", good}, waits: s(0.5)},
		{name: "no HTTP", send: []string{"220 smtp ready\r\n", good}, waits: s(0.5)},

		// bodies
		{name: "body cut, with a length", send: []string{cut, good}, waits: s(0.5)},
		{name: "body cut, chunked", send: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ok\"\r\n", good}, waits: s(0.5)},
		{name: "chunk with a bad length", send: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"ok\"\r\n", good}, waits: s(0.5)},
		{name: "body cut, without a length", send: []string{"HTTP/1.1 200 OK\r\n\r\n{\"ok\":", good}, change: jsonOnly, waits: s(0.5)},
		{name: "length too short", send: []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{\"ok\":1}", good}, change: jsonOnly, waits: s(0.5)},
		{name: "HTML instead of JSON", send: []string{reply(200, "<html>"), good}, change: jsonOnly, waits: s(0.5)},
		{name: "body cut six times", send: []string{cut}, code: CodeBody, waits: s(0.5, 1, 2, 4, 8), requests: 6},
		{name: "body cut, retry without body", send: []string{cut}, change: func(cfg *Config) { cfg.Retry.Body = false }, code: CodeBody},
		{name: "body of an error cut", send: []string{"HTTP/1.1 404 X\r\nContent-Length: 100\r\n\r\nnot here"}, code: "http_404", message: "not here"},
		{name: "gzip", send: []string{reply(200, gzipped(`{"ok":1}`), "Content-Encoding: gzip")}},
		{name: "x-gzip", send: []string{reply(200, gzipped(`{"ok":1}`), "Content-Encoding: x-gzip")}},
		{name: "gzip in two members", send: []string{reply(200, gzipped(`{"ok"`)+gzipped(`:1}`), "Content-Encoding: gzip")}},
		{name: "gzip twice", send: []string{reply(200, gzipped(gzipped(`{"ok":1}`)), "Content-Encoding: gzip, gzip")}},
		{name: "deflate", send: []string{reply(200, zlibbed(`{"ok":1}`), "Content-Encoding: deflate")}},
		{name: "deflate without the zlib header", send: []string{reply(200, deflated(`{"ok":1}`), "Content-Encoding: deflate")}},
		{name: "zstd", send: []string{reply(200, zstded(`{"ok":1}`), "Content-Encoding: zstd")}},
		{name: "a gzip file without content-encoding", send: []string{reply(200, gzipped(`{"ok":1}`), "Content-Type: application/gzip")}},
		{name: "gzip announced, empty body", send: []string{reply(200, "", "Content-Encoding: gzip")}, body: "-"},
		{name: "gzip announced, plain body", send: []string{reply(200, `{"ok":1}`, "Content-Encoding: gzip"), good}, waits: s(0.5)},
		{name: "gzip cut", send: []string{reply(200, gzipped(`{"ok":1}`)[:20], "Content-Encoding: gzip"), good}, waits: s(0.5)},
		{name: "gzip with garbage after it", send: []string{reply(200, gzipped(`{"ok":1}`)+"garbage, more than a header", "Content-Encoding: gzip"), good}, waits: s(0.5)},
		{name: "deflate with garbage after it", send: []string{reply(200, zlibbed(`{"ok":1}`)+"x", "Content-Encoding: deflate"), good}, waits: s(0.5)},
		{name: "zstd cut", send: []string{reply(200, zstded(`{"ok":1}`)[:10], "Content-Encoding: zstd"), good}, waits: s(0.5)},
		{name: "an encoding that was not asked for", send: []string{reply(200, "x", "Content-Encoding: br"), good}, waits: s(0.5)},
		{name: "page too large, announced", send: []string{"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n"}, change: small, code: CodePageTooLarge},
		{name: "page too large, chunked", send: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n" + zeros + "\r\n0\r\n\r\n"}, change: small, code: CodePageTooLarge},
		{name: "page of max_page exactly", send: []string{reply(200, zeros[:1<<20])}, change: small, body: zeros[:1<<20]},
		{name: "gzip bomb", send: []string{reply(200, gzipped(zeros), "Content-Encoding: gzip")}, change: small, code: CodePageTooLarge},
		{name: "gzip bomb in a gzip bomb", send: []string{reply(200, gzipped(gzipped(zeros)), "Content-Encoding: gzip, gzip")}, change: small, code: CodePageTooLarge},
		{name: "deflate bomb", send: []string{reply(200, zlibbed(zeros), "Content-Encoding: deflate")}, change: small, code: CodePageTooLarge},
		{name: "zstd bomb", send: []string{reply(200, zstded(zeros), "Content-Encoding: zstd")}, change: small, code: CodePageTooLarge},
		{name: "gzip members without content, endless", send: []string{reply(200, strings.Repeat(gzipped(""), 60000), "Content-Encoding: gzip")}, change: small, code: CodePageTooLarge},
		{name: "headers too large", send: []string{"HTTP/1.1 200 OK\r\nX-Big: " + strings.Repeat("x", 2<<20) + "\r\n\r\n"}, code: CodeHeaders},
	}
}

func withWait(r *spec.Rule) *spec.Rule { r.Wait = &spec.Pick{}; return r }
func withWaitFor(r *spec.Rule, d time.Duration) *spec.Rule {
	r.WaitFor = d
	return r
}
func withWhen(r *spec.Rule) *spec.Rule    { r.When = &spec.Text{}; return r }
func withMessage(r *spec.Rule) *spec.Rule { r.Message = &spec.Text{}; return r }

// whole says whether text ends where its Content-Length says, so that the connection can stay.
func whole(text string) bool {
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	return strings.Contains(head+"\r\n", fmt.Sprintf("Content-Length: %d\r\n", len(body)))
}

func TestConformance(t *testing.T) {
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			srv := newRawServer(t, func(n int, conn net.Conn, _ *http.Request) bool {
				text := r.send[min(n, len(r.send))-1]
				_, err := conn.Write([]byte(text))
				return err == nil && whole(text)
			})
			clock := newFakeClock()
			c := newClient(t, srv.url, func(cfg *Config) {
				cfg.Clock = clock
				if r.change != nil {
					r.change(cfg)
				}
				classifier, err := NewClassifier(r.rules, cfg.Retry, fromHeader("X-RateLimit-RetryAfter"))
				if err != nil {
					t.Fatal(err)
				}
				cfg.Classify = classifier.Classify
			})
			a, err := c.Do(t.Context(), &Request{URL: srv.url + "/page"})
			defer a.Release()
			if r.requests == 2 && srv.requests.Load() == 1 { // what the pause is for
				a.Release()
				a, err = c.Do(t.Context(), &Request{URL: srv.url + "/page"})
			}
			if got := codeOf(t, err); got != r.code {
				t.Fatalf("code %q (%v), want %q", got, err, r.code)
			}
			if want := max(r.requests, int64(len(r.send))); srv.requests.Load() != want {
				t.Errorf("%d requests, want %d", srv.requests.Load(), want)
			}
			if got := clock.slept(); !slices.Equal(got, r.waits) {
				t.Errorf("waits %v, want %v", got, r.waits)
			}
			if err != nil {
				var e *Error
				errors.As(err, &e)
				if r.until > 0 && e.Until.Sub(epochOfTests) != r.until {
					t.Errorf("until %v, want %v", e.Until.Sub(epochOfTests), r.until)
				}
				if !strings.Contains(err.Error(), r.message) || !strings.Contains(err.Error(), "GET "+srv.url+"/page: ") {
					t.Errorf("message %q, want %q", err, r.message)
				}
				return
			}
			want := map[string]string{"": `{"ok":1}`, "-": ""}
			body, ok := want[r.body]
			if !ok {
				body = r.body
			}
			class := r.class
			if class == "" {
				class = spec.ClassOK
			} else if r.body == "" {
				body = string(a.Body)
			}
			if string(a.Body) != body || a.Class != class {
				t.Errorf("class %s, body %.60q; want %s, %.60q", a.Class, a.Body, class, body)
			}
		})
	}
}

func TestConformanceTableIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/transport.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, tested []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) == 5 && !strings.HasPrefix(cells[1], "-") && strings.TrimSpace(cells[1]) != "row" {
			documented = append(documented, strings.TrimSpace(cells[1]))
		}
	}
	for _, r := range rows() {
		tested = append(tested, r.name)
	}
	for _, name := range documented {
		if !slices.Contains(tested, name) {
			t.Errorf("docs/transport.md has the row %q, which no test has", name)
		}
	}
	for _, name := range tested {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/transport.md lacks the row %q", name)
		}
	}
}
