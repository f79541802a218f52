package script

import (
	"fmt"
	"strings"
)

// DTS is the text of connectors/hook.d.ts: what editors complete and check hooks by. It is made from
// the tables that bind the functions.
func DTS() string {
	var b strings.Builder
	b.WriteString(`/// <reference no-default-lib="true" />
/// <reference lib="es2020" />

// Types of connector hooks. Generated from runtime/script; do not edit.
//
// A hook begins with
//
//     /// <reference path="../hook.d.ts" />
//     // @ts-check
//
// and declares the functions it needs, each with a JSDoc type:
//
//     /** @type {NextFunction} */

`)
	classes := make([]string, len(Classes))
	for i, c := range Classes {
		classes[i] = fmt.Sprintf("%q", c)
	}
	fmt.Fprintf(&b, "/** What an answer is. */\ndeclare type Class = %s;\n\n", strings.Join(classes, " | "))
	b.WriteString("/** Headers, looked up whatever their case. */\ndeclare interface HookHeaders { readonly [name: string]: string | undefined }\n\n")
	writeInterface(&b, "Page", "An answer. Values are read-only; change a copy: `{...value}`.", pageProperties, true)
	writeInterface(&b, "Context", "What a call may know besides its first argument. Read-only.", contextProperties, true)
	writeInterface(&b, "HookRequest", "A request; it may be changed in place.", requestProperties, false)
	writeInterface(&b, "Next", "What next() decides: one of token, end and fail, and perhaps memo and wait.", nextProperties, false)
	for _, f := range Functions {
		writeDoc(&b, "", f.Doc...)
		fmt.Fprintf(&b, "declare type %s = (%s) => %s;\n\n", typeName(f.Name), params(f), f.Result)
	}
	for _, x := range builtinDocs {
		writeDoc(&b, "", x.doc)
		fmt.Fprintf(&b, "declare function %s;\n\n", x.signature)
	}
	b.WriteString("/** Goes to the log at debug level, with file and line. */\ndeclare const console: { log(...values: any[]): void; debug(...values: any[]): void; info(...values: any[]): void; warn(...values: any[]): void; error(...values: any[]): void };\n")
	return b.String()
}

// builtinDocs describes Builtins, in their order.
var builtinDocs = []struct{ signature, doc string }{
	{"param(url: any, name: string): string | null", "A query parameter of a URL, decoded; null without it."},
	{"match(text: any, regex: RegExp | string): string | null", "The first group of the first match, or the whole match of a pattern without groups; null without a match."},
	{"time(x: any, layout?: string): any", "A time as RFC 3339 in UTC, or in a layout: `rfc3339`, `epoch`, `epoch_ms` (numbers) or a layout of Go. `x` is RFC 3339, an HTTP date, seconds or milliseconds since 1970, a Date, `now` or `-30d`."},
	{"add(time: any, duration: string): any", "A time moved by a duration (`\"-5m\"`, `\"30d\"`), in the form it was given in."},
	{"sha256(x: any): string | null", "The digest of a text's UTF-8, in lower case hexadecimal."},
	{"hmac_sha256(key: any, x: any): string | null", "The code of a text's UTF-8, in lower case hexadecimal."},
	{"base64(x: any): string | null", "A text's UTF-8 in Base64 with padding."},
	{"base64url(x: any): string | null", "A text's UTF-8 in the Base64 of URLs, without padding."},
	{"json(x: any): string", "A value as JSON, numbers with all their digits."},
	{"uuid(): string", "A random UUID (version 4) of the run's seed."},
}

func typeName(function string) string {
	return strings.ToUpper(function[:1]) + function[1:] + "Function"
}

func params(f Function) string {
	parts := make([]string, len(f.Params))
	for i, p := range f.Params {
		parts[i] = p.Name + ": " + p.Type
	}
	return strings.Join(parts, ", ")
}

func writeInterface(b *strings.Builder, name, doc string, props []property, readonly bool) {
	writeDoc(b, "", doc)
	fmt.Fprintf(b, "declare interface %s {\n", name)
	for _, p := range props {
		writeDoc(b, "  ", p.doc)
		prefix, suffix := "", ""
		if readonly {
			prefix = "readonly "
		}
		if p.optional {
			suffix = "?"
		}
		fmt.Fprintf(b, "  %s%s%s: %s;\n", prefix, p.name, suffix, p.typ)
	}
	b.WriteString("}\n\n")
}

func writeDoc(b *strings.Builder, indent string, lines ...string) {
	if len(lines) == 1 {
		fmt.Fprintf(b, "%s/** %s */\n", indent, lines[0])
		return
	}
	b.WriteString(indent + "/**\n")
	for _, l := range lines {
		b.WriteString(indent + " * " + l + "\n")
	}
	b.WriteString(indent + " */\n")
}
