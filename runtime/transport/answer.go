package transport

import (
	"net/http"
	"net/url"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// Request is what a caller asks for.
type Request struct {
	Method string // "" is GET
	URL    string // absolute
	Header http.Header
	Body   []byte // not changed, sent whole on every attempt

	// Chain is whose turn it takes: chains of one group are served in rotation.
	Chain string
	// OneUse says that the request carries a one-use token: it is not sent again once it may have
	// been consumed (CodeTokenSpent).
	OneUse bool
	// NotAfter is the end of the token's life: a wait that would outlive it, or a send after it, is
	// an error (CodeTokenExpired) instead. Zero: no end.
	NotAfter time.Time
	// Deadline is when the caller's time ends, where that is before the client's (Config.Deadline): a
	// wait beyond it is an error (CodeParked). Zero: the client's alone.
	Deadline time.Time
	// Stop, once it is closed, ends a wait for the request's turn (ErrStopped); nil: never.
	Stop <-chan struct{}
	// Farewell says that the request frees something at the server (the close of a session): a pause that
	// the API has asked for does not hold it up.
	Farewell bool
	// Private keeps the bodies of the exchange out of Observe: they carry credentials.
	Private bool
}

// Answer is a whole answer: its body has been read to the end, decoded and bounded.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte   // decoded; valid until Release
	URL     *url.URL // that answered: after redirects
	Class   spec.Class
	Ruled   bool   // a rule of `responses` or the hook gave the class, not the defaults
	By      string // who gave the class: "the rule at FILE:LINE:COLUMN", "the hook", or "" for the defaults
	Message string // what a rule's `message` gave, secrets removed

	Sent     time.Time     // of the attempt that answered
	Received time.Time     // of the body's last byte
	Date     time.Time     // the server's Date header, zero without
	Skew     time.Duration // server's clock minus ours, 0 without a Date

	Attempts []Attempt
	Parsed   any // what Config.Accept left for the caller

	wire   int64         // bytes of the body as they came
	broken error         // why the body is not whole
	reset  time.Duration // until the throttle's reset, 0 when unknown
	used   bool          // too few calls are left until then
	giveUp func([]byte)
}

// Release gives the body's buffer back. Body, and everything that aliases it, is invalid then. A
// nil Answer and a second call are harmless.
func (a *Answer) Release() {
	if a == nil || a.giveUp == nil {
		return
	}
	a.giveUp(a.Body)
	a.giveUp, a.Body = nil, nil
}

// Attempt is one try of a request, as journals keep it. It carries no secret.
type Attempt struct {
	Number   int           // from 1
	At       time.Time     // when it was sent
	Queued   time.Duration // waited for its turn before
	Duration time.Duration // until the body's last byte, or the failure
	Status   int           // 0 without an answer
	Class    spec.Class    // "" without an answer
	Reason   string        // why it did not do: network timeout body http_503 rate_limited unauthorized …; "" when it did
	Detail   string        // one sentence for Reason
	Wait     time.Duration // waits before the next one
}

// Exchange is one HTTP exchange of an attempt, told to Config.Observe: a redirect makes several.
// Its slices and maps are valid during the call only and are not redacted.
type Exchange struct {
	Attempt
	Redirect bool   // another exchange of the same attempt follows
	Private  bool   // Request.Private: the bodies are left out
	Chain    string // Request.Chain

	Method         string
	URL            *url.URL
	RequestHeader  http.Header
	RequestBody    []byte
	Proto          string // "HTTP/2.0", "" without an answer
	ResponseHeader http.Header
	Body           []byte
	Wire           int64 // bytes of the answer's body as they came
	Remote         string
	Timing         Timing
}

// Timing is how long the parts of an exchange took; -1 where a part did not happen.
type Timing struct {
	Blocked, DNS, Connect, TLS, Send, Wait, Receive time.Duration
}
