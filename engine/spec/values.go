package spec

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gopkg.in/yaml.v3"
)

// ValueJSON writes a YAML value as JSON and keeps what is written: numbers have the digits of the file, and
// a scalar that JSON would have to write otherwise (0012, 0x1F, 1_000, True, 2024-01-01) is the text as it
// stands. PlainNumber makes a number of such a text where one is wanted.
func ValueJSON(n *yaml.Node) (json.RawMessage, error) {
	var b bytes.Buffer
	err := valueJSON(&b, n, 0)
	return b.Bytes(), err
}

// PlainNumber is a YAML number as JSON writes it.
func PlainNumber(s string) (string, error) { return jsonNumber(s) }

func valueJSON(b *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > 100 {
		return fmt.Errorf("line %d: nested more than 100 deep", n.Line)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return valueJSON(b, n.Alias, depth+1)
	case yaml.DocumentNode:
		return valueJSON(b, n.Content[0], depth+1)
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, e := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := valueJSON(b, e, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			if n.Content[i].Kind != yaml.ScalarNode || n.Content[i].Tag == "!!merge" {
				return fmt.Errorf("line %d: a name is a plain text", n.Content[i].Line)
			}
			quoteJSON(b, n.Content[i].Value)
			b.WriteByte(':')
			if err := valueJSON(b, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	default:
		scalarJSON(b, n)
	}
	return nil
}

func scalarJSON(b *bytes.Buffer, n *yaml.Node) {
	switch tag := n.ShortTag(); {
	case tag == "!!null":
		b.WriteString("null")
	case tag == "!!bool" && (n.Value == "true" || n.Value == "false"),
		(tag == "!!int" || tag == "!!float") && n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0 && jsonNumberForm.MatchString(n.Value):
		b.WriteString(n.Value)
	default:
		quoteJSON(b, n.Value)
	}
}
