package runtime

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// draft is a request under construction.
type draft struct {
	method string
	base   string // scheme, host and path
	query  []param
	header http.Header
	body   *tree
	form   []param
	isForm bool
	text   *string
}

// param is one parameter of a query or form. Of a raw value only what no URL may hold is
// percent-encoded, others are wholly, once.
type param struct {
	name, value string
	raw         bool
	as          string // the name as it stood in a URL, "" otherwise
}

// newDraft fills a request template in. Connector-wide headers and parameters come first and yield
// to the request's own.
func newDraft(ctx context.Context, sc *scope, h *spec.HTTP, r *spec.Request) (*draft, error) {
	d := &draft{method: r.Method, header: http.Header{}}
	if d.method == "" {
		d.method = http.MethodGet
	}
	if err := d.address(ctx, sc, h, r); err != nil {
		return nil, err
	}
	for _, fields := range [][]spec.Field{h.Query, r.Query} {
		if err := each(ctx, sc, fields, func(name string, v json.RawMessage) { d.setQuery(name, v, false) }); err != nil {
			return nil, err
		}
	}
	for _, fields := range [][]spec.Field{h.Headers, r.Headers} {
		if err := each(ctx, sc, fields, func(name string, v json.RawMessage) { d.header.Set(name, commas(v)) }); err != nil {
			return nil, err
		}
	}
	return d, d.content(ctx, sc, r)
}

func each(ctx context.Context, sc *scope, fields []spec.Field, set func(string, json.RawMessage)) error {
	for _, f := range fields {
		t, err := sc.node(ctx, f.Value)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		if v := json.RawMessage(t.append(nil)); string(v) != "null" {
			set(f.Name, v)
		}
	}
	return nil
}

func (d *draft) address(ctx context.Context, sc *scope, h *spec.HTTP, r *spec.Request) error {
	var at string
	var err error
	if r.URL != nil {
		at, err = sc.str(ctx, r.URL, nil)
		if err == nil && !strings.Contains(at, "://") && h.BaseURL != nil {
			var base string
			if base, err = sc.str(ctx, h.BaseURL, nil); err == nil {
				at = absolute(base, at)
			}
		}
	} else {
		var base, path string
		if base, err = sc.str(ctx, h.BaseURL, nil); err != nil {
			return err
		}
		if r.Path != nil {
			if path, err = sc.str(ctx, r.Path, escapePath); err != nil {
				return err
			}
		}
		at = joinURL(base, path)
	}
	if err != nil {
		return err
	}
	d.setURL(at)
	return nil
}

// joinURL puts path below base; a query of the base stays in front of the path's own.
func joinURL(base, path string) string {
	base, baseQuery, _ := strings.Cut(base, "?")
	path, query, _ := strings.Cut(path, "?")
	switch {
	case path == "":
	case strings.HasSuffix(base, "/") && strings.HasPrefix(path, "/"):
		base += path[1:]
	case strings.HasSuffix(base, "/") || strings.HasPrefix(path, "/"):
		base += path
	default:
		base += "/" + path
	}
	if q := strings.Trim(baseQuery+"&"+query, "&"); q != "" {
		base += "?" + q
	}
	return base
}

// setURL replaces address and query.
func (d *draft) setURL(at string) {
	at, _, _ = strings.Cut(at, "#")
	base, query, _ := strings.Cut(at, "?")
	d.base, d.query = base, nil
	for pair := range strings.SplitSeq(query, "&") {
		if pair != "" {
			name, value, has := strings.Cut(pair, "=")
			plain, err := url.QueryUnescape(name)
			if err != nil {
				plain = name
			}
			if !has {
				value = "\x00" // a name without "="
			}
			d.query = append(d.query, param{name: plain, value: value, raw: true, as: name})
		}
	}
}

func (d *draft) content(ctx context.Context, sc *scope, r *spec.Request) error {
	switch {
	case r.Body != nil:
		t, err := sc.node(ctx, r.Body)
		if err != nil {
			return err
		}
		d.body = t
	case r.Form != nil:
		d.isForm = true
		return each(ctx, sc, r.Form, func(name string, v json.RawMessage) { d.form = setParam(d.form, name, v, false) })
	case r.BodyText != nil:
		s, err := sc.str(ctx, r.BodyText, nil)
		if err != nil {
			return err
		}
		d.text = &s
	}
	return nil
}

func (d *draft) setQuery(name string, v json.RawMessage, raw bool) {
	d.query = setParam(d.query, name, v, raw)
}

// setParam replaces every parameter of that name, in the place of the first; a list gives one
// parameter per element that is not null.
func setParam(params []param, name string, v json.RawMessage, raw bool) []param {
	var values []param
	if rawjson.Kind(v) == '[' {
		for e := range rawjson.Elements(v) {
			if rawjson.Kind(e) != 'n' {
				values = append(values, param{name: name, value: text(e), raw: raw})
			}
		}
	} else {
		values = []param{{name: name, value: text(v), raw: raw}}
	}
	at := slices.IndexFunc(params, func(p param) bool { return p.name == name })
	if at < 0 {
		return append(params, values...)
	}
	rest := slices.DeleteFunc(slices.Clone(params[at:]), func(p param) bool { return p.name == name })
	return append(append(params[:at:at], values...), rest...)
}

