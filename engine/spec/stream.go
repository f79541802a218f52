package spec

import (
	"fmt"
	"regexp"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
)

var streamTable = table[Stream]{
	name: "stream",
	what: "a stream",
	like: "{request: {path: /items}}",
	keys: []key[Stream]{
		field("request", "the request of a page", optional(requestTable.shape()), func(s *Stream) **Request { return &s.Request }).need(),
		field("records", "where the records stand in the answer", recordsTable.shape(), func(s *Stream) *Records { return &s.Records }),
		field("details", "the page lists ids: fetch the things themselves", optional(detailsTable.shape()), func(s *Stream) **Details { return &s.Details }),
		field("pagination", "how the API pages", paginationTable.shape(), func(s *Stream) *Pagination { return &s.Pagination }),
		field("incremental", "what later runs begin at", optional(incrementalTable.shape()), func(s *Stream) **Incremental { return &s.Incremental }),
		field("partitions", "each combination is a chain of its own", listOf(optional(partitionTable.shape())), func(s *Stream) *[]*Partition { return &s.Partitions }),
		field("chains", "how chains run", chainsTable.shape(), func(s *Stream) *Chains { return &s.Chains }),
		field("session", "what must be opened before pages can be read", optional(sessionTable.shape()), func(s *Stream) **Session { return &s.Session }),
		field("limits", "caps that end a run as truncated", limitsTable.shape(), func(s *Stream) *Limits { return &s.Limits }),
		field("http", "what this stream sends otherwise than the connector", overHTTP, func(s *Stream) *HTTP { return &s.HTTP }),
		field("hook", "functions of the hook file by role; false turns one off", functions, func(s *Stream) *map[string]string { return &s.Functions }),
	},
	check: checkStream,
}

// overHTTP reads a stream's http over a copy of the connector's.
var overHTTP = shape[HTTP]{
	schema: httpTable.shape().schema,
	read: func(r reader, n *yaml.Node, h *HTTP) given {
		r.over = true
		return httpTable.read(r, n, h)
	},
}

// Roles lists the functions that a hook file may have (format, section 10).
var Roles = []string{"next", "classify", "request", "sign", "record", "records"}

var functionName = regexp.MustCompile(identifierPattern)

// functions is a mapping from roles to names of functions; false is none.
var functions = shape[map[string]string]{
	schema: func(*definitions) schema {
		props := map[string]schema{}
		for _, role := range Roles {
			props[role] = schema{"anyOf": []schema{{"type": "string", "pattern": identifierPattern}, {"const": false}}}
		}
		return schema{"type": "object", "properties": props, "additionalProperties": false}
	},
	read: func(r reader, n *yaml.Node, v *map[string]string) given {
		n, got := r.expect(n, yaml.MappingNode, "a mapping from roles to functions", "{next: nextAlerts}")
		if got != set {
			return got
		}
		before := len(r.errs)
		made := map[string]string{}
		for _, e := range entries(n, r.fail) {
			value := follow(e.value)
			known := false
			for _, role := range Roles {
				known = known || role == e.name
			}
			switch {
			case !known:
				r.fail(e.key, fmt.Sprintf("unknown key `%s`", e.name), r.unknownHint("stream.hook", e.name, Roles))
			case value.Kind == yaml.ScalarNode && value.Tag == "!!bool" && value.Value == "false":
				made[e.name] = ""
			case value.Kind == yaml.ScalarNode && value.Tag == "!!str" && functionName.MatchString(value.Value):
				made[e.name] = value.Value
			default:
				r.fail(e.value, fmt.Sprintf("`%s` is the name of a function, or false, not %s", e.name, kindOf(value)), "")
			}
		}
		if len(r.errs) > before {
			return wrong
		}
		if len(made) > 0 && !r.hook {
			r.fail(n, "`hook` needs a hook file", "put a hook.js beside the connector")
			return wrong
		}
		*v = made
		return set
	},
}

// streams reads the streams of a connector, each over the connector's http.
var streams = shape[streamList]{
	schema: func(d *definitions) schema {
		return schema{"type": "object", "minProperties": 1, "propertyNames": schema{"pattern": streamName.String()}, "additionalProperties": streamTable.shape().schema(d)}
	},
	read: func(r reader, n *yaml.Node, v *streamList) given {
		n, got := r.expect(n, yaml.MappingNode, "a mapping from names to streams", "")
		if got != set {
			return got
		}
		before := len(r.errs)
		for _, e := range entries(n, r.fail) {
			if !streamName.MatchString(e.name) {
				r.fail(e.key, fmt.Sprintf("`%s` is not a name for a stream", shorten(e.name)), "letters, digits, _, - and .")
			}
			s := &Stream{Pos: r.src.pos(e.key), Name: e.name, HTTP: v.c.HTTP}
			streamTable.init(s)
			inner := r
			inner.stream, inner.key, inner.scope = s, e.name, ScopeRequest
			if streamTable.read(inner, e.value, s) == absent {
				r.fail(e.key, fmt.Sprintf("the stream `%s` is empty", e.name), "a stream needs `request`")
			}
			s.complete()
			v.c.Streams = append(v.c.Streams, s)
			r.streams[s] = follow(e.value)
		}
		if len(r.errs) > before {
			return wrong
		}
		return set
	},
}

// complete fills in what depends on other keys.
func (s *Stream) complete() {
	if s.Pagination.Rules.Type == "" {
		s.Pagination.Rules.Type = engine.None
	}
	s.Pagination.Rules.EmptyPages = s.Limits.EmptyPages
	s.Pagination.Rules.HasKey = len(s.Records.Key) > 0 || s.Details != nil && len(s.Details.Records.Key) > 0
	if s.Functions == nil {
		s.Functions = map[string]string{}
	}
	s.HTTP.complete()
}
