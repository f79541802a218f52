package runtime

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// linkKeys are the parameters that the connector itself puts into the query of a stream's requests and
// whose values are secrets, by name. An API that gives links repeats them there; positions are kept
// without, and when a link is followed it carries what the values are then: a key may be another by now.
type linkKeys map[string][]string

// follows reports whether the stream's positions are URLs.
func (sr *streamRun) follows() bool {
	send := sr.spec.Pagination.Send
	return send != nil && send.One != nil && send.One.Kind == spec.TargetURL
}

// linkKeys gathers them of a draft that has not been pointed at a page; nil where positions are no URLs.
func (sr *streamRun) linkKeys(ctx context.Context, sc *scope, d *draft) (linkKeys, error) {
	if !sr.follows() {
		return nil, nil
	}
	var keys linkKeys
	add := func(name, value string) {
		if keys == nil {
			keys = linkKeys{}
		}
		keys[name] = append(keys[name], value)
	}
	for _, p := range d.query {
		value := p.value
		if p.raw {
			value = queryText(value)
		}
		if sr.redact.Holds(value) {
			add(p.name, value)
		}
	}
	a := sr.spec.HTTP.Auth
	if a == nil || a.Type != "api_key" || a.In != "query" {
		return keys, nil
	}
	var parts [3]string
	for i, t := range []*spec.Text{a.Name, a.Prefix, a.Value} {
		if t == nil {
			continue
		}
		s, _, err := sc.join(ctx, t, nil)
		if err != nil {
			return nil, err
		}
		parts[i] = strings.Trim(s, "\r\n")
	}
	delete(keys, parts[0])
	add(parts[0], parts[1]+parts[2])
	return keys, nil
}

// hide is a position, as it was received, without the values.
func (k linkKeys) hide(position json.RawMessage) json.RawMessage {
	return k.replace(position, func(name, value string, _ int) (string, bool) {
		return transport.Mask, slices.Contains(k[name], queryText(value))
	})
}

// show is a position with the values as they are now.
func (k linkKeys) show(position json.RawMessage) json.RawMessage {
	return k.replace(position, func(name, value string, n int) (string, bool) {
		if value != transport.Mask || len(k[name]) == 0 {
			return "", false
		}
		return escapeQuery(k[name][min(n, len(k[name])-1)], "%20"), true
	})
}

// replace rewrites the values that fn has another one for; n counts those of the same name.
func (k linkKeys) replace(position json.RawMessage, fn func(name, value string, n int) (string, bool)) json.RawMessage {
	if len(k) == 0 || len(position) == 0 || position[0] != '"' {
		return position
	}
	at, hash, hashed := strings.Cut(text(position), "#")
	base, query, ok := strings.Cut(at, "?")
	if !ok {
		return position
	}
	changed := false
	met := map[string]int{}
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		as, value, has := strings.Cut(pair, "=")
		name := queryText(as)
		if !has || k[name] == nil {
			continue
		}
		if v, ok := fn(name, value, met[name]); ok {
			pairs[i], changed = as+"="+v, true
		}
		met[name]++
	}
	if !changed {
		return position
	}
	at = base + "?" + strings.Join(pairs, "&")
	if hashed {
		at += "#" + hash
	}
	return quote(at)
}

// queryText is what a name or value of a query says.
func queryText(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		return plain
	}
	return s
}
