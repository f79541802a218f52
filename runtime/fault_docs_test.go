package runtime_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every event that the code can count is explained in docs/events.md, and nothing else is.
func TestEventsAreExplained(t *testing.T) {
	names := map[string]bool{"output_rewound": true, "output_moved": true, "output_grown": true, "csv_new_column": true, "record_refused": true}
	for _, path := range []string{"../engine/verdict.go", "event.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || spec.Type != nil { // an EventKind has a type
				return true
			}
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if name := spec.Names[0].Name; ok && (strings.HasPrefix(name, "Event") || strings.HasPrefix(name, "Notice")) {
				names[strings.Trim(lit.Value, `"`)] = true
			}
			return true
		})
	}
	page, err := os.ReadFile(filepath.Join("..", "docs", "events.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		name, ok := strings.CutPrefix(line, "| `")
		if !ok {
			continue
		}
		name, _, _ = strings.Cut(name, "`")
		if !names[name] {
			t.Errorf("docs/events.md explains %s, which nothing counts", name)
		}
		delete(names, name)
	}
	for name := range names {
		t.Errorf("docs/events.md does not explain %s", name)
	}
}
