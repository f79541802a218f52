package script

import (
	"context"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/rawjson"
)

var update = flag.Bool("update", false, "write the generated files")

// TestDTS holds that connectors/hook.d.ts says what the tables say.
func TestDTS(t *testing.T) {
	const path = "../../connectors/hook.d.ts"
	if *update {
		if err := os.WriteFile(path, []byte(DTS()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != DTS() {
		t.Errorf("%s is not what the tables say; run go test ./runtime/script -run TestDTS -update", path)
	}
	if len(builtinDocs) != len(Builtins) {
		t.Fatal("a built-in function is not described")
	}
	for i, b := range builtinDocs {
		if name, _, _ := strings.Cut(b.signature, "("); name != Builtins[i] || builtins[i].name != name {
			t.Errorf("%s stands where %s should", name, Builtins[i])
		}
	}
}

// TestPageHasWhatTypesSay holds that the objects that hooks get have the properties of hook.d.ts.
func TestPageHasWhatTypesSay(t *testing.T) {
	for _, c := range []struct {
		value Value
		props []property
	}{
		{(&Page{}).Value(), pageProperties}, {(&Context{}).Value(), contextProperties}, {(&Request{}).Value(), requestProperties},
	} {
		if len(c.value.fields) != len(c.props) {
			t.Errorf("%d fields, %d described", len(c.value.fields), len(c.props))
		}
		for i, f := range c.value.fields {
			if f.Name != c.props[i].name {
				t.Errorf("%s is described as %s", f.Name, c.props[i].name)
			}
		}
	}
}

var block = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\w+))?\n(.*?)^```$")

// TestManual runs the examples of docs/hooks.md.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	run := map[string]bool{}
	for _, m := range block.FindAllStringSubmatch(string(text), -1) {
		kind := m[2]
		if m[1] == "js" && kind == "" {
			if _, err := Compile(&HookSource{File: "docs/hooks.md", Text: m[3]}, nil, Options{}); err != nil {
				t.Error(err)
			}
			continue
		}
		parts[kind] = m[3]
		if kind != "result" {
			continue
		}
		name, res := example(t, parts)
		run[name] = true
		if !rawjson.Equal(res.JSON, []byte(m[3])) {
			t.Errorf("%s gives\n%s\nand not\n%s", name, res.JSON, m[3])
		}
		parts = map[string]string{}
	}
	for _, f := range Functions {
		if !run[f.Name] {
			t.Errorf("the manual has no example of %s that is run", f.Name)
		}
	}
}

// example makes the call that the code blocks before a result describe.
func example(t *testing.T, parts map[string]string) (string, Result) {
	env := &Env{Now: fixedNow, Seed: 1}
	ctx := (&Context{Config: []byte(`{"source":"acme","secret":"s3cret"}`), Now: Time(fixedNow), RunID: "r1", Attempt: 1}).Value()
	if text := parts["expression"]; text != "" {
		p, err := Compile(nil, []Source{{Text: text, File: "docs/hooks.md", Line: 1, Col: 1}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		res, err := p.Eval(context.Background(), 0, env)
		if err != nil {
			t.Fatal(err)
		}
		return "expression", res
	}
	p, err := Compile(&HookSource{File: "docs/hooks.md", Text: parts["hook"]}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	name := p.Functions()[0]
	var res Result
	switch {
	case parts["page"] != "":
		res, err = p.Call(context.Background(), name, env, (&Page{Status: 200, Body: []byte(parts["page"]), JSON: true}).Value())
	case parts["rec"] != "":
		var all []Result
		if all, err = p.CallEach(context.Background(), name, env, [][]byte{[]byte(parts["rec"])}, ctx); err == nil {
			res = all[0]
		}
	case parts["req"] != "":
		req, derr := DecodeRequest(name, Result{JSON: []byte(parts["req"])})
		if derr != nil {
			t.Fatal(derr)
		}
		if res, err = p.Call(context.Background(), name, env, req.Value(), ctx); err == nil {
			_, err = DecodeRequest(name, res)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return name, res
}
