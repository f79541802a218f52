package docs_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
)

// preludes are what stands around a block of the format's page that shows a part of a connector, by
// the part's key.
var preludes = map[string]string{
	"connector": "",
	"config":    "connector: part\nformat: 1\nstreams: {list: {request: {url: \"https://api.example.com/\"}}}\n",
	"http":      "connector: part\nformat: 1\nstreams: {list: {request: {path: /list}}}\n",
	"streams": "connector: part\nformat: 1\nhttp: {base_url: \"https://api.example.com\"}\n" +
		"config: {org: {}, collection: {}, index: {}, since: {type: time}}\n",
}

// TestFormatConnectors: every connector on the format's page, whole or in part, is valid, and
// its expressions compile.
func TestFormatConnectors(t *testing.T) {
	list := blocks(read(t, "docs/format.md"), "yaml")
	if len(list) < 5 {
		t.Fatalf("%d blocks", len(list))
	}
	for n, text := range list {
		key, _, _ := strings.Cut(text, ":")
		prelude, ok := preludes[key]
		if !ok {
			t.Errorf("block %d begins with %q: it is no part that can be read", n+1, key)
			continue
		}
		name := fmt.Sprintf("format.md-block-%d", n+1)
		if _, err := runtime.Parse(name, []byte(prelude+text), nil, script.Options{}); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// sections says under which heading the format's page explains each definition of the schema; ""
// stands for the connector itself.
var sections = map[string]string{
	"": "Files", "variable": "config", "http": "http", "tls": "tls", "auth": "auth", "rate_limit": "rate_limit", "throttle": "throttle",
	"retry": "retry", "rule": "responses", "stream": "streams", "request": "request", "records": "records", "csv": "csv", "details": "details",
	"limits": "limits", "pagination": "pagination", "limit": "limit", "total": "total", "token": "token", "fallback": "fallback",
	"on_end": "on_end", "incremental": "incremental", "partition": "partitions", "window": "window", "chains": "chains",
	"session": "session", "wait": "wait",
	"expression": "Expressions", "pick": "References", "send": "Targets",
}

// node is what is read of a JSON Schema.
type node struct {
	Properties map[string]node `json:"properties"`
	AnyOf      []node          `json:"anyOf"`
	Items      *node           `json:"items"`
	Enum       []any           `json:"enum"`
	Const      any             `json:"const"`
	Default    json.RawMessage `json:"default"`
	Required   []string        `json:"required"`
	Defs       map[string]node `json:"$defs"`
}

// TestFormatKeys: the page has every key that a connector may have, with its default and every word
// that may be its value, under the heading of the mapping that the key belongs to.
func TestFormatKeys(t *testing.T) {
	page := headed(read(t, "docs/format.md"))
	var schema node
	if err := json.Unmarshal(spec.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	schema.Defs[""] = schema
	keys := 0
	for name, def := range schema.Defs {
		heading, ok := sections[name]
		text, found := page[heading]
		if !ok || !found {
			t.Errorf("no heading for the definition %q", name)
			continue
		}
		keys += explained(t, heading, text, def)
	}
	for name := range sections {
		if _, ok := schema.Defs[name]; !ok {
			t.Errorf("the schema has no definition %q", name)
		}
	}
	if keys < 160 {
		t.Errorf("only %d keys", keys)
	}
	for _, role := range spec.Roles {
		if !strings.Contains(page["hook"], "`"+role+"`") {
			t.Errorf("hook: the function `%s` is missing", role)
		}
	}
}

// explained checks the keys of a definition against the text below its heading, and returns how many
// there are.
func explained(t *testing.T, heading, text string, def node) int {
	t.Helper()
	for _, one := range def.AnyOf {
		explained(t, heading, text, one)
	}
	if kind, ok := def.Properties["type"].Const.(string); ok { // a row for each kind, with its keys
		row := rowOf(text, kind)
		for name := range def.Properties {
			if name != "type" && !strings.Contains(row, "`"+name+"`") {
				t.Errorf("%s: the row of %s does not have `%s`", heading, kind, name)
			}
		}
	}
	for name, key := range def.Properties {
		if !regexp.MustCompile("`" + name + "[`:]").MatchString(text) {
			t.Errorf("%s: the key `%s` is missing", heading, name)
			continue
		}
		for _, word := range words(key) {
			if !strings.Contains(text, "`"+word+"`") && !strings.Contains(text, "{type: "+word) {
				t.Errorf("%s: the value `%s` of `%s` is missing", heading, word, name)
			}
		}
		row := rowOf(text, name)
		if row == "" && def.AnyOf == nil && heading != "auth" && heading != "hook" {
			t.Errorf("%s: no row for `%s`", heading, name)
		}
		if shown := plainDefault(key.Default); shown != "" && !strings.Contains(row, "`"+shown+"`") {
			t.Errorf("%s: the row of `%s` does not say its default %s", heading, name, shown)
		}
	}
	for _, name := range def.Required {
		if heading == "auth" {
			break
		}
		if row := rowOf(text, name); row != "" && !strings.Contains(row, "| required |") {
			t.Errorf("%s: the row of `%s` does not say that it is required", heading, name)
		}
	}
	return len(def.Properties)
}

// words are the values that a key may have, where they are words.
func words(n node) []string {
	var list []string
	for _, v := range append(n.Enum, n.Const) {
		if s, ok := v.(string); ok && s != "0" { // a duration without a unit
			list = append(list, s)
		}
	}
	for _, one := range n.AnyOf {
		list = append(list, words(one)...)
	}
	if n.Items != nil {
		list = append(list, words(*n.Items)...)
	}
	return list
}

// plainDefault writes a default as the page does, "" without one. Lists are written as YAML does.
func plainDefault(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return string(raw)
	}
	parts := make([]string, len(list))
	for i, one := range list {
		if parts[i] = string(one); json.Unmarshal(one, &s) == nil && s != "" && parts[i] != "null" {
			parts[i] = s
		}
		s = ""
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// rowOf is the row of a table that begins with the key, "" without.
func rowOf(text, key string) string {
	for row := range strings.Lines(text) {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		if strings.HasPrefix(row, "|") && strings.Contains(first, "`"+key+"`") {
			return row
		}
	}
	return ""
}

var headline = regexp.MustCompile(`(?m)^#{2,4} (.+)$`)

// headed cuts a page at its headings.
func headed(text string) map[string]string {
	parts := map[string]string{}
	found := headline.FindAllStringSubmatchIndex(text, -1)
	for i, m := range found {
		end := len(text)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		parts[text[m[2]:m[3]]] = text[m[1]:end]
	}
	return parts
}

// TestFormatAnchors: what the page links to on itself is a heading.
func TestFormatAnchors(t *testing.T) {
	text := read(t, "docs/format.md")
	known := map[string]bool{}
	for name := range headed(text) {
		known[strings.ReplaceAll(strings.ToLower(name), " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(text, -1) {
		if !known[m[1]] {
			t.Errorf("no heading #%s", m[1])
		}
	}
}
