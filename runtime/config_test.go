package runtime_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
)

func TestConfigElements(t *testing.T) {
	list := &spec.Variable{Name: "v", Type: "list", Enum: []json.RawMessage{json.RawMessage(`"a"`), json.RawMessage(`"b"`), json.RawMessage(`3`)}}
	matched := &spec.Variable{Name: "v", Type: "list", Pattern: "^[a-z]+$"}
	for _, c := range []struct {
		of        *spec.Variable
		given     string
		value, no string
	}{
		{list, "a", `["a"]`, ""},
		{list, "b,a,3", `["b","a","3"]`, ""},
		{list, "", `[]`, ""},
		{list, "a,c", "", "config.v: --set [\"a\",\"c\"]: want one of a, b, 3 for each element"},
		{matched, "ab,c", `["ab","c"]`, ""},
		{matched, "ab,C", "", "config.v: --set [\"ab\",\"C\"]: want text that matches ^[a-z]+$ for each element"},
	} {
		got, err := runtime.ResolveConfig([]*spec.Variable{c.of}, runtime.ConfigSource{Set: map[string]string{"v": c.given}})
		if c.no != "" {
			if err == nil || err.Error() != c.no {
				t.Errorf("%q: %v, want %s", c.given, err, c.no)
			}
			continue
		}
		if err != nil || string(got.Value("v")) != c.value {
			t.Errorf("%q: %s, %v; want %s", c.given, got.Value("v"), err, c.value)
		}
	}
}

func TestConfigSecrets(t *testing.T) {
	var told []string
	tell := func(s string) { told = append(told, s) }
	list := &spec.Variable{Name: "v", Type: "list", Secret: true}
	_, err := runtime.ResolveConfig([]*spec.Variable{list}, runtime.ConfigSource{
		File: map[string]json.RawMessage{"v": json.RawMessage(`["abcdefgh", ["zyxwvut", {"k": "nested"}]]`)}, Secrets: tell,
	})
	for _, s := range []string{"abcdefgh", "zyxwvut", "nested"} {
		if !slices.Contains(told, s) {
			t.Errorf("%s is not told as a secret: %q, %v", s, told, err)
		}
	}
	const secret = "12345"
	for _, typ := range []string{"integer", "number", "boolean", "time", "duration", "url", "list", "string"} {
		told = nil
		given := json.RawMessage(`"` + secret + `"`)
		v := &spec.Variable{Name: "v", Type: typ, Secret: true, Pattern: "^x"}
		_, err := runtime.ResolveConfig([]*spec.Variable{v}, runtime.ConfigSource{File: map[string]json.RawMessage{"v": given}, Now: time.Now(), Secrets: tell})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", typ, err)
		}
		if !slices.Contains(told, secret) {
			t.Errorf("%s: what is refused is shown elsewhere: %q", typ, told)
		}
	}
}

// What a file says without quotes is the value's text, whatever YAML would make of it.
func TestConfigFileKeepsText(t *testing.T) {
	for _, c := range []struct{ typ, yaml, want string }{
		{"string", "0012", `"0012"`}, {"string", "1.10", `"1.10"`}, {"string", "2024-01-01", `"2024-01-01"`}, {"string", "12345678901234567890123", `"12345678901234567890123"`},
		{"string", "1e3", `"1e3"`}, {"string", "0x1F", `"0x1F"`}, {"string", "1_000", `"1_000"`}, {"string", "yes", `"yes"`}, {"string", "True", `"True"`}, {"string", "true", `"true"`},
		{"string", `"0012"`, `"0012"`}, {"string", "~", "null"}, {"string", "2024-01-01T00:00:00.10+02:00", `"2024-01-01T00:00:00.10+02:00"`},
		{"integer", "12345678901234567890123", "12345678901234567890123"}, {"integer", "0x1F", "31"}, {"integer", "1_000", "1000"}, {"integer", "0012", ""}, {"integer", `"x"`, ""},
		{"number", "1.10", "1.10"}, {"number", "+1.5", "1.5"}, {"boolean", "True", "true"}, {"boolean", "yes", ""},
		{"list", "[0012, 1.10, True, x, 2024-01-01]", `["0012",1.10,"True","x","2024-01-01"]`}, {"time", "2024-01-01", `"2024-01-01"`}, {"duration", "0", "0"},
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(c.yaml), &doc); err != nil {
			t.Fatal(err)
		}
		raw, err := spec.ValueJSON(&doc)
		if err != nil || !json.Valid(raw) {
			t.Errorf("%s: %s, %v", c.yaml, raw, err)
			continue
		}
		got, err := runtime.ResolveConfig([]*spec.Variable{{Name: "v", Type: c.typ}}, runtime.ConfigSource{File: map[string]json.RawMessage{"v": raw}})
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: %s is %s", c.typ, c.yaml, got.Value("v"))
			}
		} else if err != nil || string(got.Value("v")) != c.want {
			t.Errorf("%s: %s is %s, %v; want %s", c.typ, c.yaml, got.Value("v"), err, c.want)
		}
	}
}
