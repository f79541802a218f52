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

// Piece is a part of a stream's description, as it is written: comments, the order of keys and the host
// are left out.
type Piece struct {
	Name     string   // its key: request, stream.http.query
	Hash     string   // of its text
	Settings []string // variables of `config` that its expressions name, sorted
	Any      bool     // its expressions may read any of them
	Place    bool     // a stored position depends on its text: a part of the fingerprint
}

// pieces are the parts of a stream that its requests and its paging depend on.
func (r reader) pieces(http, stream *mapping) (list []Piece) {
	add := func(name string, m *mapping, key string, place bool) {
		if !m.any(key) {
			return
		}
		value := follow(m.at(key))
		var b strings.Builder
		if (key == "base_url" || key == "url") && value.Kind == yaml.ScalarNode {
			b.WriteString(strconv.Quote(urlOrigin.ReplaceAllString(value.Value, "")))
		} else {
			canonical(&b, value)
		}
		p := Piece{Name: name, Hash: hashOf(b.String()), Place: place}
		settingsIn(value, &p)
		slices.Sort(p.Settings)
		p.Settings = slices.Compact(p.Settings)
		list = append(list, p)
	}
	for _, key := range []string{"request", "session", "pagination"} {
		add(key, stream, key, true)
	}
	add("records.path", stream.sub("records"), "path", true)
	for _, key := range []string{"base_url", "query", "headers"} {
		add("http."+key, http, key, true)
		add("stream.http."+key, stream.sub("http"), key, true)
	}
	for _, key := range []string{"path", "url"} {
		add("request."+key, stream.sub("request"), key, false)
	}
	add("partitions", stream, "partitions", false)
	add("details.request", stream.sub("details"), "request", false)
	add("http.auth", http, "auth", false)
	add("stream.http.auth", stream.sub("http"), "auth", false)
	return list
}

// fingerprint hashes what a stored token depends on: the request, the records' path, the session
// and the pagination as they are written, the path of base_url, the parameters and headers of http.
func fingerprint(pieces []Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		if p.Place {
			b.WriteString(p.Name + "=" + p.Hash + "\n")
		}
	}
	return hashOf(b.String())
}

func hashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// settingsIn notes what the expressions in a value read of `config`.
func settingsIn(n *yaml.Node, p *Piece) {
	n = follow(n)
	for _, c := range n.Content {
		settingsIn(c, p)
	}
	if n.Kind != yaml.ScalarNode {
		return
	}
	for i, s := 0, n.Value; i < len(s); {
		at := strings.Index(s[i:], "${")
		if at < 0 {
			return
		}
		if i += at + 2; i > 2 && s[i-3] == '$' {
			continue // a literal `${`
		}
		tokens, end, err := expressionEnd(s, i)
		if err != nil {
			return // that is told elsewhere
		}
		readsConfig(tokens, p)
		i = end
	}
}

// Settings returns what the expression reads of `config`, by name, each use on its own. any says that it
// may read anything of it: all as a whole, or what another expression names.
func (e *Expr) Settings() (names []string, any bool) {
	var p Piece
	tokens, _, err := expressionEnd(e.Source+"}", 0)
	if err != nil {
		return nil, true
	}
	readsConfig(tokens, &p)
	return p.Settings, p.Any
}

// readsConfig notes what an expression reads of `config`.
func readsConfig(tokens []token, p *Piece) {
	text := func(i int) string {
		if i < 0 || i >= len(tokens) {
			return ""
		}
		return tokens[i].text
	}
	for i, t := range tokens {
		if t.kind != tokName || t.text != "config" || text(i-1) == "." || text(i-1) == "?." {
			continue
		}
		i++
		dot := text(i) == "." || text(i) == "?."
		if dot {
			i++
		}
		switch {
		case dot && i < len(tokens) && tokens[i].kind == tokName:
			p.Settings = append(p.Settings, tokens[i].text)
		case text(i) == "[" && i+1 < len(tokens) && tokens[i+1].kind == tokValue && strings.ContainsAny(text(i + 1)[:1], `'"`) && text(i+2) == "]":
			p.Settings = append(p.Settings, text(i + 1)[1:len(text(i+1))-1])
		default:
			p.Any = true
		}
	}
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
