package demo

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// place is what a token stands for: behind the record with that key and id. salt makes tokens of
// the same place differ.
type place struct{ key, id, salt int64 }

// issued is what a world knows of a token that it gave out.
type issued struct {
	at   time.Time
	used bool
	dead bool
}

// placeAt is the place in front of view[i].
func placeAt(o order, view []*record, i int) place {
	if i > 0 && len(view) > 0 {
		r := view[min(i, len(view))-1]
		return place{key: o.key(r), id: r.id}
	}
	if o.desc {
		return place{key: math.MaxInt64, id: math.MaxInt64}
	}
	return place{}
}

// Token kinds, chosen by the parameter token.
const (
	tokenString = "string"
	tokenNumber = "number"
	tokenObject = "object"
	tokenArray  = "array"
)

// mark begins every string token: its base64 starts with "+//+", which breaks when it is sent
// without percent-encoding.
const mark = "\xfb\xff\xfe"

func (p place) encode(kind string) (json.RawMessage, error) {
	switch kind {
	case "", tokenString:
		t := base64.StdEncoding.EncodeToString(fmt.Appendf([]byte(mark), "%d/%d/%d", p.key, p.id, p.salt))
		return appendString(nil, t), nil
	case tokenNumber:
		n := int64(bigID)
		if p.id > 0 && p.id < math.MaxInt64 {
			n += int64(ordOf(p.id)+1)*1000 + p.salt%1000
		} else {
			n += p.salt % 1000
		}
		return strconv.AppendInt(nil, n, 10), nil
	case tokenObject:
		o := object{{"after_key", p.key}, {"after_id", p.id}, {"hint", hint}}
		if p.salt != 0 {
			o = append(o, field{"salt", p.salt})
		}
		return appendJSON(nil, o), nil
	case tokenArray:
		list := []any{p.key, p.id}
		if p.salt != 0 {
			list = append(list, p.salt)
		}
		return appendJSON(nil, list), nil
	}
	return nil, fmt.Errorf("token: %q is none of string, number, object, array", kind)
}

// ordOf turns idOf round.
func ordOf(id int64) int {
	if id >= bigID {
		return int(id-bigID) + bigFrom
	}
	return int(id-smallID) / 3
}

var errToken = errors.New("the token is not one of ours")

// decode reads a token that came as text or JSON.
func (c *call) decode(raw string, o order) (place, error) {
	switch {
	case strings.HasPrefix(raw, "{"):
		var v struct {
			Key  json.Number `json:"after_key"`
			ID   json.Number `json:"after_id"`
			Salt json.Number `json:"salt"`
			Hint string      `json:"hint"`
		}
		if json.Unmarshal([]byte(raw), &v) != nil {
			return place{}, errToken
		}
		return placeOf(v.Key.String(), v.ID.String(), v.Salt.String(), v.Hint)
	case strings.HasPrefix(raw, "["):
		var v []json.Number
		if json.Unmarshal([]byte(raw), &v) != nil || len(v) < 2 {
			return place{}, errToken
		}
		v = append(v, "")
		return placeOf(v[0].String(), v[1].String(), v[2].String(), hint)
	}
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return c.behind(n-bigID, o)
	}
	b, err := base64.StdEncoding.DecodeString(raw)
	if err != nil || !strings.HasPrefix(string(b), mark) {
		return place{}, errToken
	}
	parts := strings.Split(string(b[len(mark):]), "/")
	if len(parts) != 3 {
		return place{}, errToken
	}
	return placeOf(parts[0], parts[1], parts[2], hint)
}

const hint = "a b/c+d&e=ü"

func placeOf(key, id, salt, said string) (place, error) {
	if said != hint {
		return place{}, fmt.Errorf("%w: hint came as %q", errToken, said)
	}
	var p place
	var err error
	if p.key, err = strconv.ParseInt(key, 10, 64); err != nil {
		return p, errToken
	}
	if p.id, err = strconv.ParseInt(id, 10, 64); err != nil {
		return p, errToken
	}
	if salt != "" {
		if p.salt, err = strconv.ParseInt(salt, 10, 64); err != nil {
			return p, errToken
		}
	}
	return p, nil
}

// behind finds the place of a number token, less bigID.
func (c *call) behind(n int64, o order) (place, error) {
	if n >= 0 && n < 1000 {
		return placeAt(o, nil, 0), nil
	}
	if n < 0 {
		return place{}, errToken
	}
	id := idOf(int(n/1000) - 1)
	c.set.mu.Lock()
	defer c.set.mu.Unlock()
	byID := func(r *record, id int64) int { return cmp.Compare(r.id, id) }
	if i, ok := slices.BinarySearchFunc(c.set.recs, id, byID); ok {
		return place{key: o.key(c.set.recs[i]), id: id, salt: n % 1000}, nil
	}
	if i := slices.IndexFunc(c.set.gone, func(r *record) bool { return r.id == id }); i >= 0 {
		return place{key: o.key(c.set.gone[i]), id: id, salt: n % 1000}, nil
	}
	return place{}, errToken
}

