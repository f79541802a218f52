package docs_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// updateAPI writes the golden files of the Go API instead of comparing:
// go test ./docs -run TestAPI -update-api
var updateAPI = flag.Bool("update-api", false, "write the golden files of the Go API")

// embedded are the packages that a program which embeds the product uses.
var embedded = []string{"engine", "runtime", "runtime/auth", "runtime/catalog", "runtime/script", "store", "store/sink"}

// TestAPI compares what the packages export with testdata/api: a change of it is a decision.
func TestAPI(t *testing.T) {
	for _, pkg := range embedded {
		golden := filepath.Join(root, "testdata", "api", strings.ReplaceAll(pkg, "/", "_")+".txt")
		got := exported(t, pkg)
		if *updateAPI {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(got, want) {
			continue
		}
		had := strings.Split(string(want), "\n")
		have := strings.Split(string(got), "\n")
		for _, line := range had {
			if !slices.Contains(have, line) {
				t.Errorf("%s: - %s", pkg, line)
			}
		}
		for _, line := range have {
			if !slices.Contains(had, line) {
				t.Errorf("%s: + %s", pkg, line)
			}
		}
		t.Errorf("the exported names of %s have changed; if that is meant: go test ./docs -run TestAPI -update-api", pkg)
	}
}

// exported writes the exported declarations of a package without comments, in order of their names.
func exported(t *testing.T, pkg string) []byte {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	paths, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(f)
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, module+"/"+pkg)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	add := func(n ast.Node) {
		var b bytes.Buffer
		if err := (&printer.Config{Mode: printer.RawFormat, Tabwidth: 4}).Fprint(&b, fset, n); err != nil {
			t.Fatal(err)
		}
		lines := slices.DeleteFunc(strings.Split(b.String(), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
		list = append(list, strings.Join(lines, "\n"))
	}
	functions := func(fs []*doc.Func) {
		for _, f := range fs {
			add(f.Decl)
		}
	}
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			add(v.Decl)
		}
	}
	values(d.Consts)
	values(d.Vars)
	functions(d.Funcs)
	for _, typ := range d.Types {
		add(typ.Decl)
		values(typ.Consts)
		values(typ.Vars)
		functions(typ.Funcs)
		functions(typ.Methods)
	}
	return []byte("package " + module + "/" + pkg + "\n\n" + strings.Join(list, "\n\n") + "\n")
}
