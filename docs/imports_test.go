package docs_test

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// imports says which packages of this module each package may import, and whether it may import
// anything but the standard library beside them. CONTRIBUTING.md shows the same table.
var imports = map[string]struct {
	ours     []string
	standard bool // nothing but the standard library and ours
}{
	"engine/rawjson": {standard: true},
	"engine":         {ours: []string{"engine/rawjson"}, standard: true},
	"engine/spec":    {ours: []string{"engine", "engine/rawjson"}},
	"runtime": {ours: []string{"engine", "engine/rawjson", "engine/spec",
		"runtime/auth", "runtime/page", "runtime/script", "runtime/transport"}},
	"runtime/auth":    {ours: []string{"engine", "engine/rawjson", "engine/spec"}},
	"runtime/catalog": {ours: []string{"connectors", "engine", "engine/spec", "runtime", "runtime/script"}},
	"runtime/demo":    {},
	"runtime/host": {ours: []string{"connectors", "engine", "engine/rawjson", "engine/spec", "runtime", "runtime/auth", "runtime/catalog",
		"runtime/script", "runtime/transport", "store", "store/sink"}},
	"runtime/page":      {ours: []string{"engine", "engine/rawjson"}},
	"runtime/replay":    {ours: []string{"engine", "engine/rawjson", "engine/spec", "runtime", "runtime/script", "runtime/transport"}},
	"runtime/script":    {ours: []string{"engine", "engine/rawjson"}},
	"runtime/transport": {ours: []string{"engine", "engine/rawjson", "engine/spec"}},
	"store":             {ours: []string{"engine", "engine/rawjson"}},
	"store/sink":        {},
	"connectors":        {standard: true},
	"docs/patterns":     {standard: true},
}

// noIO are packages of the standard library that do what engine never does: input and output,
// waiting, logging, chance.
var noIO = []string{"os", "net", "net/http", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "crypto/rand", "os/exec", "syscall", "database/sql"}

func TestImports(t *testing.T) {
	known := map[string]bool{}
	for _, s := range sources(t) {
		pkg := path.Dir(s.path)
		if s.test() {
			continue
		}
		if pkg == "cmd" || strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "docs/examples/") {
			continue // a command may import everything
		}
		rule, ok := imports[pkg]
		if !ok {
			t.Errorf("%s: package %s is not in the import table", s.path, pkg)
			continue
		}
		known[pkg] = true
		for _, spec := range s.tree.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			ours, own := strings.CutPrefix(name, module+"/")
			first, _, _ := strings.Cut(name, "/")
			switch {
			case own && !slices.Contains(rule.ours, ours):
				t.Errorf("%s: %s may not import %s", s.at(spec), pkg, ours)
			case !own && rule.standard && strings.Contains(first, "."):
				t.Errorf("%s: %s may import only the standard library, not %s", s.at(spec), pkg, name)
			case strings.HasPrefix(pkg, "engine") && pkg != "engine/spec" && slices.Contains(noIO, name):
				t.Errorf("%s: %s does no input or output and may not import %s", s.at(spec), pkg, name)
			}
		}
	}
	text := read(t, "CONTRIBUTING.md")
	for pkg := range known {
		if !strings.Contains(text, "\n| `"+pkg+"` |") {
			t.Errorf("CONTRIBUTING.md does not say what package %s is for", pkg)
		}
	}
}
