package script

import (
	"strings"
	"testing"
)

// TestOutlineTellsPartsApart: what a function is changes with it and with what it uses, and with nothing
// else of the file.
func TestOutlineTellsPartsApart(t *testing.T) {
	const text = `
const BASE = {a: 1}, STEP = 2
const SKIP = new Set(["x"])
function at(page) { return page.body.at + STEP }
function next(page) { const record = at(page); return {token: record} }
function record(rec) { return SKIP.has(rec.id) ? null : {...rec, base: BASE.a} }
`
	was := NewOutline(text).Of("next").Hash
	for _, c := range []struct {
		name, from, to string
		same           bool
	}{
		{"a comment", "function next", "// more\nfunction next", true},
		{"white space and a comment inside", "const record = at(page);", "const record =\n    at(page) /* here */;", true},
		{"another function", "...rec, base", "...rec, more: 1, base", true},
		{"what only another function uses", `["x"]`, `["x", "y"]`, true},
		{"itself", "{token: record}", "{token: record + 1}", false},
		{"a helper", "page.body.at +", "page.body.from +", false},
		{"a constant of a helper", "STEP = 2", "STEP = 3", false},
		{"a string", "page.body.at", `page.body["at"]`, false},
		{"a statement that could do anything", "function at", "Object.prototype.x = 1\nfunction at", false},
		{"a value made by a call", "SKIP = new Set([\"x\"])", "SKIP = made()\nfunction made() { return new Set() }", false},
	} {
		changed := strings.Replace(text, c.from, c.to, 1)
		if changed == text {
			t.Fatalf("%s: nothing changed", c.name)
		}
		if got := NewOutline(changed).Of("next").Hash; (got == was) != c.same {
			t.Errorf("%s: same %v, want %v", c.name, got == was, c.same)
		}
	}
}

// TestOutlineConfig finds what functions read of config.
func TestOutlineConfig(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"function next(page) { return {token: page.config.org + page.token} }", "org"},
		{"function next({config: {org, site: s}}) { return {token: org + s} }", "org site"},
		{"function next({config, token}) { return {token: config.org} }", "org"},
		{"function next(page) { const {org} = page.config; return {token: org} }", "org"},
		{"function next(page) { const config = page.config; return {token: config?.['org']} }", "org"},
		{"const org = (ctx) => ctx.config.org\nfunction next(page) { return {token: org(page)} }", "org"},
		{"function next(page) { return {token: page.token} }\nfunction record(r, ctx) { return {...r, org: ctx.config.org} }", ""},
		{"function next(page) { const c = page.config; return {token: c.org} }", "any"},
		{"function next(page) { const {org, ...rest} = page.config; return {token: rest[org]} }", "org any"},
		{"function next(page) { return {token: page.config[page.token]} }", "any"},
		{"function next(page) { return {token: json(page.config)} }", "any"},
		{"function next(page) { return {token: {config: page.token}} }", "any"},
		{"'use strict'; let x; x = 1; function next(page) { return {token: page.config.org} }", "any"},
		{"function next(page) {", ""},
	} {
		p := NewOutline(c.text).Of("next")
		got := strings.Join(p.Config, " ")
		if p.Any {
			got = strings.TrimSpace(got + " any")
		}
		if got != c.want {
			t.Errorf("%s: reads %q, want %q", c.text, got, c.want)
		}
	}
}
