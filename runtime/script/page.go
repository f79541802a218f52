package script

import (
	"encoding/json"
	"net/http"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Page is what next, classify and records are given.
type Page struct {
	Status  int
	Headers http.Header
	Body    []byte         // as received, UTF-8
	JSON    bool           // Body is one valid JSON value
	Spans   []rawjson.Span // extents of values of Body that are known (see JSONSpans)
	Links   []Link

	Method string // of the request
	URL    string
	Query  json.RawMessage // JSON object

	Count       int64
	First, Last []byte // raw records, nil without

	Token     json.RawMessage // that was sent, nil at first
	Index     int64
	Received  int64
	Config    json.RawMessage
	Partition json.RawMessage // nil without
	Window    json.RawMessage // {"from": …, "to": …}, nil without
	Watermark json.RawMessage
	Memo      json.RawMessage
}

// Value is the page as scripts see it.
func (p *Page) Value() Value {
	body := Null()
	if p.JSON {
		body = JSONSpans(p.Body, p.Spans)
	}
	return Object(
		Field{"status", Int(int64(p.Status))},
		Field{"headers", Header(p.Headers)},
		Field{"body", body},
		Field{"text", Bytes(p.Body)},
		Field{"link", Links(p.Links)},
		Field{"request", RequestInfo(p.Method, p.URL, p.Query)},
		Field{"records", RecordsInfo(p.Count, p.First, p.Last)},
		Field{"token", JSON(p.Token)},
		Field{"index", Int(p.Index)},
		Field{"received", Int(p.Received)},
		Field{"config", JSON(p.Config)},
		Field{"partition", JSON(p.Partition)},
		Field{"window", JSON(p.Window)},
		Field{"watermark", JSON(p.Watermark)},
		Field{"memo", JSON(p.Memo)},
	)
}

// RequestInfo is `request` as answers are judged by it. query is a JSON object.
func RequestInfo(method, url string, query json.RawMessage) Value {
	if query == nil {
		query = json.RawMessage("{}")
	}
	return Object(Field{"method", Text(method)}, Field{"url", Text(url)}, Field{"query", JSON(query)})
}

// RecordsInfo is `records`: how many a page brought, the first and the last as received.
func RecordsInfo(count int64, first, last []byte) Value {
	return Object(Field{"count", Int(count)}, Field{"first", JSON(first)}, Field{"last", JSON(last)})
}

// Context is what request, sign and record are given beside their first argument.
type Context struct {
	Config    json.RawMessage
	Partition json.RawMessage // nil without
	Window    json.RawMessage // {"from": …, "to": …}, nil without
	Watermark json.RawMessage
	SessionID json.RawMessage // nil without a session
	Session   json.RawMessage // the session's last answer
	Index     int64           // of the page
	Token     json.RawMessage
	Memo      json.RawMessage
	Attempt   int
	Now       Value // Time(…)
	RunID     string
}

// Value is the context as scripts see it.
func (c *Context) Value() Value {
	session := Null()
	if c.SessionID != nil || c.Session != nil {
		session = Object(Field{"id", JSON(c.SessionID)}, Field{"body", JSON(c.Session)})
	}
	return Object(
		Field{"config", JSON(c.Config)},
		Field{"partition", JSON(c.Partition)},
		Field{"window", JSON(c.Window)},
		Field{"watermark", JSON(c.Watermark)},
		Field{"session", session},
		Field{"page", Object(Field{"index", Int(c.Index)}, Field{"token", JSON(c.Token)})},
		Field{"memo", JSON(c.Memo)},
		Field{"attempt", Int(int64(c.Attempt))},
		Field{"now", c.Now},
		Field{"run", Object(Field{"id", Text(c.RunID)})},
	)
}
