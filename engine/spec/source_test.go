package spec

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// TestTrace reads scalars of every style again from their source and gets the same value.
func TestTrace(t *testing.T) {
	for _, text := range []string{
		"a: plain",
		"a: plain on\n  two lines\n\n  and a third",
		"a: 'it''s'",
		"a: 'two\n  lines\n\n\n  more '",
		`a: "tab\t\x41\u00e9\U0001F600\\\"\e\_"`,
		"a: \"joined\\\n   here  \n  folded \\  \n\n  end\"",
		"a: |\n  one\n  two\n",
		"a: |-\n\n    deep\n\n      x\n",
		"a: |+\n  one\n\n\n",
		"a: |2\n    deep\n  x\n",
		"a: >\n  one\n  two\n\n  three\n",
		"a: >\n  one\n    more\n    indented\n  two\n\n\n  three\n\n",
		"a: >-\n\n  one\n\n    more\n\n  two\n",
		"a: &x !!str value",
		"a: &x\n  value",
		"- - |\n   one\n   ${x}\n  - b",
		"{a: x, b: \"y\", c: [z]}",
		"? |\n  key\n: value",
		"a: é東 ${x}",
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		src := newSource("f", text)
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			if n.Kind == yaml.ScalarNode {
				if tr := src.trace(n); !tr.good {
					t.Errorf("%q: read again as %q, not %q", text, tr.out, n.Value)
				}
			}
			for _, c := range n.Content {
				walk(c)
			}
		}
		walk(&doc)
	}
}

// FuzzTrace: whatever the file, a place lies inside it, and where the source was understood the
// character that stands there is the value's.
func FuzzTrace(f *testing.F) {
	for _, s := range scenarios(f) {
		f.Add(s.yaml())
	}
	f.Add("a: >\n  x\n\n   y\n  z\n")
	f.Add("a: \"x\\\n  y\"\nb: |2-\n\n   z")
	f.Add("\rh")
	f.Add("a: x\r\nb: \"x\u0085 y\u2028z\"\rc: d")
	f.Fuzz(func(t *testing.T, text string) {
		root, _ := tree("f", []byte(text))
		if root == nil {
			return
		}
		src := newSource("f", strings.TrimPrefix(text, "\ufeff"))
		seen := map[*yaml.Node]bool{}
		var walk func(n *yaml.Node)
		walk = func(n *yaml.Node) {
			if seen[n] {
				return
			}
			seen[n] = true
			if n.Kind == yaml.ScalarNode {
				for i := range n.Value {
					at, _ := src.place(n, i)
					if at.Line < 1 || at.Col < 1 || at.Line > len(src.lines) {
						t.Fatalf("%q: byte %d of %q is placed at %v", text, i, n.Value, at)
					}
				}
			}
			for _, c := range n.Content {
				walk(c)
			}
		}
		walk(root)
	})
}
