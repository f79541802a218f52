package spec

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// methods are the HTTP methods that requests may have.
var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "SEARCH", "REPORT", "QUERY"}

var requestTable = table[Request]{
	name: "request",
	what: "a request",
	like: "{path: /items}",
	keys: []key[Request]{
		field("method", "the HTTP method", oneOf(methods...), func(q *Request) *string { return &q.Method }).or("GET"),
		field("path", "path below base_url", requestPath, func(q *Request) **Text { return &q.Path }),
		field("url", "absolute URL, in place of path", absolute(templateText, "a path below base_url is `path`"), func(q *Request) **Text { return &q.URL }),
		field("query", "query parameters; one whose value is null is left out", params, func(q *Request) *[]Field { return &q.Query }),
		field("headers", "headers; one whose value is null is left out", headers, func(q *Request) *[]Field { return &q.Headers }),
		field("body", "JSON body; a field whose value is null is left out", someValue, func(q *Request) **Node { return &q.Body }),
		field("form", "form fields (application/x-www-form-urlencoded)", params, func(q *Request) *[]Field { return &q.Form }),
		field("body_text", "body as text", templateText, func(q *Request) **Text { return &q.BodyText }),
	},
	check: func(r reader, m *mapping, q *Request) {
		q.Pos = r.src.pos(m.node)
		switch {
		case m.any("path") && m.any("url"):
			r.fail(m.keyAt("url"), "a request has `path` or `url`, not both", "")
		case !m.any("path") && !m.any("url"):
			r.fail(m.node, "a request needs `path` or `url`", "such as {path: /items}")
		}
		body := ""
		for _, name := range []string{"body", "form", "body_text"} {
			switch {
			case !m.any(name):
			case body == "":
				body = name
			default:
				r.fail(m.keyAt(name), fmt.Sprintf("a request has `%s` or `%s`, not both", body, name), "")
			}
		}
	},
}

// requestPath is a path below base_url.
var requestPath = shape[*Text]{
	schema: templateText.schema,
	read: func(r reader, n *yaml.Node, v **Text) given {
		got := templateText.read(r, n, v)
		if got == set && len((*v).Parts) > 0 && (*v).Parts[0].Expr == nil {
			if lit := (*v).Parts[0].Lit; strings.HasPrefix(lit, "http://") || strings.HasPrefix(lit, "https://") {
				r.fail(n, "`path` stands below base_url and is no URL", "a whole URL is `url`")
				return wrong
			}
		}
		return got
	},
}
