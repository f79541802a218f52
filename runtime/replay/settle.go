package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// facts is what came of the runs, in the words of a verdict: JSON by key.
type facts struct {
	run     map[string]json.RawMessage
	streams map[string]map[string]json.RawMessage
	names   []string // of the streams, in order
}

// of finds what a key at the top of a verdict is about: the run, or its only stream.
func (f *facts) of(key string) (json.RawMessage, error) {
	if v, ok := f.run[key]; ok || slices.Contains(runKeys, key) {
		return v, nil
	}
	if len(f.names) != 1 {
		return nil, fmt.Errorf("%s is said of a stream, and %d were run: say it under streams", key, len(f.names))
	}
	return f.streams[f.names[0]][key], nil
}

// settle returns the verdict's text with every value that does not hold replaced by what does.
func (v *verdict) settle(f *facts) ([]byte, error) {
	now, err := parseVerdict(v.data) // what is changed is a copy: a case may be played again
	root := now.root()
	if err != nil || root == nil {
		return v.data, err
	}
	changed := false
	err = eachPair(root, func(key, value *yaml.Node) error {
		if key.Value == keyStreams {
			return eachPair(value, func(name, s *yaml.Node) error {
				got, ok := f.streams[name.Value]
				if !ok {
					return fmt.Errorf("streams: %s was not run", name.Value)
				}
				return eachPair(s, func(k, n *yaml.Node) error { return settleValue(k.Value, n, got[k.Value], &changed) })
			})
		}
		got, err := f.of(key.Value)
		if err != nil {
			return err
		}
		return settleValue(key.Value, value, got, &changed)
	})
	if err != nil || !changed {
		return v.data, err
	}
	return encode(&now.doc)
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// settleValue replaces n by got unless it says the same.
func settleValue(key string, n *yaml.Node, got json.RawMessage, changed *bool) error {
	if got == nil {
		got = json.RawMessage("null")
	}
	if same, err := says(key, n, got); same || err != nil {
		return err
	}
	*changed = true
	if key == "events" { // those that are not written stay unsaid
		return eachPair(n, func(name, count *yaml.Node) error {
			v, ok := rawjson.Field(got, name.Value)
			if !ok {
				v = []byte("0")
			}
			setNode(count, v)
			return nil
		})
	}
	setNode(n, got)
	return nil
}

func says(key string, n *yaml.Node, got json.RawMessage) (bool, error) {
	want, err := nodeJSON(n)
	if err != nil {
		return false, fmt.Errorf("%s: %w", key, err)
	}
	switch key {
	case "error":
		w, _ := rawjson.String(want)
		g, ok := rawjson.String(got)
		return ok && strings.Contains(g, w), nil
	case "waits":
		list, err := waitsOf(n)
		if err != nil {
			return false, err
		}
		if want, err = json.Marshal(list); err != nil {
			return false, err
		}
	case "events":
		for k, v := range rawjson.Members(want) {
			name, _ := rawjson.String(k)
			g, ok := rawjson.Field(got, name)
			if !ok {
				g = []byte("0")
			}
			if !rawjson.Equal(v, g) {
				return false, nil
			}
		}
		return true, nil
	}
	return rawjson.Equal(want, got), nil
}

// nodeJSON is the JSON of a YAML value; the digits of numbers and the text of times are kept.
func nodeJSON(n *yaml.Node) ([]byte, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return nodeJSON(n.Alias)
	case yaml.SequenceNode:
		out := []byte{'['}
		for i, e := range n.Content {
			if i > 0 {
				out = append(out, ',')
			}
			v, err := nodeJSON(e)
			if err != nil {
				return nil, err
			}
			out = append(out, v...)
		}
		return append(out, ']'), nil
	case yaml.MappingNode:
		out := []byte{'{'}
		err := eachPair(n, func(k, v *yaml.Node) error {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(rawjson.AppendString(out, k.Value), ':')
			j, err := nodeJSON(v)
			out = append(out, j...)
			return err
		})
		return append(out, '}'), err
	}
	switch n.Tag {
	case "!!null":
		return []byte("null"), nil
	case "!!bool", "!!int", "!!float":
		if rawjson.Valid([]byte(n.Value)) == nil {
			return []byte(n.Value), nil
		}
		var v any
		if err := n.Decode(&v); err != nil {
			return nil, err
		}
		return json.Marshal(v)
	}
	return rawjson.AppendString(nil, n.Value), nil
}

// setNode makes n the YAML of a JSON value, on one line; its comments stay.
func setNode(n *yaml.Node, v []byte) {
	var doc yaml.Node
	if err := yaml.Unmarshal(v, &doc); err != nil || len(doc.Content) == 0 {
		return // JSON is YAML
	}
	plain(doc.Content[0])
	head, line, foot := n.HeadComment, n.LineComment, n.FootComment
	*n = *doc.Content[0]
	n.HeadComment, n.LineComment, n.FootComment = head, line, foot
}

// plain lets the encoder choose how texts are quoted.
func plain(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, e := range n.Content {
		plain(e)
	}
}

// fresh is the verdict of a case that has none: everything that is worth saying of the facts.
func (f *facts) fresh() ([]byte, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	add := func(to *yaml.Node, key string, v json.RawMessage) {
		switch string(v) {
		case "", "null", `""`, "[]", "{}", "0":
			return
		}
		value := &yaml.Node{}
		setNode(value, v)
		to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	}
	for _, key := range []string{"verdict", "attested", "reason", "exit", "until", "waits"} {
		add(root, key, f.run[key])
	}
	said := []string{"pages", "watermark", "kept", "events"}
	if len(f.names) == 1 {
		for _, key := range said {
			add(root, key, f.streams[f.names[0]][key])
		}
		return encode(root)
	}
	all := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range f.names {
		one := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range said {
			add(one, key, f.streams[name][key])
		}
		all.Content = append(all.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, one)
	}
	if len(all.Content) > 0 {
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: keyStreams}, all)
	}
	return encode(root)
}
