// Package docs_test holds the repository to its own rules, and the manual to what the product does.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's top folder, seen from this one.
const root = ".."

// module is the path of the product's module.
const module = "github.com/lastpage/lastpage"

// file is a file of the repository.
type file struct {
	path string // from the top, with slashes
	text string
}

// files reads every file of the repository whose name ends in one of the suffixes, in order. Folders
// that begin with a dot are left out, except the one with what CI runs.
func files(t *testing.T, suffixes ...string) []file {
	t.Helper()
	var list []file
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") && name != ".ci" || name == "bin" || name == "dist") {
				return filepath.SkipDir
			}
			return nil
		}
		for _, s := range suffixes {
			if strings.HasSuffix(name, s) {
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				rel, err := filepath.Rel(root, path)
				if err != nil {
					return err
				}
				list = append(list, file{filepath.ToSlash(rel), string(text)})
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) == 0 {
		t.Fatalf("no files that end in %v", suffixes)
	}
	return list
}

// source is a Go file, parsed.
type source struct {
	file
	fset *token.FileSet
	tree *ast.File
}

// test says whether the file holds tests, or is a program that only tests use.
func (s *source) test() bool {
	return strings.HasSuffix(s.path, "_test.go") || strings.HasPrefix(s.path, "testdata/") || strings.Contains(s.path, "/testdata/")
}

// at is the position of a node, as path:line.
func (s *source) at(n ast.Node) string { return s.fset.Position(n.Pos()).String() }

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	fset := token.NewFileSet()
	var list []source
	for _, f := range files(t, ".go") {
		tree, err := parser.ParseFile(fset, f.path, f.text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, source{f, fset, tree})
	}
	return list
}
