package replay

import (
	"errors"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/spec"
)

// What a verdict may say of a run and of a stream.
var (
	runKeys    = []string{"verdict", "attested", "reason", "exit", "error", "until", "waits"}
	streamKeys = []string{"verdict", "attested", "reason", "error", "until", "pages", "records", "received", "duplicates", "requests", "retries", "recoveries", "total", "chains", "watermark", "kept", "events"}
)

// keyStreams holds what is said of each of several streams.
const keyStreams = "streams"

// verdict is the file `verdict` of a case: only what is written is compared.
type verdict struct {
	doc  yaml.Node
	data []byte
}

func parseVerdict(b []byte) (*verdict, error) {
	v := &verdict{data: b}
	if err := yaml.Unmarshal(b, &v.doc); err != nil {
		return nil, err
	}
	root := v.root()
	if root == nil {
		if len(v.doc.Content) > 0 {
			return nil, errors.New("want a map, such as verdict: complete")
		}
		return v, nil
	}
	known := slices.Concat(runKeys, streamKeys, []string{keyStreams})
	if err := checkKeys(root, known); err != nil {
		return nil, err
	}
	return v, eachPair(root, func(key, value *yaml.Node) error {
		switch key.Value {
		case keyStreams:
			if value.Kind != yaml.MappingNode {
				return errors.New("streams: want a map by stream")
			}
			return eachPair(value, func(name, s *yaml.Node) error {
				if s.Kind != yaml.MappingNode {
					return fmt.Errorf("streams: %s: want a map", name.Value)
				}
				return checkKeys(s, streamKeys)
			})
		case "waits":
			_, err := waitsOf(value)
			return err
		case "events":
			if value.Kind != yaml.MappingNode {
				return errors.New("events: want a map from names to counts")
			}
		}
		return nil
	})
}

func (v *verdict) root() *yaml.Node {
	if len(v.doc.Content) == 0 || v.doc.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	return v.doc.Content[0]
}

func eachPair(m *yaml.Node, fn func(key, value *yaml.Node) error) error {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if err := fn(m.Content[i], m.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func checkKeys(m *yaml.Node, known []string) error {
	return eachPair(m, func(key, _ *yaml.Node) error {
		if slices.Contains(known, key.Value) {
			return nil
		}
		msg := fmt.Sprintf("line %d: unknown key `%s`", key.Line, key.Value)
		if near := spec.Nearest(key.Value, known); near != "" {
			msg += "; did you mean `" + near + "`?"
		}
		return errors.New(msg)
	})
}

// waitsOf reads a list of durations, as texts in the one form.
func waitsOf(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		return nil, errors.New("waits: want a list such as [30s, 2m]")
	}
	out := []string{}
	for _, e := range n.Content {
		d, err := spec.ParseDuration(e.Value)
		if err != nil {
			return nil, fmt.Errorf("waits: %w", err)
		}
		out = append(out, waitText(d))
	}
	return out, nil
}
