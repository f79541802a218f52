package spec

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:generate go test . -run TestSchemaFile -update

// schema is a JSON Schema, or a part of one.
type schema map[string]any

// definitions collects the named parts of the schema and the keys of every table.
type definitions struct {
	defs map[string]schema
	keys map[string][]string
}

// define makes the schema of that name once and refers to it.
func (d *definitions) define(name string, build func() schema) schema {
	if _, ok := d.defs[name]; !ok {
		d.defs[name] = schema{}
		d.defs[name] = build()
	}
	return schema{"$ref": "#/$defs/" + name}
}

// object is define for a table.
func (d *definitions) object(name string, build func() schema) schema { return d.define(name, build) }

// schema describes the mapping: its keys with their sentences and defaults.
func (tb *table[T]) schema(d *definitions) schema {
	props := map[string]schema{}
	required := []string{}
	for _, k := range tb.keys {
		d.keys[tb.name] = append(d.keys[tb.name], k.name)
		p := maps.Clone(k.schema(d))
		if !k.required {
			p = nullable(p)
		} else {
			required = append(required, k.name)
		}
		p["description"] = k.doc
		if k.def != nil {
			p["default"] = plain(k.def)
		}
		props[k.name] = p
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// nullable lets null stand for a key that is not given.
func nullable(s schema) schema {
	switch t := s["type"].(type) {
	case string:
		s["type"] = []string{t, "null"}
		return s
	case []string:
		if !slices.Contains(t, "null") {
			s["type"] = append(slices.Clone(t), "null")
		}
		return s
	}
	if list, ok := s["anyOf"].([]schema); ok {
		s["anyOf"] = append(slices.Clone(list), schema{"type": "null"})
		return s
	}
	if len(s) == 0 {
		return s
	}
	return schema{"anyOf": []schema{s, {"type": "null"}}}
}

// plain is a YAML value as encoding/json takes it.
func plain(n *yaml.Node) any {
	f := newFile("", "", Options{})
	made, _ := reader{file: f}.node(n)
	raw, _ := made.JSON()
	return json.RawMessage(raw)
}

// authSchema is one alternative for each type of auth.
func authSchema(d *definitions) schema {
	all := authTable.schema(d)
	props := all["properties"].(map[string]schema)
	alternatives := []schema{}
	for _, kind := range authKinds {
		own := map[string]schema{"type": {"const": kind.name, "description": props["type"]["description"]}}
		for _, name := range slices.Concat(kind.need, kind.may) {
			own[name] = props[name]
			switch {
			case name == "token" && kind.name == "bearer":
				own[name] = describe(templateText.schema(d), "the token")
			case name == "token":
				own[name] = describe(pick.schema(d), "where the token stands in the answer")
			}
		}
		alternatives = append(alternatives, schema{"type": "object", "properties": own, "required": append([]string{"type"}, kind.need...), "additionalProperties": false})
	}
	all["properties"] = maps.Clone(props)
	all["properties"].(map[string]schema)["type"] = schema{"$ref": "#/$defs/expression"}
	return schema{"anyOf": append(alternatives, all)}
}

func describe(s schema, doc string) schema {
	s = maps.Clone(s)
	s["description"] = doc
	return s
}

// build makes the whole schema from the tables.
var build = sync.OnceValue(func() *built {
	d := &definitions{defs: map[string]schema{}, keys: map[string][]string{}}
	d.defs["expression"] = schema{"type": "string", "pattern": `\$\{`, "description": "one or more ${…} expressions"}
	root := connectorTable.schema(d)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "A connector, format 1"
	root["$defs"] = d.defs
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		panic(err)
	}
	return &built{b.Bytes(), d.keys}
})

type built struct {
	json []byte
	keys map[string][]string
}

// Schema returns the JSON Schema (draft 2020-12) of connector files. It is made from the tables
// that Parse reads by; what only holds between keys, Parse alone checks.
func Schema() []byte { return slices.Clone(build().json) }

// homesOf lists the mappings that have a key of that name and whose own name says where they stand.
func homesOf(name string) []string {
	var homes []string
	for _, table := range []string{"http", "retry", "rate_limit", "throttle", "request", "records", "details", "pagination", "incremental", "window", "session", "limits", "chains"} {
		if slices.Contains(build().keys[table], name) {
			homes = append(homes, table)
		}
	}
	return homes
}
