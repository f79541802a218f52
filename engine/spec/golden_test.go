package spec

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write golden files anew")

const (
	goldens    = "../../testdata/spec"
	schemaFile = "../../docs/connector.schema.json"
)

// scenario is one file of testdata/spec: connector.yaml, perhaps a hook.js, and the exact text of
// all errors. A comment line `schema: accepts` says that only Parse finds them, not the schema.
type scenario struct {
	file    string
	archive *txtar.Archive
}

func scenarios(t testing.TB) []scenario {
	files, err := filepath.Glob(filepath.Join(goldens, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s: %v", goldens, err)
	}
	var all []scenario
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, scenario{file, a})
	}
	return all
}

func (s scenario) part(name string) (string, bool) {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return string(f.Data), true
		}
	}
	return "", false
}

func (s scenario) yaml() string {
	text, _ := s.part("connector.yaml")
	return text
}

func (s scenario) options() Options {
	return Options{Hook: func(name string) (string, string, error) {
		if text, ok := s.part(name); ok {
			return name, text, nil
		}
		return "", "", fs.ErrNotExist
	}}
}

func (s scenario) setErrors(text string) []byte {
	for i, f := range s.archive.Files {
		if f.Name == "errors" {
			s.archive.Files = append(s.archive.Files[:i], s.archive.Files[i+1:]...)
			break
		}
	}
	if text != "" {
		s.archive.Files = append(s.archive.Files, txtar.File{Name: "errors", Data: []byte(text)})
	}
	return txtar.Format(s.archive)
}

func TestGolden(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(filepath.Base(s.file), func(t *testing.T) {
			c, err := Parse("connector.yaml", []byte(s.yaml()), s.options())
			got := ""
			if err != nil {
				var errs Errors
				if !errors.As(err, &errs) || c != nil {
					t.Fatalf("Parse returned %v, %v", c, err)
				}
				got = err.Error() + "\n"
			}
			if *update {
				if err := os.WriteFile(s.file, s.setErrors(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want, _ := s.part("errors"); got != want {
				t.Errorf("errors:\n%swant:\n%s", got, want)
			}
			if strings.HasPrefix(filepath.Base(s.file), "valid-") != (err == nil) {
				t.Errorf("valid files are named valid-…: %v", err)
			}
		})
	}
}

func TestSchemaFile(t *testing.T) {
	if *update {
		if err := os.WriteFile(schemaFile, Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, Schema()) {
		t.Errorf("%s is out of date: go generate ./engine/spec", schemaFile)
	}
}
