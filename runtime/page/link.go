package page

import (
	"net/http"
	"net/url"
	"strings"
)

// Links are the links of an answer's Link headers (RFC 8288), in order over all header lines.
type Links []Link

// Link is one link. URL is as it stands, absolute or relative to the answer's URL.
type Link struct {
	URL    string
	Rels   []string // as written; they compare without case
	Params []Param  // every parameter, rel included, in order
}

// Param is a parameter of a link. Name is in lower case, with its `*` when it has one; the value is
// unquoted and, of a `*` parameter, decoded.
type Param struct{ Name, Value string }

// Ref returns the URL of the first link with that rel, or, with an attr, the first value of that
// attribute among the links with that rel. It is false when there is none. Links whose context is
// another resource (anchor) do not count.
func (l Links) Ref(rel, attr string) (string, bool) {
	for _, link := range l {
		if !link.Has(rel) {
			continue
		}
		if attr == "" {
			return link.URL, true
		}
		if v, ok := link.Attr(attr); ok {
			return v, true
		}
	}
	return "", false
}

// Has says whether the link has that rel and this resource as its context.
func (l Link) Has(rel string) bool {
	if _, other := l.Attr("anchor"); other {
		return false
	}
	for _, r := range l.Rels {
		if strings.EqualFold(r, rel) {
			return true
		}
	}
	return false
}

// Attr returns the first parameter of that name, case ignored; `name*` before `name`.
func (l Link) Attr(name string) (string, bool) {
	for _, n := range [...]string{strings.ToLower(name) + "*", strings.ToLower(name)} {
		for _, p := range l.Params {
			if p.Name == n {
				return p.Value, true
			}
		}
	}
	return "", false
}

// ParseLinks reads all Link headers. What is malformed is passed over up to the next link.
func ParseLinks(h http.Header) Links {
	var links Links
	for _, line := range h.Values("Link") {
		for line != "" {
			var link Link
			var ok bool
			if link, line, ok = parseLink(line); ok {
				links = append(links, link)
			}
		}
	}
	return links
}

const blanks = " \t\r\n"

// parseLink reads the link at the start of s and returns what follows its comma.
func parseLink(s string) (link Link, rest string, ok bool) {
	s = strings.TrimLeft(s, blanks+",")
	if s == "" {
		return link, "", false
	}
	end := strings.IndexByte(s, '>')
	if s[0] != '<' || end < 0 {
		return link, afterComma(s), false
	}
	link.URL = strings.TrimSpace(s[1:end])
	s = strings.TrimLeft(s[end+1:], blanks)
	for strings.HasPrefix(s, ";") {
		var p Param
		p, s = parseParam(strings.TrimLeft(s[1:], blanks))
		if p.Name == "" {
			continue
		}
		if p.Name == "rel" && link.Rels == nil { // only the first one counts
			link.Rels = strings.Fields(strings.Trim(p.Value, "'")) // some quote it with '
		}
		link.Params = append(link.Params, p)
	}
	return link, afterComma(s), true
}

// parseParam reads `name`, `name=token` or `name="quoted"` and returns what follows it.
func parseParam(s string) (p Param, rest string) {
	end := strings.IndexAny(s, "=;,"+blanks)
	if end < 0 {
		end = len(s)
	}
	p.Name = strings.ToLower(s[:end])
	s = strings.TrimLeft(s[end:], blanks)
	if !strings.HasPrefix(s, "=") {
		return p, s
	}
	s = strings.TrimLeft(s[1:], blanks)
	if strings.HasPrefix(s, `"`) {
		p.Value, s = quoted(s[1:])
	} else {
		end = strings.IndexAny(s, ";,"+blanks)
		if end < 0 {
			end = len(s)
		}
		p.Value, s = s[:end], s[end:]
	}
	if strings.HasSuffix(p.Name, "*") {
		p.Value = extended(p.Value)
	}
	return p, strings.TrimLeft(s, blanks)
}

// quoted reads up to the closing quote; a backslash takes the next character as it is.
func quoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String(), ""
}

// extended decodes `UTF-8'en'%e2%82%ac` (RFC 8187); other text stays as it is.
func extended(s string) string {
	parts := strings.SplitN(s, "'", 3)
	if len(parts) != 3 {
		return s
	}
	text, err := url.PathUnescape(parts[2])
	if err != nil {
		return s
	}
	if western(parts[0]) {
		return string(fromWestern([]byte(text)))
	}
	return text
}

// afterComma returns what follows the first comma outside quotes.
func afterComma(s string) string {
	inside := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			inside = !inside
		case s[i] == '\\' && inside:
			i++
		case s[i] == ',' && !inside:
			return s[i+1:]
		}
	}
	return ""
}