// put sets a value at a target.
func (d *draft) put(t *spec.Target, v json.RawMessage, raw bool) {
	switch t.Kind {
	case spec.TargetQuery:
		d.setQuery(t.Name, v, raw)
	case spec.TargetQueryAll:
		for k, e := range rawjson.Members(v) {
			name, _ := rawjson.String(k)
			if rawjson.Kind(e) != 'n' {
				d.setQuery(name, e, raw)
			}
		}
	case spec.TargetHeader:
		d.header.Set(t.Name, text(v))
	case spec.TargetURL:
		d.setURL(absolute(d.url(), text(v)))
	case spec.TargetBody:
		if d.isForm && len(t.Path) == 1 {
			d.form = setParam(d.form, t.Path[0].Field, v, raw)
			return
		}
		if d.body == nil {
			d.body = &tree{object: true}
		}
		d.body.set(t.Path, v)
	}
}

// send puts a position where pagination wants it: at one target, or its parts at several.
func (d *draft) send(ctx context.Context, sc *scope, s *spec.Send, v json.RawMessage, raw bool) error {
	if s == nil || v == nil {
		return nil
	}
	if s.One != nil {
		if s.One.Kind == spec.TargetQueryAll && rawjson.Kind(v) != '{' {
			return codeError(CodeNullInRequest, "%s: the token for %s is %s; want an object, whose fields become parameters", s.One.Pos, s.One.Source, shown(v))
		}
		d.put(s.One, v, raw)
		return nil
	}
	with := *sc
	with.token = v
	for _, part := range s.Many {
		t, err := with.node(ctx, part.Value)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		if w := json.RawMessage(t.append(nil)); string(w) != "null" {
			d.put(part.Target, w, raw)
		}
	}
	return nil
}

func shown(v []byte) string {
	if len(v) > 80 {
		return string(v[:80]) + "…"
	}
	return string(v)
}

// keepOnly drops the parameters that a follow-up request must not carry.
func (d *draft) keepOnly(names []string) {
	other := func(p param) bool { return !slices.Contains(names, p.name) }
	d.query = slices.DeleteFunc(slices.Clone(d.query), other)
	d.form = slices.DeleteFunc(slices.Clone(d.form), other)
}

func (d *draft) url() string {
	if q := encode(d.query, "%20"); q != "" {
		return d.base + "?" + q
	}
	return d.base
}

func encode(params []param, space string) string {
	var b strings.Builder
	for _, p := range params {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		if p.as != "" {
			b.WriteString(transport.SafeQuery(p.as))
		} else {
			b.WriteString(escapeQuery(p.name, space))
		}
		if p.raw && p.value == "\x00" {
			continue
		}
		b.WriteByte('=')
		if p.raw {
			b.WriteString(transport.SafeQuery(p.value))
		} else {
			b.WriteString(escapeQuery(p.value, space))
		}
	}
	return b.String()
}

// bytes returns the request's body and its content type, nil and "" without one.
func (d *draft) bytes() ([]byte, string) {
	switch {
	case d.body != nil:
		return d.body.append(nil), kindOfJSON
	case d.isForm:
		return []byte(encode(d.form, "+")), kindOfForm
	case d.text != nil:
		return []byte(*d.text), kindOfText
	}
	return nil, ""
}

// Content types of bodies whose request names none.
const (
	kindOfJSON = "application/json"
	kindOfForm = "application/x-www-form-urlencoded"
	kindOfText = "text/plain; charset=utf-8"
)

// escapeQuery percent-encodes everything but the unreserved characters of RFC 3986.
func escapeQuery(s, space string) string {
	e := url.QueryEscape(s) // keeps letters, digits, "-", "_", ".", "~"
	if space != "+" {
		e = strings.ReplaceAll(e, "+", space)
	}
	return e
}

// escapePath encodes what cannot stand in a path; slashes and what is encoded already stay.
func escapePath(s string) string {
	const keep = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if strings.IndexByte(keep, c) >= 0 || c == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(c)
			continue
		}
		const hex = "0123456789ABCDEF"
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// page points the draft at a page: page size, parameters that stay, position.
func (d *draft) page(ctx context.Context, sc *scope, p *spec.Pagination, q engine.Request) error {
	if q.Limit > 0 {
		if err := d.send(ctx, sc, p.LimitSend, number(q.Limit), false); err != nil {
			return err
		}
	}
	if q.Value == nil {
		return nil
	}
	if q.Rung > 0 {
		return d.send(ctx, sc, p.Fallback[q.Rung-1].Send, q.Value, false)
	}
	if q.Follow && p.Only != nil {
		d.keepOnly(p.Only)
	}
	return d.send(ctx, sc, p.Send, q.Value, p.Token.Raw)
}
