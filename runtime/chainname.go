package runtime

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/transport"
)

// noteSecret remembers which members of a chain's name hold secrets: who looks at the ledger later need
// not know the configuration.
func (sr *streamRun) noteSecret(key string) {
	if !sr.redact.Holds(key) {
		return
	}
	for k, v := range rawjson.Members([]byte(key)) {
		name, _ := rawjson.String(k)
		if !sr.redact.Holds(string(v)) {
			continue
		}
		sr.mu.Lock()
		if !slices.Contains(sr.secret, name) {
			sr.secret = append(sr.secret, name)
		}
		sr.mu.Unlock()
	}
}

// ShownChain is the name of a chain of the round as people may see it: with `***` for the values that are
// secrets.
func ShownChain(r engine.Round, key string) string {
	secret := roundDataOf(r).Secret
	if len(secret) == 0 || key == "" {
		return key
	}
	t := &tree{object: true}
	for k, v := range rawjson.Members([]byte(key)) {
		name, _ := rawjson.String(k)
		if slices.Contains(secret, name) {
			v = quote(transport.Mask)
		}
		t.names, t.items = append(t.names, name), append(t.items, leaf(v))
	}
	return string(t.append(nil))
}

// partitionNames are the members of a chain's key, those that come from the parents' chains first.
func (b *bound) partitionNames(st *spec.Stream) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if parent, _ := parentOf(st); parent != "" {
		for _, n := range b.partitionNames(b.connector.Stream(parent)) {
			if n != windowName {
				add(n)
			}
		}
	}
	for _, p := range st.Partitions {
		for _, v := range p.Values {
			add(v.Name)
		}
		for _, t := range p.Take {
			add(t.Name)
		}
		switch {
		case p.Window != nil:
			add(windowName)
		case p.Session != nil:
			add(p.As)
		}
	}
	return names
}

// partitionShape shows what --partition looks like.
func (sr *streamRun) partitionShape() string {
	var parts []string
	for _, n := range sr.partitionNames(sr.spec) {
		v := "…"
		if n == windowName {
			v = `{"from":"…","to":"…"}`
		}
		parts = append(parts, string(quote(n))+":"+v)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// partitionKey is the name of the chain that a caller's object means.
func (sr *streamRun) partitionKey(partition json.RawMessage) (string, error) {
	want := sr.partitionNames(sr.spec)
	if len(want) == 0 {
		return "", &ArgumentError{"partition", "stream " + sr.spec.Name + " has no partitions"}
	}
	var got []string
	if rawjson.Kind(partition) == '{' {
		for k := range rawjson.Members(partition) {
			name, _ := rawjson.String(k)
			got = append(got, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return "", &ArgumentError{"partition", fmt.Sprintf("%s does not name a chain of stream %s; want %s", shown(partition), sr.spec.Name, sr.partitionShape())}
	}
	values, window, _, err := parseKey(string(partition))
	if err != nil {
		return "", &ArgumentError{"partition", `the window wants {"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`}
	}
	t := leaf(values)
	t.open()
	return combo{t, window}.key(), nil
}
