package spec

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

var httpTable = table[HTTP]{
	name: "http",
	what: "`http`",
	keys: []key[HTTP]{
		field("base_url", "what paths stand below", in(ScopeConfig, baseURL), func(h *HTTP) **Text { return &h.BaseURL }),
		field("headers", "headers of every request", headers, func(h *HTTP) *[]Field { return &h.Headers }),
		field("query", "query parameters of every request", params, func(h *HTTP) *[]Field { return &h.Query }),
		field("timeout", "of one attempt, headers and body", durationFrom(time.Millisecond), func(h *HTTP) *time.Duration { return &h.Timeout }).or("60s"),
		field("max_page", "most bytes of a decoded body", byteSize, func(h *HTTP) *int64 { return &h.MaxPage }).or("64MB"),
		field("follow_redirects", "which redirects are followed", oneOf("same_origin", "none", "any"), func(h *HTTP) *string { return &h.FollowRedirects }).or("same_origin"),
		field("allow_hosts", "other origins that next URLs and redirects may reach", in(ScopeConfig, listOf(allowedHost)), func(h *HTTP) *[]*Text { return &h.AllowHosts }),
		field("deny_private", "refuse hosts whose addresses are private", boolean, func(h *HTTP) *bool { return &h.DenyPrivate }).or("false"),
		field("proxy", "URL of the proxy", in(ScopeConfig, proxyURL), func(h *HTTP) **Text { return &h.Proxy }),
		field("tls", "certificates", tlsTable.shape(), func(h *HTTP) *TLS { return &h.TLS }),
		field("compression", "ask for compressed answers", boolean, func(h *HTTP) *bool { return &h.Compression }).or("true"),
		field("auth", "how requests prove who sends them", optional(auth), func(h *HTTP) **Auth { return &h.Auth }),
		field("rate_limit", "how many requests may be sent", optional(rateLimitTable.shape()), func(h *HTTP) **RateLimit { return &h.RateLimit }),
		field("throttle", "headers that say how many requests are left", optional(throttleTable.shape()), func(h *HTTP) **Throttle { return &h.Throttle }),
		field("retry", "when and how often an attempt is repeated", retryTable.shape(), func(h *HTTP) *Retry { return &h.Retry }),
		field("responses", "rules that classify an answer; the first that matches wins", responses, func(h *HTTP) *[]*Rule { return &h.Responses }),
	},
}

// baseURL is a template; one without expressions is an absolute URL.
var baseURL = absolute(templateText, "")

// absolute checks a template that begins with literal text or has no expressions to be an
// absolute URL.
func absolute(s shape[*Text], hint string) shape[*Text] {
	read := s.read
	s.read = func(r reader, n *yaml.Node, v **Text) given {
		got := read(r, n, v)
		if got != set {
			return got
		}
		literal, ok := (*v).Literal()
		if ok {
			if err := absoluteURL(literal); err != nil {
				r.fail(n, fmt.Sprintf("`%s`: %v", r.key, err), hint)
				return wrong
			}
		} else if first := (*v).Parts[0]; first.Expr == nil && !strings.HasPrefix(first.Lit, "http://") && !strings.HasPrefix(first.Lit, "https://") {
			r.fail(n, fmt.Sprintf("`%s`: `%s` is not an absolute URL: it begins with https:// or http://", r.key, shorten(follow(n).Value)), hint)
			return wrong
		}
		return got
	}
	return s
}

var tlsTable = table[TLS]{
	name: "tls",
	what: "`tls`",
	keys: []key[TLS]{
		field("ca_file", "file of certificates that are trusted", in(ScopeConfig, templateText), func(t *TLS) **Text { return &t.CAFile }),
		field("cert_file", "file of the client's certificate", in(ScopeConfig, templateText), func(t *TLS) **Text { return &t.CertFile }),
		field("key_file", "file of the client's key", in(ScopeConfig, templateText), func(t *TLS) **Text { return &t.KeyFile }),
		field("insecure", "do not check the server's certificate", boolean, func(t *TLS) *bool { return &t.Insecure }).or("false"),
	},
	check: func(r reader, m *mapping, t *TLS) {
		if !m.any("cert_file") && !m.any("key_file") {
			return
		}
		switch {
		case t.CertFile == nil && !m.any("cert_file"):
			r.fail(m.at("key_file"), "`key_file` needs `cert_file`", "")
		case t.KeyFile == nil && !m.any("key_file"):
			r.fail(m.at("cert_file"), "`cert_file` needs `key_file`", "")
		}
	},
}

var rateLimitTable = table[RateLimit]{
	name: "rate_limit",
	what: "`rate_limit`",
	like: "{requests: 10, per: 1s}",
	keys: []key[RateLimit]{
		field("requests", "how many requests", number(0), func(l *RateLimit) *float64 { return &l.Requests }),
		field("per", "in which time", durationFrom(time.Millisecond), func(l *RateLimit) *time.Duration { return &l.Per }).or("1s"),
		field("burst", "how many of them at once; as `requests` when not given", integerFrom(1), func(l *RateLimit) *int { return &l.Burst }),
		field("concurrency", "how many requests may be under way at once", integerFrom(1), func(l *RateLimit) *int { return &l.Concurrency }),
		field("share", "name of the bucket; the base URL's host and the identity when not given", in(ScopeConfig, templateText), func(l *RateLimit) **Text { return &l.Share }),
	},
	check: func(r reader, m *mapping, l *RateLimit) {
		if m.known("requests") && l.Requests == 0 {
			r.fail(m.at("requests"), "`requests`: 0 lets no request through", "")
		}
		if l.Requests == 0 && l.Concurrency == 0 && !m.any("requests") && !m.any("concurrency") {
			r.fail(m.node, "`rate_limit` needs `requests` or `concurrency`", "such as {requests: 10, per: 1s}")
		}
		for _, name := range []string{"per", "burst"} {
			if l.Requests == 0 && m.has(name) && !m.any("requests") {
				r.fail(m.keyAt(name), fmt.Sprintf("`%s` needs `requests`", name), "")
			}
		}
	},
}

