package spec

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

func compiledSchema(t *testing.T) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("connector.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	sch, err := compiler.Compile("connector.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return sch
}

// TestSchemaAgrees holds the JSON Schema and Parse to the same answers, but for the scenarios
// that say otherwise.
func TestSchemaAgrees(t *testing.T) {
	sch := compiledSchema(t)
	for _, s := range scenarios(t) {
		t.Run(filepath.Base(s.file), func(t *testing.T) {
			root, _ := tree("", []byte(s.yaml()))
			if root == nil {
				return // not a YAML that any schema is asked about
			}
			err := sch.Validate(valueOf(t, root))
			_, parseErr := Parse("connector.yaml", []byte(s.yaml()), s.options())
			accepts := strings.Contains(string(s.archive.Comment), "schema: accepts")
			switch {
			case parseErr == nil && err != nil:
				t.Errorf("Parse accepts, the schema refuses: %v", err)
			case parseErr != nil && err == nil && !accepts:
				t.Errorf("Parse refuses, the schema accepts, and the file does not say `schema: accepts`: %v", parseErr)
			case parseErr != nil && err != nil && accepts:
				t.Errorf("the file says `schema: accepts`, and the schema refuses: %v", err)
			}
		})
	}
}

// TestSchemaMutations changes every value of a valid connector in several ways: the schema never
// refuses what Parse accepts, and both refuse keys that they do not know.
func TestSchemaMutations(t *testing.T) {
	sch := compiledSchema(t)
	scalar := func(tag, value string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	}
	replacements := []*yaml.Node{
		scalar("!!null", ""), scalar("!!bool", "true"), scalar("!!int", "0"), scalar("!!int", "7"), scalar("!!float", "1.5"), scalar("!!str", ""), scalar("!!str", "x"), scalar("!!str", "30s"),
		scalar("!!str", "body.x"), scalar("!!str", "query.x"), scalar("!!str", "${config}"), {Kind: yaml.SequenceNode, Tag: "!!seq"},
		{Kind: yaml.MappingNode, Tag: "!!map"}, {Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{scalar("!!str", "body.x")}},
		{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{scalar("!!str", "zzz"), scalar("!!int", "1")}},
	}
	refusedByBoth, total := 0, 0
	for _, s := range scenarios(t) {
		if filepath.Base(s.file) != "valid-everything.txtar" { // it has every key
			continue
		}
		root, _ := tree("", []byte(s.yaml()))
		root = expand(root)
		streams := root.Content[len(root.Content)-1]
		streams.Content = append(streams.Content[:2:2], streams.Content[4:]...) // `copy` is the first again
		check := func(where, how string) {
			text, err := yaml.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			again, errs := tree("", text)
			if again == nil {
				t.Fatalf("%s: %s: %v in\n%s", where, how, errs, text)
			}
			_, parseErr := Parse("connector.yaml", text, s.options())
			schemaErr := sch.Validate(valueOf(t, again))
			total++
			if parseErr == nil && schemaErr != nil {
				t.Errorf("%s: %s: %s: Parse accepts, the schema refuses: %v", filepath.Base(s.file), where, how, schemaErr)
			}
			if parseErr != nil && schemaErr != nil {
				refusedByBoth++
			}
			if how == "unknown key" && parseErr != nil && strings.Contains(parseErr.Error(), "unknown key `zzz`") && schemaErr == nil {
				t.Errorf("%s: %s: the schema accepts an unknown key", filepath.Base(s.file), where)
			}
		}
		var walk func(n *yaml.Node, where string)
		walk = func(n *yaml.Node, where string) {
			if n.Kind == yaml.MappingNode {
				n.Content = append(n.Content, scalar("!!str", "zzz"), scalar("!!int", "1"))
				check(where, "unknown key")
				n.Content = n.Content[:len(n.Content)-2]
			}
			for i := range n.Content {
				if n.Kind == yaml.MappingNode && i%2 == 0 {
					continue
				}
				inner := fmt.Sprintf("%s[%d]", where, i)
				if n.Kind == yaml.MappingNode {
					inner = where + "." + n.Content[i-1].Value
				}
				keep := n.Content[i]
				for range 2 { // each value in two ways, in turn
					r := replacements[total%len(replacements)]
					n.Content[i] = r
					check(inner, fmt.Sprintf("%s %q", r.Tag, r.Value))
				}
				n.Content[i] = keep
				walk(keep, inner)
			}
		}
		walk(root, "")
	}
	if refusedByBoth == 0 || total == 0 {
		t.Fatalf("%d mutations, %d refused by both", total, refusedByBoth)
	}
	t.Logf("%d mutations, %d refused by both", total, refusedByBoth)
}

// expand replaces aliases and merge keys by what they stand for.
func expand(n *yaml.Node) *yaml.Node {
	n = follow(n)
	made := *n
	made.Anchor, made.Content, made.HeadComment, made.LineComment, made.FootComment = "", nil, "", "", ""
	if n.Kind == yaml.MappingNode {
		for _, e := range entries(n, func(*yaml.Node, string, string) {}) {
			made.Content = append(made.Content, expand(e.key), expand(e.value))
		}
		return &made
	}
	for _, c := range n.Content {
		made.Content = append(made.Content, expand(c))
	}
	return &made
}

// valueOf is a YAML value as the schema sees it.
func valueOf(t *testing.T, n *yaml.Node) any {
	n = follow(n)
	switch n.Kind {
	case yaml.SequenceNode:
		list := []any{}
		for _, c := range n.Content {
			list = append(list, valueOf(t, c))
		}
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		for _, e := range entries(n, func(*yaml.Node, string, string) {}) {
			m[e.name] = valueOf(t, e.value)
		}
		return m
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		raw, err := jsonNumber(n.Value)
		if err != nil {
			return n.Value
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return n.Value
}
