package runtime_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

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
