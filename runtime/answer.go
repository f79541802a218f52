package runtime

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/lastpage/lastpage/runtime/page"
)

// answerValues is what a response expression sees beside the request's names.
type answerValues struct {
	status  int
	header  http.Header
	body    []byte // JSON, or nil when the body is none
	text    []byte
	links   page.Links
	method  string
	url     string
	records *recordValues
	page    *page.Page // that body was read into, nil when it was not
}

// recordValues is `records`.
type recordValues struct {
	count       int
	first, last []byte
}

// field resolves name.rest[0]… for the names of section 2 that only responses have.
func (a *answerValues) field(name string, rest []string) (json.RawMessage, []string) {
	switch name {
	case "body":
		return a.body, rest
	case "headers":
		if h := a.header.Values(rest[0]); len(h) > 0 {
			return quote(h[0]), rest[1:]
		}
	case "link":
		attr := ""
		if len(rest) > 1 {
			attr = rest[1]
		}
		if v, ok := a.link(rest[0], attr); ok {
			return quote(v), nil
		}
	case "request":
		if rest[0] == "url" {
			return quote(a.url), rest[1:]
		}
		if rest[0] == "query" {
			return a.query(), rest[1:]
		}
	case "records":
		if a.records == nil {
			return nil, nil
		}
		switch rest[0] {
		case "count":
			return number(int64(a.records.count)), rest[1:]
		case "first":
			return a.records.first, rest[1:]
		case "last":
			return a.records.last, rest[1:]
		}
	}
	return nil, nil
}

// whole is one of the response's names by itself.
func (a *answerValues) whole(name string) json.RawMessage {
	switch name {
	case "status":
		return number(int64(a.status))
	case "body":
		return a.body
	}
	return nil
}

// link is the URL of that rel, absolute, or an attribute of that link.
func (a *answerValues) link(rel, attr string) (string, bool) {
	v, ok := a.links.Ref(rel, attr)
	if !ok || attr != "" {
		return v, ok
	}
	return absolute(a.url, v), true
}

// query is the request's query as an object: a list where a name stands several times.
func (a *answerValues) query() json.RawMessage {
	t := &tree{object: true}
	u, err := url.Parse(a.url)
	if err != nil {
		return nil
	}
	q := u.Query()
	for _, k := range sortedKeys(q) {
		v := quote(q[k][0])
		if len(q[k]) > 1 {
			v = quoteAll(q[k])
		}
		t.names, t.items = append(t.names, k), append(t.items, leaf(v))
	}
	return t.append(nil)
}

// absolute resolves ref against base; a ref that is no URL stays as it is.
func absolute(base, ref string) string {
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	u, err := b.Parse(ref)
	if err != nil {
		return ref
	}
	return u.String()
}
