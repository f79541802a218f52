package docs_test

import (
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// long are the files with more than 400 lines, and how many they may have at most. A file leaves the
// list when it has shrunk; none is added.
var long = map[string]int{
	"engine/spec/model.go":       515,
	"engine/sim_test.go":         403,
	"runtime/demo/fault_test.go": 412,
	"runtime/demo/walk_test.go":  792,
	"runtime/run_test.go":        466,
}

const lines = 400

func TestFileLength(t *testing.T) {
	left := maps.Clone(long)
	for _, s := range sources(t) {
		n := strings.Count(s.text, "\n")
		most, listed := long[s.path]
		switch {
		case n > lines && !listed:
			t.Errorf("%s has %d lines; over %d a noun is missing", s.path, n, lines)
		case listed && n > most:
			t.Errorf("%s has grown from %d to %d lines", s.path, most, n)
		case listed && n <= lines:
			t.Errorf("%s has %d lines and need not be listed any more", s.path, n)
		}
		delete(left, s.path)
	}
	for name := range left {
		t.Errorf("%s is listed and does not exist", name)
	}
}

// inits are the functions init that there are, by file, and why.
var inits = map[string]string{
	"runtime/script/program.go": "a time limit of the regular expressions that can only be set for all of them",
}

// TestNoInit: nothing registers itself, nothing happens because a package is imported.
func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		for _, d := range s.tree.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && inits[s.path] == "" {
				t.Errorf("%s: a function init; tables are values", s.at(f))
			}
		}
	}
}

// TestEngineHasNoClock: a step is a function of its arguments.
func TestEngineHasNoClock(t *testing.T) {
	for _, s := range sources(t) {
		if dir := path.Dir(s.path); s.test() || dir != "engine" && dir != "engine/rawjson" {
			continue
		}
		ast.Inspect(s.tree, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				pkg, _ := sel.X.(*ast.Ident)
				if pkg != nil && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker"}, sel.Sel.Name) {
					t.Errorf("%s: time.%s", s.at(sel), sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// plain are methods that say enough by their name: those of well-known interfaces.
var plain = []string{"Error", "Unwrap", "String", "MarshalJSON", "UnmarshalJSON", "Len", "Less", "Swap"}

// TestDocComments: every exported name of a package says what is promised, and every package what it is for.
func TestDocComments(t *testing.T) {
	packages := map[string]bool{}
	for _, s := range sources(t) {
		if s.test() {
			continue
		}
		dir := path.Dir(s.path)
		packages[dir] = packages[dir] || s.tree.Doc != nil
		if s.tree.Name.Name == "main" {
			continue
		}
		for _, d := range s.tree.Decls {
			for _, id := range undocumented(d) {
				t.Errorf("%s: %s has no comment", s.at(id), id.Name)
			}
		}
	}
	for dir, ok := range packages {
		if !ok {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

// undocumented lists the exported names of a declaration that have no comment.
func undocumented(d ast.Decl) []*ast.Ident {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || receiver(d).IsExported() && !slices.Contains(plain, d.Name.Name)) {
			return []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		if d.Doc != nil || d.Tok == token.CONST && d.Specs[0].(*ast.ValueSpec).Type != nil {
			return nil // the values of a type are explained by it
		}
		var list []*ast.Ident
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil && s.Name.IsExported() {
					list = append(list, s.Name)
				}
			case *ast.ValueSpec:
				if s.Doc == nil && s.Comment == nil && s.Names[0].IsExported() {
					list = append(list, s.Names[0])
				}
			}
		}
		return list
	}
	return nil
}

// receiver is the name of a method's type.
func receiver(f *ast.FuncDecl) *ast.Ident {
	x := f.Recv.List[0].Type
	for {
		switch v := x.(type) {
		case *ast.StarExpr:
			x = v.X
		case *ast.IndexExpr:
			x = v.X
		case *ast.IndexListExpr:
			x = v.X
		case *ast.Ident:
			return v
		default:
			return ast.NewIdent("_")
		}
	}
}

// banned are texts that no file holds, with the reason. They are written with a class around one
// letter so that they do not find themselves.
var banned = map[string]string{
	`\bT[O]DO\b|\bF[I]XME\b`:                          "what is left to do is an issue",
	`\bt\.S[k]ip(f|Now)?\(`:                           "a test that does not run proves nothing",
	`(^|[\s"'(=])/(w[o]rk|h[o]me/\w|r[o]ot/|f[a]rm)/`: "a path of one machine",
	`/t[m]p/[a-z]`:                                    "a path of one machine; take a temporary folder",
	`p[r]oxy\.golang\.org|r[e]gistry\.npmjs|d[e]b\.debian|p[y]pi\.org`: "the host of a package registry",
}

func TestBannedTexts(t *testing.T) {
	for expr, why := range banned {
		re := regexp.MustCompile(expr)
		for _, f := range files(t, ".go", ".md", ".yaml", ".js", ".ts", ".txt", ".txtar", ".json", ".sql", "Makefile", "run", "fuzz") {
			if at := re.FindStringIndex(f.text); at != nil {
				t.Errorf("%s:%d: %q: %s", f.path, 1+strings.Count(f.text[:at[0]], "\n"), strings.TrimSpace(f.text[at[0]:at[1]]), why)
			}
		}
	}
}

// TestPackageNames: a package's name says what it is for.
func TestPackageNames(t *testing.T) {
	for _, s := range sources(t) {
		for _, part := range strings.Split(path.Dir(s.path), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "manager", "impl", "misc"}, part) {
				t.Errorf("%s: %s says nothing", s.path, part)
			}
		}
	}
}
