package spec

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// Pos is a place in a connector file. Line and Col count from 1.
type Pos struct {
	File string
	Line int
	Col  int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col) }

// Connector is one connector file, checked, with every default filled in.
type Connector struct {
	Name    string // connector:
	Format  int
	Title   string
	Docs    string
	File    string // path of the YAML, as the caller named it
	Hook    *Hook  // nil without a hook file
	Config  []*Variable
	HTTP    HTTP
	Streams []*Stream // in file order
	Exprs   []*Expr   // every ${…} that is not a plain dotted name; Exprs[i].ID == i

	hookName string // hook:
}

// Variable returns the config variable of that name, or nil.
func (c *Connector) Variable(name string) *Variable {
	for _, v := range c.Config {
		if v.Name == name {
			return v
		}
	}
	return nil
}

// Stream returns the stream of that name, or nil.
func (c *Connector) Stream(name string) *Stream {
	for _, s := range c.Streams {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Hook is the connector's JavaScript file.
type Hook struct {
	File string // path, as errors print it
	Text string
}

// Variable is one entry of `config`.
type Variable struct {
	Pos         Pos
	Name        string
	Type        string // string integer number boolean time duration url list
	Required    bool
	Default     json.RawMessage // nil without; JSON of the YAML value (times and durations stay text)
	Secret      bool
	Env         string
	Enum        []json.RawMessage
	Pattern     string
	Description string
}

// Scope says which names an expression may use (format, sections 2, 3 and 10).
type Scope uint8

const (
	ScopeRequest  Scope = iota // config watermark partition window page session memo now run
	ScopeDetails               // ScopeRequest and ids
	ScopeResponse              // ScopeRequest and status headers body link request records
	ScopeRecord                // ScopeResponse and record
	ScopeConfig                // config now run: values that are fixed when a run begins
	ScopeChain                 // config watermark partition window session now run: values that are fixed when a chain begins
	ScopeToken                 // ScopeConfig and token: where the token of a login goes
)

// Expr is one ${…} expression.
type Expr struct {
	ID     int // index in Connector.Exprs; -1 for a plain dotted name
	Source string
	Pos    Pos // of the first character of Source in the YAML file
	Indent int // columns to add to positions on the second and later lines (block scalars)
	Scope  Scope
	Names  []string // a plain dotted name (`config.base_url`), resolved without JavaScript; else nil
}

// Part is a piece of a Text: literal text, or an expression when Expr is not nil.
type Part struct {
	Lit  string
	Expr *Expr
}

// Text is a string of a connector file, cut into literals and expressions. A Text of exactly one
// expression keeps the type of its value.
type Text struct {
	Pos   Pos
	Parts []Part
}

// Literal returns the text and true when it has no expression.
func (t *Text) Literal() (string, bool) {
	if t == nil {
		return "", false
	}
	s := ""
	for _, p := range t.Parts {
		if p.Expr != nil {
			return "", false
		}
		s += p.Lit
	}
	return s, true
}

// Kind is the kind of a Node.
type Kind uint8

const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindList
	KindMap
)

// Node is a template of a JSON value: a request body, a query value, a config default.
type Node struct {
	Pos    Pos
	Kind   Kind
	Raw    string  // KindBool, KindNumber: the JSON text
	Text   *Text   // KindString
	List   []*Node // KindList
	Fields []Field // KindMap, in file order
}

// Field is a named Node: an entry of a map, a header, a query parameter.
type Field struct {
	Pos   Pos
	Name  string
	Value *Node
}

// Source is a reference or an expression: exactly one of the two is set.
type Source struct {
	Ref  *engine.Ref
	Text *Text
}

// Pick is a list of sources of which the first that is present counts.
type Pick struct {
	Pos Pos
	Any []Source
}

// TargetKind says into which part of a request a Target goes.
type TargetKind uint8

const (
	TargetQuery    TargetKind = iota // query.<name>
	TargetQueryAll                   // query.*
	TargetHeader                     // header.<Name>
	TargetBody                       // body.<path>
	TargetURL                        // url
)

// Target is where a value goes in a request.
type Target struct {
	Pos    Pos
	Source string
	Kind   TargetKind
	Name   string      // query parameter or header
	Path   engine.Path // below body
}

// Send is one target for the whole value, or several targets with an expression each.
type Send struct {
	Pos  Pos
	One  *Target
	Many []SendField
}

// SendField is one entry of a Send of several parts.
type SendField struct {
	Target *Target
	Value  *Node
}

// HTTP is section 4. A stream's HTTP is the connector's with the stream's own keys laid over it:
// headers and query by name, retry, rate_limit, throttle and tls by key, auth whole; the stream's
// response rules come before the connector's.
type HTTP struct {
	BaseURL         *Text
	Headers         []Field
	Query           []Field
	Timeout         time.Duration // default 60s
	MaxPage         int64         // bytes, default 64 MB
	FollowRedirects string        // same_origin (default) none any
	AllowHosts      []*Text
	DenyPrivate     bool
	Proxy           *Text
	TLS             TLS
	Compression     bool // default true
	Auth            *Auth
	RateLimit       *RateLimit // nil without
	Throttle        *Throttle  // nil without
	Retry           Retry
	Responses       []*Rule
}

// TLS is http.tls.
type TLS struct {
	CAFile, CertFile, KeyFile *Text
	Insecure                  bool
}

// Auth is http.auth. Fields that a kind does not use are zero; the parser has refused them.
type Auth struct {
	Pos  Pos
	Type string // none bearer basic api_key oauth2_client_credentials oauth2_refresh_token oauth2_password jwt_bearer login aws_sigv4 hook

	Token              *Text  // bearer
	Username, Password *Text  // basic, oauth2_password
	In                 string // api_key: header query cookie
	Name, Value        *Text  // api_key
	Prefix             *Text  // api_key

	TokenURL     *Text // oauth2_*, jwt_bearer; relative to base_url
	ClientID     *Text
	ClientSecret *Text
	RefreshToken *Text
	Scopes       []*Text
	Audience     *Text
	Params       []Field
	Style        string // auto header body

	// jwt_bearer (RFC 7523): a signed assertion is exchanged at TokenURL.
	Issuer, Subject, PrivateKey, KeyID *Text
	Algorithm                          string // RS256 (default) ES256 HS256
	Claims                             []Field
	Lifetime                           time.Duration // of the assertion, default 1h

	Request   *Request // login
	LoginRef  *Pick    // login token: reference into the login answer
	ExpiresIn *Pick    // login: seconds, or nil
	Send      *Send    // login: where the token goes; ${token} in parts

	Region, Service, AccessKey, SecretKey, SessionToken *Text // aws_sigv4
}

// RateLimit is http.rate_limit.
type RateLimit struct {
	Requests    float64
	Per         time.Duration
	Burst       int // default: Requests, at least 1
	Concurrency int // 0: no bound of its own
	Share       *Text
}

// Throttle is http.throttle.
type Throttle struct {
	Remaining *Pick
	Reset     *Pick
	Unit      string  // epoch (default) seconds milliseconds http_date rfc3339
	Below     float64 // default 1
}

// Retry is http.retry.
type Retry struct {
	Attempts int           // default 6
	Initial  time.Duration // 1s
	Factor   float64       // 2
	Max      time.Duration // 2m
	Jitter   string        // full (default) none
	Status   []int         // of `on`: the status codes
	Network  bool          // of `on`
	Timeout  bool
	Body     bool
	MaxWait  time.Duration // 15m
}

// Class is what an answer is (format, section 4).
type Class string

const (
	ClassOK             Class = "ok"
	ClassEnd            Class = "end"
	ClassSkip           Class = "skip"
	ClassRetry          Class = "retry"
	ClassRateLimited    Class = "rate_limited"
	ClassTokenExpired   Class = "token_expired"
	ClassSessionExpired Class = "session_expired"
	ClassUnauthorized   Class = "unauthorized"
	ClassFailed         Class = "failed"
)

// Classes lists every Class, in the order of the format.
var Classes = []Class{ClassOK, ClassEnd, ClassSkip, ClassRetry, ClassRateLimited, ClassTokenExpired, ClassSessionExpired, ClassUnauthorized, ClassFailed}

// Rule is one entry of http.responses.
type Rule struct {
	Pos         Pos
	Status      []StatusRange // any of them; empty: every status
	Header      []HeaderMatch // all of them
	BodyMatches string        // RE2 over the first 64 KB, "" without
	When        *Text         // one expression, nil without
	Is          Class
	Message     *Text // expression or text for the error, nil without
	Wait        *Pick // reference; nil without
	WaitFor     time.Duration
}

// StatusRange is an inclusive range of status codes: `429` or `5xx`.
type StatusRange struct{ From, To int }

// HeaderMatch asks that a header matches a regular expression (RE2).
type HeaderMatch struct{ Name, Regex string }

// Request is a request template.
type Request struct {
	Pos      Pos
	Method   string // default GET
	Path     *Text  // below base_url; or
	URL      *Text
	Query    []Field
	Headers  []Field
	Body     *Node   // JSON
	Form     []Field // application/x-www-form-urlencoded
	BodyText *Text
}

// Stream is section 5.
type Stream struct {
	Pos         Pos
	Name        string
	Request     *Request
	Records     Records
	Details     *Details // nil without
	Pagination  Pagination
	Incremental *Incremental // nil without
	Partitions  []*Partition
	Chains      Chains
	Session     *Session // nil without
	Limits      Limits
	HTTP        HTTP
	Functions   map[string]string // `hook: {next: nextAlerts}`: hook function by role; "" turns it off for this stream
	Pieces      []Piece           // what requests and paging depend on, as written
	Fingerprint string            // hash of the pieces that stored positions depend on
}

// Records is records.
type Records struct {
	Pos      Pos
	Path     engine.Path // nil when not given: `$` when the body is an array
	HasPath  bool
	Format   string        // json (default) ndjson csv xml
	Key      []engine.Path // empty without
	Filter   *Text         // nil without
	Set      []Field
	Drop     []engine.Path
	Optional bool
	CSV      CSV
}

// CSV is records.csv.
type CSV struct {
	Comma   string // default ","
	Comment string
	Header  bool // default true: the first row names the columns
	Columns []string
	Quote   bool // default true
	Skip    int  // lines before the header
}

// Details is section 5, details.
type Details struct {
	Pos     Pos
	Request *Request
	Batch   int         // ids a request, default 1
	ID      engine.Path // in the record; nil: the record itself
	Records Records
}

// Limits is section 5, limits; zero means no limit.
type Limits struct {
	Pages      int64
	Records    int64
	Duration   time.Duration
	EmptyPages int // default 10
}

// Pagination is section 6. Rules is the part the engine decides by.
type Pagination struct {
	Pos        Pos
	Rules      engine.Rules
	Start      *Node // first position, nil for the type's own
	Send       *Send
	Next       *Pick
	LimitSend  *Send
	Total      *Pick
	Remaining  *Pick
	TotalPages *Pick
	More       *Pick
	Done       *Pick
	Token      TokenRules
	Only       []string // nil: every parameter stays
	Fallback   []*Fallback
	Keep       *Pick
	KeepToken  bool // keep: token
}

// TokenRules is pagination.token.
type TokenRules struct {
	TTL    time.Duration // 0 without
	OneUse bool
	Match  string // RE2, "" without
	Raw    bool   // encode: raw
	Secret bool
}

// Fallback is one entry of pagination.fallback. Its kind is in Rules.Fallback at the same index.
type Fallback struct {
	Pos   Pos
	Send  *Send
	Next  *Pick
	Token *Pick // {token: …}: from the error answer

	kind engine.FallbackKind
}

// Incremental is section 7.
type Incremental struct {
	Pos       Pos
	Watermark *Pick
	Type      string // time number string
	Start     *Node  // nil without
	Order     string // asc desc none (default)
	Overlap   string // "" without; a duration with type time, a number with type number
	Format    string // rfc3339 (default) epoch epoch_ms or a Go layout
	StopAt    bool   // stop_at_watermark
	Read      bool   // an expression of the file reads ${watermark} for this stream
}

// Chains is the stream's `chains`.
type Chains struct {
	Concurrency int    // default 4
	OnError     string // continue (default) stop
}

// Partition is one entry of `partitions`; exactly one of the four is set.
type Partition struct {
	Pos     Pos
	Values  []PartitionValues
	Stream  string // with Take
	Take    []Take
	Window  *Window
	Session *Pick // with As
	As      string
}

// PartitionValues is one name of a `values` partition with its list.
type PartitionValues struct {
	Name string
	List *Node // KindList, or a KindString of one expression that gives a list
}

// Take copies a field of a parent record into the partition.
type Take struct {
	Name string
	Path engine.Path
}

// Window is a time window partition.
type Window struct {
	Pos       Pos
	From, To  *Text
	Every     time.Duration // 0: the whole span is one window
	Format    string        // as Incremental.Format
	Inclusive bool          // end: inclusive
	Min       time.Duration
	SplitOver int64 // 0 without
}

// Session is section 9.
type Session struct {
	Pos     Pos
	Open    *Request
	Wait    *Wait // nil without
	ID      *Pick
	Refresh *Pick
	Close   *Request
	TTL     time.Duration
}

// Wait is session.wait.
type Wait struct {
	Pos     Pos
	Request *Request
	Until   *Text
	Failed  *Text // nil without
	Every   time.Duration
	Timeout time.Duration
}
