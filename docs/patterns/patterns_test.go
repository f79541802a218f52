package patterns_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lastpage/lastpage/docs/patterns"
	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

func TestEveryTypeHasAPattern(t *testing.T) {
	for _, typ := range engine.Types {
		if !slices.Contains(patterns.Names(), string(typ)) {
			t.Errorf("no sample of pagination type %s", typ)
		}
	}
}

func TestCases(t *testing.T) {
	for _, name := range patterns.Names() {
		t.Run(name, func(t *testing.T) {
			c, err := runtime.LoadFS(patterns.FS, name, script.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			files, err := fs.Glob(patterns.FS, name+"/cases/*"+replay.Extension)
			if err != nil || len(files) < 2 {
				t.Fatalf("%d cases, %v", len(files), err)
			}
			for _, file := range files {
				r, err := replay.RunFS(context.Background(), c, patterns.FS, file)
				if err != nil {
					t.Error(err)
				} else if !r.OK() {
					t.Errorf("%s:\n%s", file, r)
				}
			}
		})
	}
}

var block = regexp.MustCompile("(?ms)^```(yaml|js|json)\n(.*?)^```")

// TestPages holds the manual's page of each pattern to its sample: the YAML and JavaScript stand in
// the files, the answers are answers of the cases.
func TestPages(t *testing.T) {
	for _, name := range patterns.Names() {
		page, err := os.ReadFile(name + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		bodies := bodiesOf(t, name)
		seen := map[string]bool{}
		for _, m := range block.FindAllStringSubmatch(string(page), -1) {
			kind, text := m[1], m[2]
			seen[kind] = true
			if kind == "json" {
				if !slices.ContainsFunc(bodies, func(b []byte) bool { return rawjson.Equal([]byte(text), b) }) {
					t.Errorf("%s.md: no case has this answer:\n%s", name, text)
				}
				continue
			}
			file := name + "/" + map[string]string{"yaml": "connector.yaml", "js": "hook.js"}[kind]
			b, err := fs.ReadFile(patterns.FS, file)
			if err != nil || !strings.Contains(string(b), text) {
				t.Errorf("%s.md: this is not in %s (%v):\n%s", name, file, err, text)
			}
		}
		if !seen["json"] || !seen["yaml"] {
			t.Errorf("%s.md shows no answer or no YAML", name)
		}
	}
}

// bodiesOf lists the JSON bodies of the responses of a pattern's cases.
func bodiesOf(t *testing.T, name string) [][]byte {
	t.Helper()
	files, err := fs.Glob(patterns.FS, name+"/cases/*"+replay.Extension)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, file := range files {
		b, err := fs.ReadFile(patterns.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range txtar.Parse(b).Files {
			_, body, ok := strings.Cut(string(f.Data), "\n\n")
			if path.Ext(f.Name) == ".response" && ok && json.Valid([]byte(body)) {
				out = append(out, []byte(body))
			}
		}
	}
	return out
}

// TestGuide reads the connector of the guide, which is one of the pattern `cursor`: its cases pass.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../guide.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(guide), "```yaml\nconnector:")
	text, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("the guide has no connector")
	}
	c, err := runtime.Parse("guide.md", []byte("connector:"+strings.Replace(text, "limit: 100", "limit: 2", 1)), nil, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, name := range []string{"walk", "token-lost", "empty"} {
		r, err := replay.RunFS(context.Background(), c, patterns.FS, "cursor/cases/"+name+replay.Extension)
		if err != nil || !r.OK() {
			t.Errorf("%s: %v\n%s", name, err, r)
		}
	}
}
