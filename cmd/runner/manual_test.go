package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestManualNamesEveryFlag holds docs/cli.md to the commands that it explains.
func TestManualNamesEveryFlag(t *testing.T) {
	b, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	explained := []string{"run", "step", "why", "state"}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" && !strings.Contains(text, "`--"+f.Name) && !strings.Contains(text, " --"+f.Name) && !strings.Contains(text, "/`--"+f.Name) {
				t.Errorf("docs/cli.md does not name --%s of %s", f.Name, c.CommandPath())
			}
		})
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	for _, c := range newRoot(nil).Commands() {
		if !c.Hidden && !regexp.MustCompile("`"+c.Name()+"`").MatchString(text) {
			t.Errorf("docs/cli.md does not name the command %s", c.Name())
		}
		for _, name := range explained {
			if c.Name() == name {
				visit(c)
			}
		}
	}
}

// TestManualNamesEveryReason holds docs/errors.md to the names that reports and events use.
func TestManualNamesEveryReason(t *testing.T) {
	b, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"../../engine", "../../runtime", "../../runtime/transport"} {
		for name, value := range stableNames(t, dir) {
			if !strings.Contains(string(b), "\n| `"+value+"` |") {
				t.Errorf("docs/errors.md has no row for `%s` (%s of %s)", value, name, dir)
			}
		}
	}
}

// stableNames are the values of a package's constants Code…, Event… and Notice….
func stableNames(t *testing.T, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 || spec.Type != nil {
				return true
			}
			name := spec.Names[0].Name
			lit, ok := spec.Values[0].(*ast.BasicLit)
			if ok && lit.Kind == token.STRING && (strings.HasPrefix(name, "Code") || strings.HasPrefix(name, "Event") || strings.HasPrefix(name, "Notice")) {
				if names[name], err = strconv.Unquote(lit.Value); err != nil {
					t.Fatal(err)
				}
			}
			return true
		})
	}
	return names
}
