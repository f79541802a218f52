package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// scope holds what the names of an expression stand for (format, section 2). A nil value is null.
type scope struct {
	job       *bound
	config    *Config
	watermark json.RawMessage
	partition json.RawMessage // object
	window    *windowValues
	page      *engine.Request
	session   *sessionValues
	ids       json.RawMessage
	memo      json.RawMessage
	run       string
	record    json.RawMessage
	answer    *answerValues // in response expressions
	token     json.RawMessage
	received  int64
	pinned    time.Time // what `now` is; zero: the time
}

func (s *scope) now() json.RawMessage {
	t := s.pinned
	if t.IsZero() {
		t = s.job.now()
	}
	return quote(t.UTC().Format(time.RFC3339))
}

// windowValues is `window`: its ends, in the window's format.
type windowValues struct{ From, To json.RawMessage }

// sessionValues is `session`.
type sessionValues struct {
	ID   json.RawMessage
	Body json.RawMessage
}

// plain resolves a dotted name without JavaScript, and as JavaScript would: a part of something that
// is null or undefined is an error, never a value; what is not there is null.
func (s *scope) plain(e *spec.Expr) (json.RawMessage, error) {
	v, rest := s.root(e.Names[0], e.Names[1:])
	for i, n := range rest {
		if len(v) == 0 || string(v) == "null" {
			whole := strings.Join(e.Names[:len(e.Names)-len(rest)+i], ".")
			return nil, codeError(CodeScript, "%s: `%s` is null, it has no `%s` in ${%s}; write `%s?.%s` if it may be", e.Pos, whole, n, e.Source, whole, n)
		}
		f, ok := rawjson.Field(v, n)
		if rawjson.Kind(v) != '{' || !ok {
			f = nil
		}
		v = f
	}
	if string(v) == "null" {
		return nil, nil
	}
	return v, nil
}

// root gives what the first name, and where that is no document the second, stand for.
func (s *scope) root(name string, rest []string) (json.RawMessage, []string) {
	switch name {
	case "watermark":
		return s.watermark, rest
	case "partition":
		return s.partition, rest
	case "ids":
		return s.ids, rest
	case "memo":
		return s.memo, rest
	case "record":
		return s.record, rest
	case "token":
		return s.token, rest
	case "now":
		return s.now(), rest
	}
	if len(rest) == 0 {
		return s.whole(name), nil
	}
	switch name {
	case "config":
		return s.config.values[rest[0]], rest[1:]
	case "run":
		if rest[0] == "id" {
			return quote(s.run), rest[1:]
		}
	case "window":
		return s.windowField(rest[0]), rest[1:]
	case "page":
		return s.pageField(rest[0]), rest[1:]
	case "session":
		return s.sessionField(rest[0]), rest[1:]
	}
	if s.answer != nil {
		return s.answer.field(name, rest)
	}
	return nil, nil
}

func (s *scope) windowField(f string) json.RawMessage {
	switch {
	case s.window == nil:
		return nil
	case f == "from":
		return s.window.From
	case f == "to":
		return s.window.To
	}
	return nil
}

func (s *scope) sessionField(f string) json.RawMessage {
	switch {
	case s.session == nil:
		return nil
	case f == "id":
		return s.session.ID
	case f == "body":
		return s.session.Body
	}
	return nil
}

func (s *scope) pageField(f string) json.RawMessage {
	if s.page == nil {
		return nil
	}
	switch f {
	case "index":
		return number(s.page.Index)
	case "offset":
		return number(s.page.Offset)
	case "number":
		return number(s.page.Number)
	case "limit":
		if s.page.Limit == 0 {
			return nil
		}
		return number(s.page.Limit)
	case "token":
		return s.pageToken()
	}
	return nil
}

func (s *scope) pageToken() json.RawMessage {
	if s.token != nil {
		return s.token
	}
	if s.page != nil {
		return s.page.Value
	}
	return nil
}

