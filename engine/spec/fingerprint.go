package spec

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// fingerprint hashes what a stored token depends on: the request, the records' path, the session
// and the pagination as they are written, the path of base_url, the parameters and headers of
// http, and the hook file. Comments, the order of keys and the host are left out. asks are the variables
// of `config` that these parts name, sorted; it may hold other words of the hook, too.
func (r reader) fingerprint(http, stream *mapping, hook *Hook) (hash string, asks []string) {
	var b strings.Builder
	part := func(name string, m *mapping, key string) {
		if m.any(key) {
			b.WriteString(name + "=")
			value := follow(m.at(key))
			if key == "base_url" && value.Kind == yaml.ScalarNode {
				b.WriteString(strconv.Quote(urlOrigin.ReplaceAllString(value.Value, "")))
			} else {
				canonical(&b, value)
			}
			b.WriteByte('\n')
		}
	}
	for _, key := range []string{"request", "session", "pagination"} {
		part(key, stream, key)
	}
	part("records.path", stream.sub("records"), "path")
	for _, key := range []string{"base_url", "query", "headers"} {
		part("http."+key, http, key)
		part("stream.http."+key, stream.sub("http"), key)
	}
	if hook != nil {
		b.WriteString("hook=" + strconv.Quote(hook.Text))
	}
	sum := sha256.Sum256([]byte(b.String()))
	asks = settingsIn(b.String())
	if hook != nil && strings.Contains(hook.Text, "config") { // however it takes them out of there
		asks = append(asks, word.FindAllString(hook.Text, -1)...)
		slices.Sort(asks)
	}
	return hex.EncodeToString(sum[:16]), slices.Compact(asks)
}

var word = regexp.MustCompile(`[A-Za-z_]\w*`)

var setting = regexp.MustCompile(`\bconfig\s*(?:\?\.|\.)?\s*(?:\[\s*\\*['"])?([A-Za-z_][\w-]*)`)

// settingsIn are the variables of `config` that a text mentions, sorted.
func settingsIn(text string) []string {
	var names []string
	for _, m := range setting.FindAllStringSubmatch(text, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

var urlOrigin = regexp.MustCompile(`^[A-Za-z]+://[^/?#]*`)

// canonical writes a value so that equal values have equal texts.
func canonical(b *strings.Builder, n *yaml.Node) {
	n = follow(n)
	switch n.Kind {
	case yaml.SequenceNode:
		b.WriteByte('[')
		for _, c := range n.Content {
			canonical(b, c)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case yaml.MappingNode:
		list := entries(n, func(*yaml.Node, string, string) {})
		slices.SortFunc(list, func(x, y entry) int { return cmp.Compare(x.name, y.name) })
		b.WriteByte('{')
		for _, e := range list {
			b.WriteString(strconv.Quote(e.name) + ":")
			canonical(b, e.value)
			b.WriteByte(',')
		}
		b.WriteByte('}')
	default:
		switch n.Tag {
		case "!!null":
			b.WriteString("null")
		case "!!bool":
			b.WriteString(strings.ToLower(n.Value))
		case "!!int", "!!float":
			b.WriteString(n.Value)
		default:
			b.WriteString(strconv.Quote(n.Value))
		}
	}
}
