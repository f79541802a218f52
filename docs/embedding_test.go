package docs_test

import (
	"strings"
	"testing"
)

// TestEmbedding holds the blocks of embedding.md to the tests that they are part of.
func TestEmbedding(t *testing.T) {
	code := read(t, "runtime/example_test.go") + read(t, "runtime/catalog/example_test.go") + read(t, "runtime/kinds_test.go")
	list := blocks(read(t, "docs/embedding.md"), "go")
	if len(list) == 0 {
		t.Fatal("no blocks")
	}
	for _, b := range list {
		if !strings.Contains(code, b) {
			t.Errorf("this block is in no example:\n%s", b)
		}
	}
	if n := strings.Count(read(t, "docs/examples/service/main.go"), "\n"); n >= 80 {
		t.Errorf("the example service has %d lines, want under 80", n)
	}
}