var throttleTable = table[Throttle]{
	name: "throttle",
	what: "`throttle`",
	like: "{remaining: header.X-RateLimit-Remaining, reset: header.X-RateLimit-Reset}",
	keys: []key[Throttle]{
		field("remaining", "requests that are left", pick, func(t *Throttle) **Pick { return &t.Remaining }),
		field("reset", "when there will be more", pick, func(t *Throttle) **Pick { return &t.Reset }),
		field("unit", "what `reset` is written in", oneOf("epoch", "seconds", "milliseconds", "http_date", "rfc3339"), func(t *Throttle) *string { return &t.Unit }).or("epoch"),
		field("below", "wait when fewer requests are left", number(0), func(t *Throttle) *float64 { return &t.Below }).or("1"),
	},
	check: func(r reader, m *mapping, t *Throttle) {
		if t.Reset == nil && !m.any("reset") {
			r.fail(m.node, "`throttle` needs `reset`", "when there will be more, such as header.X-RateLimit-Reset")
		}
	},
}

var retryTable = table[Retry]{
	name: "retry",
	what: "`retry`",
	keys: []key[Retry]{
		field("attempts", "how often a request is sent at most", integerFrom(1), func(t *Retry) *int { return &t.Attempts }).or("6"),
		field("initial", "the first wait", durationFrom(0), func(t *Retry) *time.Duration { return &t.Initial }).or("1s"),
		field("factor", "by which each wait is longer than the one before", number(1), func(t *Retry) *float64 { return &t.Factor }).or("2"),
		field("max", "the longest wait between attempts", durationFrom(0), func(t *Retry) *time.Duration { return &t.Max }).or("2m"),
		field("jitter", "how waits are spread", oneOf("full", "none"), func(t *Retry) *string { return &t.Jitter }).or("full"),
		field("on", "status codes, and network, timeout, body", retryOn, func(t *Retry) *Retry { return t }).or("[408, 425, 429, 500, 502, 503, 504, network, timeout, body]"),
		field("max_wait", "a longer wait parks the run", durationFrom(0), func(t *Retry) *time.Duration { return &t.MaxWait }).or("15m"),
	},
	check: func(r reader, m *mapping, t *Retry) {
		if m.known("initial") && t.Initial > t.Max && !(m.any("max") && !m.known("max")) {
			r.fail(m.at("initial"), fmt.Sprintf("`initial` (%s) is longer than `max` (%s)", Duration(t.Initial), Duration(t.Max)), "")
		}
	},
}

// retryOn reads retry.on into the fields of Retry that it is kept in.
var retryOn = shape[Retry]{
	schema: func(*definitions) schema {
		one := schema{"anyOf": []schema{{"type": "integer", "minimum": 100, "maximum": 599}, {"enum": []string{"network", "timeout", "body"}},
			{"type": "string", "pattern": statusPattern}, {"$ref": "#/$defs/expression"}}}
		return orExpression(schema{"type": "array", "items": one})
	},
	read: func(r reader, n *yaml.Node, v *Retry) given {
		var words []string
		got := listOf(text).read(r, n, &words)
		if got != set {
			return got
		}
		v.Status, v.Network, v.Timeout, v.Body = nil, false, false, false
		before := len(r.errs)
		for i, word := range words {
			at := n
			if list := follow(n); i < len(list.Content) {
				at = list.Content[i]
			}
			switch word {
			case "network":
				v.Network = true
			case "timeout":
				v.Timeout = true
			case "body":
				v.Body = true
			default:
				s, err := parseStatus(word)
				if err != nil {
					r.fail(at, fmt.Sprintf("`on` holds status codes, `network`, `timeout` and `body`, not `%s`", shorten(word)), meant(word, []string{"network", "timeout", "body"}))
					continue
				}
				for code := s.From; code <= s.To; code++ {
					if never := []int{400, 401, 403, 404}; slices.Contains(never, code) {
						if s.From == s.To {
							r.fail(at, fmt.Sprintf("%d is never retried by this list", code), fmt.Sprintf("a rule may say so: responses: [{status: %d, is: retry}]", code))
						}
						continue
					}
					if !slices.Contains(v.Status, code) {
						v.Status = append(v.Status, code)
					}
				}
			}
		}
		if len(r.errs) > before {
			return wrong
		}
		return set
	},
}

const statusPattern = `^[1-5](xx|XX|[0-9][0-9])$`

// parseStatus reads a status code or `5xx`.
func parseStatus(s string) (StatusRange, error) {
	if len(s) == 3 && s[0] >= '1' && s[0] <= '5' {
		if strings.EqualFold(s[1:], "xx") {
			from := int(s[0]-'0') * 100
			return StatusRange{from, from + 99}, nil
		}
		if code, err := strconv.Atoi(s); err == nil {
			return StatusRange{code, code}, nil
		}
	}
	return StatusRange{}, fmt.Errorf("`%s` is not a status code such as 429 or 5xx", shorten(s))
}

// complete fills in what depends on other keys, once the parts of a stream lie over the connector's.
func (h *HTTP) complete() {
	if h.Auth == nil {
		h.Auth = &Auth{Type: "none"}
	}
	if h.RateLimit != nil && h.RateLimit.Burst == 0 {
		l := *h.RateLimit
		l.Burst = max(1, int(math.Min(l.Requests, math.MaxInt32)))
		h.RateLimit = &l
	}
}
