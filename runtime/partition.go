package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// windowName is the member of a chain's key that holds its window.
const windowName = "window"

// combo is the values of one chain under construction: an object, and perhaps a window.
type combo struct {
	values *tree
	window *span
}

// key is the chain's name: its values and window as canonical JSON; "" when it has neither.
func (k combo) key() string {
	t := &tree{object: true, names: append([]string(nil), k.values.names...), items: append([]*tree(nil), k.values.items...)}
	if k.window != nil {
		t.names = append(t.names, windowName)
		t.items = append(t.items, leaf(fmt.Appendf(nil, `{"from":"%s","to":"%s"}`,
			k.window.From.UTC().Format(time.RFC3339Nano), k.window.To.UTC().Format(time.RFC3339Nano))))
	}
	if len(t.names) == 0 {
		return ""
	}
	return string(rawjson.Sorted(nil, t.append(nil)))
}

// with returns the combo with one more value.
func (k combo) with(name string, v json.RawMessage) combo {
	t := &tree{object: true, names: append([]string(nil), k.values.names...), items: append([]*tree(nil), k.values.items...)}
	t.set(engine.Path{{Field: name}}, v)
	return combo{t, k.window}
}

// parseKey splits a chain's key into the values, the window, and the base under which its bookmark is
// kept.
func parseKey(key string) (values json.RawMessage, window *span, base string, err error) {
	if key == "" {
		return json.RawMessage("{}"), nil, "", nil
	}
	t := &tree{object: true}
	for k, v := range rawjson.Members([]byte(key)) {
		name, _ := rawjson.String(k)
		if name != windowName {
			t.names, t.items = append(t.names, name), append(t.items, leaf(clone(v)))
			continue
		}
		var w struct{ From, To time.Time }
		if err := json.Unmarshal(v, &w); err != nil {
			return nil, nil, "", fmt.Errorf("chain %s: %w", key, err)
		}
		window = &span{w.From, w.To}
	}
	values = t.append(nil)
	if len(t.names) > 0 {
		base = string(rawjson.Sorted(nil, values))
	}
	return values, window, base, nil
}

// atRound is the configuration with its relative times counted from the round's begin, as the list of the
// chains is.
func (sr *streamRun) atRound() *Config {
	now := sr.round.Now
	if now.IsZero() || now.Equal(sr.started) {
		return sr.config
	}
	sr.mu.Lock()
	defer sr.mu.Unlock()
	if sr.listing == nil || !sr.listedAt.Equal(now) {
		sr.listing, sr.listedAt = sr.config.at(sr.connector.Config, now), now
	}
	return sr.listing
}

// firstWatermark is `start`, nil without.
func (sr *streamRun) firstWatermark(ctx context.Context) (json.RawMessage, error) {
	in := sr.spec.Incremental
	if in == nil || in.Start == nil {
		return nil, nil
	}
	sc := &scope{job: sr.bound, config: sr.atRound(), run: sr.id}
	t, err := sc.node(ctx, in.Start)
	if err != nil || t == nil {
		return nil, err
	}
	v := json.RawMessage(t.append(nil))
	if string(v) == "null" {
		return nil, nil
	}
	if in.Type == "time" && rawjson.Kind(v) == '"' {
		if at, err := spec.ParseTime(text(v), sr.round.Now); err == nil {
			if relative(text(v)) {
				at = at.Truncate(time.Second)
			}
			return formatStamp(at, in.Format), nil
		}
	}
	return v, nil
}

// relative reports whether a time counts from now, so that its fractions of a second mean nothing.
func relative(s string) bool {
	return s == "now" || len(s) > 0 && (s[0] == '-' || s[0] == '+')
}