// whole is one of the small objects as JSON.
func (s *scope) whole(name string) json.RawMessage {
	if name == "config" {
		return s.config.object
	}
	if s.answer != nil {
		if v := s.answer.whole(name); v != nil {
			return v
		}
	}
	t := &tree{object: true}
	add := func(field string, v json.RawMessage) {
		t.names, t.items = append(t.names, field), append(t.items, leaf(v))
	}
	switch name {
	case "run":
		add("id", quote(s.run))
	case "window":
		if s.window == nil {
			return nil
		}
		add("from", s.window.From)
		add("to", s.window.To)
	case "session":
		if s.session == nil {
			return nil
		}
		add("id", s.session.ID)
		add("body", s.session.Body)
	case "page":
		for _, f := range []string{"index", "token", "offset", "number", "limit"} {
			add(f, s.pageField(f))
		}
	}
	return t.append(nil)
}

// eval gives the value of an expression; nil is null or undefined.
func (s *scope) eval(ctx context.Context, e *spec.Expr) (json.RawMessage, error) {
	if e.Names != nil {
		return s.plain(e)
	}
	if e.ID < 0 {
		return nil, fmt.Errorf("%s: ${%s} is not compiled", e.Pos, e.Source)
	}
	r, err := s.job.program.Eval(ctx, e.ID, s.env())
	if err != nil {
		return nil, scriptError(err)
	}
	if r.Undefined || string(r.JSON) == "null" {
		return nil, nil
	}
	return r.JSON, nil
}

// evalText gives a text's value: of one expression alone the value itself, else a string. A null in
// it makes the text null.
func (s *scope) evalText(ctx context.Context, t *spec.Text) (json.RawMessage, error) {
	if t == nil {
		return nil, nil
	}
	if len(t.Parts) == 1 && t.Parts[0].Expr != nil {
		return s.eval(ctx, t.Parts[0].Expr)
	}
	out, ok, err := s.join(ctx, t, nil)
	if err != nil || !ok {
		return nil, err
	}
	return rawjson.AppendString(nil, out), nil
}

// join puts a text together; ok is false when an expression in it is null. Each value goes through
// escape, when that is not nil.
func (s *scope) join(ctx context.Context, t *spec.Text, escape func(string) string) (out string, ok bool, err error) {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Expr == nil {
			b.WriteString(p.Lit)
			continue
		}
		v, err := s.eval(ctx, p.Expr)
		if err != nil {
			return "", false, err
		}
		if v == nil {
			return "", false, nil
		}
		piece := commas(v)
		if escape != nil {
			piece = escape(piece)
		}
		b.WriteString(piece)
	}
	return b.String(), true, nil
}

// commas is a value as it stands in a text: as JavaScript writes it, a list's elements joined by commas.
func commas(ids json.RawMessage) string {
	if rawjson.Kind(ids) != '[' {
		return text(ids)
	}
	var list []string
	for id := range rawjson.Elements(ids) {
		list = append(list, text(id))
	}
	return strings.Join(list, ",")
}

// str is join for places where null is an error.
func (s *scope) str(ctx context.Context, t *spec.Text, escape func(string) string) (string, error) {
	out, ok, err := s.join(ctx, t, escape)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", codeError(CodeNullInRequest, "%s: an expression in %q is null", t.Pos, source(t))
	}
	return out, nil
}

// source is a text as written.
func source(t *spec.Text) string {
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Expr != nil {
			b.WriteString("${" + p.Expr.Source + "}")
		} else {
			b.WriteString(p.Lit)
		}
	}
	return b.String()
}

// node gives a template's value; nil is null. Entries of an object whose expression is null are left
// out; a null that is written out stays.
func (s *scope) node(ctx context.Context, n *spec.Node) (*tree, error) {
	switch n.Kind {
	case spec.KindNull:
		return leaf(json.RawMessage("null")), nil
	case spec.KindBool, spec.KindNumber:
		return leaf(json.RawMessage(n.Raw)), nil
	case spec.KindString:
		v, err := s.evalText(ctx, n.Text)
		if err != nil || v == nil {
			return nil, err
		}
		return leaf(v), nil
	case spec.KindList:
		t := &tree{list: true}
		for _, item := range n.List {
			c, err := s.node(ctx, item)
			if err != nil {
				return nil, err
			}
			if c == nil {
				c = leaf(json.RawMessage("null"))
			}
			t.items = append(t.items, c)
		}
		return t, nil
	}
	t := &tree{object: true}
	for _, f := range n.Fields {
		c, err := s.node(ctx, f.Value)
		if err != nil {
			return nil, err
		}
		if c != nil {
			t.names, t.items = append(t.names, f.Name), append(t.items, c)
		}
	}
	return t, nil
}
