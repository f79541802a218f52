package script

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Request is a request that the functions request and sign may change.
type Request struct {
	Method  string
	URL     string // with whatever query is part of it already
	Query   []Pair // appended to URL, each percent-encoded once
	Headers http.Header
	Body    json.RawMessage // JSON, nil without
	Text    *string         // body as text, nil without, and for a body that is JSON
}

// Pair is one query parameter.
type Pair struct{ Name, Value string }

// Value is the request as scripts see it; they may change it.
func (r *Request) Value() Value {
	text := Null()
	if r.Text != nil {
		text = Text(*r.Text)
	}
	v := Object(
		Field{"method", Text(r.Method)},
		Field{"url", Text(r.URL)},
		Field{"query", JSON(r.query()).Mutable()},
		Field{"headers", Header(r.Headers).Mutable()},
		Field{"body", JSON(r.Body).Mutable()},
		Field{"text", text},
	)
	return v.Mutable()
}

// query is the parameters as a JSON object; one that is repeated is a list.
func (r *Request) query() []byte {
	out := []byte{'{'}
	for i, p := range r.Query {
		if slices.IndexFunc(r.Query, func(q Pair) bool { return q.Name == p.Name }) < i {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(rawjson.AppendString(out, p.Name), ':')
		var same []Pair
		for _, q := range r.Query[i:] {
			if q.Name == p.Name {
				same = append(same, q)
			}
		}
		if len(same) == 1 {
			out = rawjson.AppendString(out, p.Value)
			continue
		}
		out = append(out, '[')
		for k, q := range same {
			if k > 0 {
				out = append(out, ',')
			}
			out = rawjson.AppendString(out, q.Value)
		}
		out = append(out, ']')
	}
	return append(out, '}')
}

// DecodeRequest reads what request or sign returned.
func DecodeRequest(function string, res Result) (*Request, error) {
	d, err := decode(function, res, []string{"method", "url", "query", "headers", "body", "text"})
	if err != nil {
		return nil, err
	}
	r := &Request{Headers: http.Header{}}
	for key, value := range d.members {
		switch key {
		case "method":
			r.Method, err = d.text(key, value)
		case "url":
			r.URL, err = d.text(key, value)
		case "query":
			err = d.pairs(key, value, func(name, text string) { r.Query = append(r.Query, Pair{name, text}) })
		case "headers":
			err = d.pairs(key, value, func(name, text string) {
				name = textproto.CanonicalMIMEHeaderKey(name)
				r.Headers[name] = append(r.Headers[name], text)
			})
		case "body":
			if rawjson.Kind(value) != 'n' {
				r.Body = value
			}
		case "text":
			if rawjson.Kind(value) != 'n' {
				var s string
				s, err = d.text(key, value)
				r.Text = &s
			}
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case r.Method == "":
		return nil, d.problem("a request without a method")
	case r.URL == "":
		return nil, d.problem("a request without a url")
	}
	return r, nil
}

// pairs reads an object of texts, numbers, booleans and lists of them; null leaves a name out.
func (d *decoded) pairs(key string, value []byte, add func(name, text string)) error {
	if rawjson.Kind(value) == 'n' {
		return nil
	}
	if rawjson.Kind(value) != '{' {
		return d.problem(fmt.Sprintf("%s that is %s, not an object", key, kindName(value)))
	}
	for k, v := range rawjson.Members(value) {
		name, _ := rawjson.String(k)
		list := slices.Values([][]byte{v})
		if rawjson.Kind(v) == '[' {
			list = rawjson.Elements(v)
		}
		for e := range list {
			switch rawjson.Kind(e) {
			case 'n':
			case '"':
				s, _ := rawjson.String(e)
				add(name, s)
			case '0', 't', 'f':
				add(name, string(e))
			default:
				return d.problem(fmt.Sprintf("%s.%s that is %s, not a text", key, name, kindName(e)))
			}
		}
	}
	return nil
}
