package spec

import (
	"encoding/json"
	"fmt"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
)

var paginationTable = table[Pagination]{
	name: "pagination",
	what: "`pagination`",
	like: "{type: cursor, next: body.next, send: query.cursor}",
	keys: []key[Pagination]{
		field("type", "how the API pages", oneOfAlso(func(o *Options) []engine.Type { return o.Patterns }, engine.Types...), func(p *Pagination) *engine.Type { return &p.Rules.Type }).need(),
		field("start", "the first position", in(ScopeChain, someValue), func(p *Pagination) **Node { return &p.Start }),
		field("first", "whether the first request carries the position", oneOf("send", "omit"), func(p *Pagination) *string { return &p.Rules.First }),
		field("send", "where the position goes in the request", send, func(p *Pagination) **Send { return &p.Send }),
		field("next", "where the next position stands in the answer", pick, func(p *Pagination) **Pick { return &p.Next }),
		field("limit", "the page size asked for", limitTable.shape(), func(p *Pagination) *Pagination { return p }),
		field("step", "what the offset advances by", either("received", "limit"), func(p *Pagination) *bool { return &p.Rules.StepLimit }),
		field("total", "count of all records: a reference, or {from, kind}", total, func(p *Pagination) *Pagination { return p }),
		field("remaining", "count of the records still to come", pick, func(p *Pagination) **Pick { return &p.Remaining }),
		field("total_pages", "count of all pages", pick, func(p *Pagination) **Pick { return &p.TotalPages }),
		field("more", "flag that is true when there are more pages", pick, func(p *Pagination) **Pick { return &p.More }),
		field("done", "flag that is true at the end", pick, func(p *Pagination) **Pick { return &p.Done }),
		field("short_page", "fewer records than asked for are an end signal", boolean, func(p *Pagination) *bool { return &p.Rules.ShortPage }).or("false"),
		field("decides", "the witness that decides whether there is a next page", oneOf(engine.Deciders...), func(p *Pagination) *engine.Decider { return &p.Rules.Decides }),
		field("end_values", "values of a token that mean: no token", listOf(jsonValue), func(p *Pagination) *[]json.RawMessage { return &p.Rules.EndValues }).or(`[null, ""]`),
		field("repeat", "what a token or URL means that was seen before", oneOf("fail", "end", "allow"), func(p *Pagination) *string { return &p.Rules.Repeat }).or("fail"),
		field("token", "what holds for tokens", tokenTable.shape(), func(p *Pagination) *TokenRules { return &p.Token }),
		field("only", "parameters that follow-up requests keep beside the token", listOf(text), func(p *Pagination) *[]string { return &p.Only }),
		field("fallback", "how a chain goes on when its token is missing, expired or refused: one way, or a list of them", oneOrMore(optional(fallbackTable.shape())), func(p *Pagination) *[]*Fallback { return &p.Fallback }),
		field("max_recoveries", "most fallbacks without a new record in between", integerFrom(0), func(p *Pagination) *int { return &p.Rules.MaxRecoveries }).or("5"),
		field("parallel", "pages in flight (offset and page)", integerFrom(1), func(p *Pagination) *int { return &p.Rules.Parallel }),
		field("cap", "the API refuses offsets beyond this", integerFrom[int64](1), func(p *Pagination) *int64 { return &p.Rules.Cap }),
		field("keep", "what the next run starts from: a reference, or `token` for the last token", keep, func(p *Pagination) *Pagination { return p }),
		field("on_end", "what an end needs that only one witness saw", onEndTable.shape(), func(p *Pagination) *engine.Rules { return &p.Rules }),
	},
	check: checkPagination,
}

var limitTable = table[Pagination]{
	name: "limit",
	what: "`limit`",
	like: "{send: query.limit, value: 100}",
	keys: []key[Pagination]{
		field("send", "where the page size goes in the request", send, func(p *Pagination) **Send { return &p.LimitSend }),
		field("value", "the page size", integerFrom[int64](1), func(p *Pagination) *int64 { return &p.Rules.Limit }).need(),
		field("max", "the largest page size that the API grants", integerFrom[int64](1), func(p *Pagination) *int64 { return &p.Rules.LimitMax }),
		field("min", "the smallest page size that the API grants", integerFrom[int64](1), func(p *Pagination) *int64 { return &p.Rules.LimitMin }),
	},
	check: func(r reader, m *mapping, p *Pagination) {
		l := p.Rules
		if m.known("value") && m.known("max") && l.Limit > l.LimitMax {
			r.fail(m.at("value"), fmt.Sprintf("`value` (%d) is more than `max` (%d)", l.Limit, l.LimitMax), "")
		}
		if m.known("value") && m.known("min") && l.Limit < l.LimitMin {
			r.fail(m.at("value"), fmt.Sprintf("`value` (%d) is less than `min` (%d)", l.Limit, l.LimitMin), "")
		}
		if m.known("min") && m.known("max") && l.LimitMin > l.LimitMax {
			r.fail(m.at("min"), fmt.Sprintf("`min` (%d) is more than `max` (%d)", l.LimitMin, l.LimitMax), "")
		}
	},
}

