package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// line is the request's first line.
func (s *request) line(origin bool) string {
	u := *s.target
	u.User, u.Fragment = nil, ""
	if !origin {
		u.Scheme, u.Host = "", ""
	}
	t := u.String()
	if t == "" || t[0] == '?' {
		t = "/" + t
	}
	return s.method + " " + t
}

// plumbing are headers that every client sends: they are not written into a case.
var plumbing = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "User-Agent": true, "Authorization": true, "Cookie": true, "Content-Length": true, "Content-Type": true, "Host": true,
}

// format writes the request as a case does: with the headers that like has, or those that are the
// API's own.
func (s *request) format(like *request) []byte {
	var b bytes.Buffer
	b.WriteString(s.line(like != nil && like.target.Host != "") + "\n")
	var names []string
	for name := range s.header {
		if like == nil && !plumbing[name] {
			names = append(names, name)
		}
	}
	if like != nil {
		for name := range like.header {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range s.header.Values(name) {
			if like != nil && slices.Equal(like.header[http.CanonicalHeaderKey(name)], []string{Any}) {
				v = Any
			}
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if len(s.body) > 0 {
		b.WriteByte('\n')
		b.Write(bodyText(s.body))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// wide is how long a JSON body may be on one line of a case.
const wide = 120

func bodyText(body []byte) []byte {
	if len(body) <= wide || !json.Valid(body) {
		return body
	}
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return body
	}
	return b.Bytes()
}
