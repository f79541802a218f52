package replay

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Any stands in a request for a value that is not compared: a whole query or form value, header or
// JSON string, or the whole body.
const Any = "<any>"

// matches says whether s, which was sent, is what r asks for: method and path, the query as a set of
// pairs, the headers that r names, the body as JSON value, form or text.
func (r *request) matches(s *request) bool {
	if r.method != s.method || r.target.Host != "" && !strings.EqualFold(r.target.Host, s.target.Host) || r.target.Scheme != "" && r.target.Scheme != s.target.Scheme {
		return false
	}
	if !samePath(r.target, s.target) || !samePairs(r.target.RawQuery, s.target.RawQuery) {
		return false
	}
	for name, values := range r.header {
		got := s.header.Values(name)
		if name == "Host" && len(got) == 0 {
			got = []string{s.target.Host}
		}
		if slices.Equal(values, []string{Any}) && len(got) > 0 {
			continue
		}
		if !slices.Equal(values, got) {
			return false
		}
	}
	return sameBody(r.body, s.body)
}

// samePath compares escaped paths segment by segment, so that `%2F` is no slash.
func samePath(a, b *url.URL) bool {
	want, got := strings.Split(a.EscapedPath(), "/"), strings.Split(b.EscapedPath(), "/")
	if len(want) == 1 && want[0] == "" { // https://host and https://host/ are the same
		want = []string{"", ""}
	}
	if len(got) == 1 && got[0] == "" {
		got = []string{"", ""}
	}
	return slices.EqualFunc(want, got, func(a, b string) bool {
		x, err1 := url.PathUnescape(a)
		y, err2 := url.PathUnescape(b)
		return err1 == nil && err2 == nil && (x == y || x == Any)
	})
}

type pair struct{ name, value string }

// pairs reads a query or form; values stay in the order of their names' own.
func pairs(raw string) []pair {
	var out []pair
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		out = append(out, pair{unescape(name), unescape(value)})
	}
	slices.SortStableFunc(out, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return out
}

func unescape(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

func samePairs(want, got string) bool {
	return slices.EqualFunc(pairs(want), pairs(got), func(w, g pair) bool {
		return w.name == g.name && (w.value == g.value || w.value == Any)
	})
}

func sameBody(want, got []byte) bool {
	want, got = bytes.TrimSpace(want), bytes.TrimSpace(got)
	switch {
	case bytes.Equal(want, got), string(want) == Any:
		return true
	case len(want) == 0 || len(got) == 0:
		return false
	case json.Valid(want) && json.Valid(got):
		return sameJSON(want, got)
	}
	return isForm(want) && isForm(got) && samePairs(string(want), string(got))
}

// isForm says whether a body can only be pairs: one line with = in it.
func isForm(b []byte) bool {
	b = bytes.ReplaceAll(b, []byte(Any), nil)
	return bytes.IndexByte(b, '=') > 0 && !bytes.ContainsAny(b, " \n\r\t{<\"")
}

// sameJSON compares JSON values; the string Any in want fits every value.
func sameJSON(want, got []byte) bool {
	if rawjson.Equal(want, got) {
		return true
	}
	if !bytes.Contains(want, []byte(Any)) {
		return false
	}
	if s, ok := rawjson.String(want); ok && s == Any {
		return true
	}
	kind := rawjson.Kind(want)
	if kind != rawjson.Kind(got) {
		return false
	}
	switch kind {
	case '[':
		return slices.EqualFunc(slices.Collect(rawjson.Elements(want)), slices.Collect(rawjson.Elements(got)), func(a, b []byte) bool { return sameJSON(a, b) })
	case '{':
		n := 0
		for k, v := range rawjson.Members(want) {
			name, _ := rawjson.String(k)
			other, ok := rawjson.Field(got, name)
			if !ok || !sameJSON(v, other) {
				return false
			}
			n++
		}
		for range rawjson.Members(got) {
			n--
		}
		return n == 0
	}
	return false
}

// generalise returns r with Any in place of what is otherwise in s, which was sent when r was meant:
// values that are new each time, such as a signed assertion.
func (r *request) generalise(s *request) *request {
	g := &request{method: r.method, header: r.header.Clone(), body: r.body}
	u := *r.target
	u.RawQuery = generalisePairs(r.target.RawQuery, s.target.RawQuery)
	g.target = &u
	for name, values := range r.header {
		if !slices.Equal(values, s.header.Values(name)) {
			g.header[name] = []string{Any}
		}
	}
	switch {
	case sameBody(r.body, s.body):
	case isForm(r.body) && isForm(s.body):
		g.body = []byte(generalisePairs(string(r.body), string(s.body)))
	default:
		g.body = []byte(Any)
	}
	g.text = g.format(g)
	return g
}

// generalisePairs puts Any where the value of a name is another; the order stays.
func generalisePairs(want, got string) string {
	values := map[string][]string{}
	for _, p := range pairs(got) {
		values[p.name] = append(values[p.name], p.value)
	}
	parts := strings.Split(want, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		list := values[unescape(name)]
		if len(list) == 0 {
			continue
		}
		values[unescape(name)] = list[1:]
		if unescape(value) != list[0] {
			parts[i] = name + "=" + url.QueryEscape(Any)
		}
	}
	return strings.Join(parts, "&")
}