var totalTable = table[Pagination]{
	name: "total",
	what: "`total`",
	like: "{from: body.total, kind: exact}",
	keys: []key[Pagination]{
		field("from", "where the count stands", pick, func(p *Pagination) **Pick { return &p.Total }).need(),
		field("kind", "how far it may be trusted", oneOf(engine.Exact, engine.AtLeast, engine.Estimate), func(p *Pagination) *engine.CountKind { return &p.Rules.TotalKind }),
	},
}

// total is a reference, or a mapping that says its kind too.
var total = shape[Pagination]{
	schema: func(d *definitions) schema {
		return schema{"anyOf": []schema{pick.schema(d), totalTable.shape().schema(d)}}
	},
	read: func(r reader, n *yaml.Node, p *Pagination) given {
		if follow(n).Kind == yaml.MappingNode {
			return totalTable.read(r, n, p)
		}
		return pick.read(r, n, &p.Total)
	},
}

// keep is a reference, or the word token.
var keep = shape[Pagination]{
	schema: func(d *definitions) schema { return schema{"anyOf": []schema{{"const": "token"}, pick.schema(d)}} },
	read: func(r reader, n *yaml.Node, p *Pagination) given {
		if one := follow(n); one.Kind == yaml.ScalarNode && one.Value == "token" {
			p.KeepToken = true
			return set
		}
		return pick.read(r, n, &p.Keep)
	},
}

// jsonValue is a plain JSON value, null included.
var jsonValue = shape[json.RawMessage]{
	schema: plainValue.schema,
	read: func(r reader, n *yaml.Node, v *json.RawMessage) given {
		if isNull(n) {
			*v = json.RawMessage("null")
			return set
		}
		return plainValue.read(r, n, v)
	},
}

var tokenTable = table[TokenRules]{
	name: "token",
	what: "`token`",
	like: "{ttl: 120s}",
	keys: []key[TokenRules]{
		field("ttl", "how long a token may be used", durationFrom(time.Millisecond), func(t *TokenRules) *time.Duration { return &t.TTL }),
		field("one_use", "a token may be sent once", boolean, func(t *TokenRules) *bool { return &t.OneUse }).or("false"),
		field("match", "regular expression (RE2) that a sound token matches", regularExpression, func(t *TokenRules) *string { return &t.Match }),
		field("encode", "percent: encoded once; raw: sent untouched", either("percent", "raw"), func(t *TokenRules) *bool { return &t.Raw }),
		field("secret", "the token is shown as ***", boolean, func(t *TokenRules) *bool { return &t.Secret }).or("false"),
	},
}

var onEndTable = table[engine.Rules]{
	name: "on_end",
	what: "`on_end`",
	like: "{unconfirmed: probe}",
	keys: []key[engine.Rules]{
		field("unconfirmed", "accept the end, or spend one request to confirm it", either("accept", "probe"), func(t *engine.Rules) *bool { return &t.Probe }),
	},
}

var fallbackTypes = []engine.FallbackKind{engine.FallbackOffset, engine.FallbackSearchAfter, engine.FallbackTimestamp, engine.FallbackRestart}

var fallbackTable = table[Fallback]{
	name: "fallback",
	what: "a fallback",
	like: "{type: restart}",
	keys: []key[Fallback]{
		field("type", "how the chain goes on", oneOf(fallbackTypes...), func(f *Fallback) *engine.FallbackKind { return &f.kind }),
		field("send", "where the position goes in the request", send, func(f *Fallback) **Send { return &f.Send }),
		field("next", "where the position stands in the last delivered record", pick, func(f *Fallback) **Pick { return &f.Next }),
		field("token", "where the error answer carries a new token", pick, func(f *Fallback) **Pick { return &f.Token }),
	},
	check: func(r reader, m *mapping, f *Fallback) {
		f.Pos = r.src.pos(m.node)
		switch {
		case m.any("token") && m.any("type"):
			r.fail(m.keyAt("token"), "a fallback has `type` or `token`, not both", "")
			return
		case m.any("token"):
			f.kind = engine.FallbackToken
		case !m.any("type"):
			r.fail(m.node, "a fallback needs `type` or `token`", "such as {type: restart}")
			return
		case !m.known("type"):
			return
		}
		need := map[engine.FallbackKind][]string{engine.FallbackOffset: {"send"}, engine.FallbackSearchAfter: {"next", "send"}, engine.FallbackTimestamp: {"next", "send"}}[f.kind]
		for _, name := range []string{"next", "send"} {
			wanted := false
			for _, n := range need {
				wanted = wanted || n == name
			}
			switch {
			case wanted && !m.any(name):
				r.fail(m.node, fmt.Sprintf("fallback `%s` needs `%s`", f.kind, name), m.docs[name])
			case !wanted && m.any(name) && (name == "next" || f.kind == engine.FallbackRestart):
				r.fail(m.keyAt(name), fmt.Sprintf("`%s` says nothing about fallback `%s`", name, f.kind), "")
			}
		}
	},
}
