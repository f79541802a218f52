package spec

import (
	"fmt"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

var ruleTable = table[Rule]{
	name: "rule",
	what: "a response rule",
	like: "{status: 404, is: end}",
	keys: []key[Rule]{
		field("status", "status codes: 429, [404, 410] or 5xx", status, func(t *Rule) *[]StatusRange { return &t.Status }),
		field("header", "headers that match regular expressions", named("a mapping from headers to regular expressions", regularExpression, addHeaderMatch), func(t *Rule) *[]HeaderMatch { return &t.Header }),
		field("body_matches", "regular expression over the first 64 KB of the body", regularExpression, func(t *Rule) *string { return &t.BodyMatches }),
		field("when", "expression that is true", in(ScopeResponse, condition), func(t *Rule) **Text { return &t.When }),
		field("is", "what the answer is", oneOf(Classes...), func(t *Rule) *Class { return &t.Is }).need(),
		field("message", "text of the error", in(ScopeResponse, templateText), func(t *Rule) **Text { return &t.Message }),
		field("wait", "how long to wait: a reference or a duration", waitFor, func(t *Rule) *Rule { return t }),
	},
	check: func(r reader, m *mapping, t *Rule) {
		t.Pos = r.src.pos(m.node)
		if m.has("wait") && m.known("is") && t.Is != ClassRateLimited && t.Is != ClassRetry {
			r.fail(m.keyAt("wait"), fmt.Sprintf("`wait` says nothing when the answer is `%s`", t.Is), "it belongs to `rate_limited` and `retry`")
		}
	},
}

// responses is a list of rules. A stream's stand before the connector's.
var responses = shape[[]*Rule]{
	schema: func(d *definitions) schema { return listOf(optional(ruleTable.shape())).schema(d) },
	read: func(r reader, n *yaml.Node, v *[]*Rule) given {
		var own []*Rule
		inner := r
		inner.over = false
		got := listOf(optional(ruleTable.shape())).read(inner, n, &own)
		if got == set {
			*v = slices.Concat(own, *v)
		}
		return got
	},
}

func addHeaderMatch(r reader, e entry, list *[]HeaderMatch, regex string) {
	if !headerName.MatchString(e.name) {
		r.fail(e.key, fmt.Sprintf("`%s` is not the name of a header", shorten(e.name)), "")
	}
	*list = append(*list, HeaderMatch{e.name, regex})
}

// status is a status code, a class of them such as 5xx, or a list.
var status = oneOrMore(scalarOf("a status code such as 429 or 5xx", orExpression(schema{"anyOf": []schema{{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": statusPattern}}}),
	func(n *yaml.Node, _ bool) (StatusRange, error) { return parseStatus(n.Value) }))

// waitFor is a duration, or where the answer says how long.
var waitFor = shape[Rule]{
	schema: func(d *definitions) schema {
		return schema{"anyOf": []schema{{"const": 0}, {"type": "string", "pattern": durationPattern}, pick.schema(d)}}
	},
	read: func(r reader, n *yaml.Node, v *Rule) given {
		target := follow(n)
		if target.Kind == yaml.ScalarNode && !isNull(n) {
			if target.Tag == "!!int" || target.Tag == "!!float" {
				_, err := ParseDuration(target.Value)
				if err != nil {
					r.fail(n, "`wait`: "+err.Error(), "")
					return wrong
				}
			}
			if d, err := ParseDuration(target.Value); err == nil {
				v.WaitFor = max(d, time.Nanosecond)
				return set
			}
		}
		return pick.read(r, n, &v.Wait)
	},
}
