package replay

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// credential reports whether what a field of a login or token endpoint is called says that its value is one.
func credential(name string) bool {
	name = strings.ToLower(name)
	for _, of := range []string{"type", "url", "uri", "endpoint", "expires", "expires_in", "expires_at"} {
		if strings.HasSuffix(name, of) {
			return false
		}
	}
	return slices.ContainsFunc([]string{"token", "secret", "passw", "api_key", "apikey", "api-key", "credential", "assertion", "jwt"},
		func(says string) bool { return strings.Contains(name, says) })
}

// fields calls fn with the name and value of every text of a body: members of JSON at any depth, "" for
// elements of lists, and the pairs of a form. raw is the value as it stands there.
func fields(body []byte, fn func(name, value, raw string)) {
	if rawjson.Valid(body) != nil {
		if isForm(body) {
			for part := range strings.SplitSeq(strings.TrimSpace(string(body)), "&") {
				name, value, _ := strings.Cut(part, "=")
				fn(unescape(name), unescape(value), value)
			}
		}
		return
	}
	var walk func(name string, v []byte)
	walk = func(name string, v []byte) {
		switch rawjson.Kind(v) {
		case '"':
			if s, ok := rawjson.String(v); ok {
				fn(name, s, string(v))
			}
		case '[':
			for e := range rawjson.Elements(v) {
				walk(name, e)
			}
		case '{':
			for k, e := range rawjson.Members(v) {
				name, _ := rawjson.String(k)
				walk(name, e)
			}
		}
	}
	walk("", body)
}

// cover returns what a case asks for with Any in place of credentials that the connector file itself holds:
// when the case is played they are what the file says. private: the request is of a login or token endpoint,
// where names tell, too.
func (r *Recorder) cover(q *request, private bool) *request {
	bare := func(name, value string) bool {
		return value != Any && (r.redact.Holds(value) || private && credential(name) && len(value) > 0 && !r.fakes.made(value))
	}
	changed := false
	form := func(raw string) string {
		parts := strings.Split(raw, "&")
		for i, part := range parts {
			if name, value, ok := strings.Cut(part, "="); ok && bare(unescape(name), unescape(value)) {
				parts[i], changed = name+"="+url.QueryEscape(Any), true
			}
		}
		return strings.Join(parts, "&")
	}
	out := &request{method: q.method, header: http.Header{}, body: q.body}
	u := *q.target
	u.RawQuery = form(u.RawQuery)
	out.target = &u
	for name, values := range q.header {
		out.header[name] = values
		if bare(name, strings.Join(values, "\n")) {
			out.header[name], changed = []string{Any}, true
		}
	}
	switch {
	case rawjson.Valid(q.body) == nil:
		fields(q.body, func(name, value, raw string) {
			if bare(name, value) {
				out.body, changed = []byte(strings.ReplaceAll(string(out.body), raw, quoted(Any))), true
			}
		})
	case isForm(q.body):
		out.body = []byte(form(string(q.body)))
	case r.redact.Holds(string(q.body)):
		out.body, changed = []byte(Any), true
	}
	if !changed {
		return q
	}
	out.text = out.format(out)
	return out
}

// covered is the case k, whose exchanges are those of list, with its requests covered; nil when none holds
// anything.
func (r *Recorder) covered(k *Case, list []*exchange) []byte {
	files := map[string][]byte{}
	for i, x := range k.exchanges {
		if x.request == nil || i >= len(list) {
			continue
		}
		if q := r.cover(x.request, list[i].private); q != x.request {
			files[x.name(suffixRequest)] = lined(q.text)
		}
	}
	if len(files) == 0 {
		return nil
	}
	return k.rewrite(files)
}