// take reads the token that asks for a page, from a parameter or, for object tokens in the query,
// from its fields. An absent token is the beginning. It answers itself and returns false when
// the token is refused.
func (c *call) take(name string, o order) (place, bool) {
	raw := c.param(name)
	if b, ok := c.body[name]; ok && string(b) != "null" {
		raw = text(b)
	}
	if id := c.params.Get("after_id"); raw == "" && id != "" {
		salt := c.params.Get("salt")
		p, err := placeOf(c.params.Get("after_key"), id, salt, c.params.Get("hint"))
		if err != nil {
			c.problem(http.StatusBadRequest, err.Error())
			return p, false
		}
		b, _ := p.encode(tokenObject)
		return p, c.accept(string(b), p, o)
	}
	if raw == "" {
		if c.has(name) && c.param("strict") != "" {
			c.problem(http.StatusBadRequest, name+": empty")
			return place{}, false
		}
		return placeAt(o, nil, 0), true
	}
	p, err := c.decode(raw, o)
	if err != nil {
		c.world.log.add(&c.world.log.s.Refused, 1)
		c.problem(http.StatusBadRequest, fmt.Sprintf("%s: %v", name, err))
		return p, false
	}
	kind := map[byte]string{'{': tokenObject, '[': tokenArray}[raw[0]]
	if kind != "" { // spaces and the order of fields do not matter
		b, _ := p.encode(kind)
		raw = string(b)
	}
	return p, c.accept(raw, p, o)
}

// accept notes the use of a token, or refuses it: dead, too old, or used before.
func (c *call) accept(raw string, p place, o order) bool {
	ttl, err := c.duration("ttl")
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return false
	}
	c.sent = raw
	c.renewed = func() (any, bool) { return c.issue(p, o), c.param("renew") != "" }
	w := c.world
	w.mu.Lock()
	t := w.tokens[raw]
	refuse := t != nil && t.dead || t == nil && ttl > 0
	if t != nil {
		refuse = refuse || ttl > 0 && w.api.now().Sub(t.at) > ttl || c.param("one_use") != "" && t.used
		t.used = true
	}
	w.mu.Unlock()
	if refuse {
		c.refuse("")
	}
	return !refuse
}

// kill refuses a token for ever.
func (w *World) kill(raw string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.tokens[raw]
	if t == nil {
		makeRoom(w.tokens, maxKept)
		t = &issued{}
		w.tokens[raw] = t
	}
	t.dead = true
}

// refuse answers that the token is no good any more: status 410 unless the value or the parameter
// refuse says 400, 404 or 200. With renew=1 the body carries a fresh token for the same place.
func (c *call) refuse(value string) {
	if value == "" {
		value = c.param("refuse")
	}
	c.world.log.add(&c.world.log.s.Refused, 1)
	status := atoi(value, http.StatusGone)
	const message = "Search context expired, 'after' key no longer valid"
	if status == http.StatusOK {
		c.send(status, "application/json", appendJSON(nil, hollow(http.StatusNotFound, "expired", message)))
		return
	}
	body := failure(status, message)
	if c.renewed != nil {
		if t, ok := c.renewed(); ok {
			body = append(body, field{"next_cursor", t}, field{"metadata", object{{"continue", t}}})
		}
	}
	c.send(status, "application/json", appendJSON(nil, body))
}

// issue gives out a token for p of the kind that the parameter token names.
func (c *call) issue(p place, o order) json.RawMessage {
	kind := c.param("token")
	if c.param("one_use") != "" || c.param("ttl") != "" {
		p.salt = c.world.serial()
	}
	for {
		raw, err := p.encode(kind)
		if err != nil {
			raw, _ = p.encode("")
		}
		w := c.world
		w.mu.Lock()
		key := text(raw)
		t := w.tokens[key]
		if t != nil && t.dead {
			w.mu.Unlock()
			p.salt = w.serial()
			continue
		}
		if t == nil {
			makeRoom(w.tokens, maxKept)
		}
		w.tokens[key] = &issued{at: w.api.now(), used: t != nil && t.used}
		w.mu.Unlock()
		return raw
	}
}

// next is the token behind p as an answer carries it: a json.RawMessage, nil, a string or absent{}.
// end says what stands there when nothing is to come: "", null, empty, zero, or always (a token).
func (c *call) next(p *page, end string) any {
	if v := c.param("end"); v != "" {
		end = v
	}
	if v, ok := c.strikes("lost"); ok && !p.last() {
		return nothing(v)
	}
	target := p.end
	at := placeAt(p.order, p.view, target)
	if v, ok := c.strikes("cycle"); ok {
		back := atoi(v, 1)
		if back == 1 && c.sent != "" {
			return c.again()
		}
		return c.encoded(placeAt(p.order, p.view, max(p.start-(back-1)*p.limit, 0)))
	}
	if v, ok := c.strikes("wrong"); ok {
		switch v {
		case "bool":
			return true
		case "object":
			return object{{"next", "?"}}
		case "list":
			return []any{1, "x", nil}
		}
		return 42
	}
	if p.last() && !p.empty && end != "always" {
		return nothing(end)
	}
	if p.empty {
		at.salt = c.world.serial()
	}
	return c.issue(at, p.order)
}

// again is the token that was sent, as it was given.
func (c *call) again() json.RawMessage {
	switch {
	case strings.HasPrefix(c.sent, "{"), strings.HasPrefix(c.sent, "["), c.param("token") == tokenNumber:
		return json.RawMessage(c.sent)
	}
	return appendString(nil, c.sent)
}

// encoded is a token without the salt of ttl and one_use, so that a circle meets itself.
func (c *call) encoded(p place) json.RawMessage {
	raw, err := p.encode(c.param("token"))
	if err != nil {
		raw, _ = p.encode("")
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	makeRoom(c.world.tokens, maxKept)
	c.world.tokens[text(raw)] = &issued{at: c.api.now()}
	return raw
}

// nothing is the way an answer says that there is no token.
func nothing(how string) any {
	switch how {
	case "null":
		return nil
	case "empty":
		return ""
	case "zero":
		return "0"
	}
	return absent{}
}
