package spec

import (
	"strings"
	"testing"
)

// TestExpressionEnd: the brace that ends an expression is the one marked with ¶ before it.
func TestExpressionEnd(t *testing.T) {
	for _, text := range []string{
		"a.b¶} rest }",
		"{a: {b: 1}}.a¶}",
		`'}' + "}" + '\'}'¶}`,
		"`}${ {a: `}`}.a }}`¶}",
		"x.replace(/[}/]}/g, '}')¶}",
		"a / b / c¶}",
		"(a) / 2 + f[0] / 3¶} /}/",
		"/* } */ a // }\n + 1¶}",
		"a.map(e => { return /}/.test(e) })¶}",
		"body.größe?.x¶}",
		"1.5e3 / 2¶}",
		"a ? '{' : `{`¶}",
		"return /}/¶}",
		"¶}",
	} {
		want := strings.Index(text, "¶")
		src := strings.Replace(text, "¶", "", 1)
		_, end, err := expressionEnd("${"+src, 2)
		if err != nil || end != want+2 {
			t.Errorf("%q ends at %d, %v; want %d", src, end-2, err, want)
		}
	}
	for text, want := range map[string]string{
		"a":          "byte 1: the expression is not closed",
		"{}":         "byte 2: the expression is not closed",
		"'a}":        "byte 0: the string is not closed",
		"`a}":        "byte 0: the template is not closed",
		"`${a}":      "byte 0: the template is not closed",
		"`${a":       "byte 4: the expression is not closed",
		"/a}":        "byte 0: the regular expression is not closed",
		"/a\n/}":     "byte 0: the regular expression is not closed",
		"a // }":     "byte 2: the comment hides the end of the expression",
		"a /* }":     "byte 2: the comment is not closed",
		`'\`:         "byte 0: the string is not closed",
		"a ? {b : c": "byte 10: the expression is not closed",
	} {
		_, _, err := expressionEnd(text, 0)
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v; want %s", text, err, want)
		}
	}
}

func TestFreeNames(t *testing.T) {
	for text, want := range map[string]string{
		"config.a + body?.b.c":                           "config.a body.b",
		"{config: 1, x: body}":                           "body",
		"a ? config : b":                                 "a config b",
		"body.errors.some(config => config.x)":           "body.errors",
		"list.map(({a, config}) => config.x + run.id)":   "list.map run.id",
		"(function (page) { return page.x + body })":     "function return body",
		"`${config.a}${`${run.id}`}`":                    "config.a run.id",
		"f(...config)":                                   "f config",
		"'config.x' + /config/.test(headers['config'])":  "headers",
		"(() => { const page = body; return page.x })()": "const body return",
	} {
		tokens, _, err := expressionEnd(text+"}", 0)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, n := range freeNames(tokens) {
			if n.member != "" {
				got = append(got, n.name+"."+n.member)
			} else {
				got = append(got, n.name)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q reads %q; want %q", text, strings.Join(got, " "), want)
		}
	}
}

// FuzzTemplate: a text in double quotes gives parts that stand where they say.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"a ${config.x} b", "${\f}", "${o\u0085}", "$${x} ${1 + {a: 1}.a}", "${`}${'}'}`}", "${", "${}", "é\t${ x }", "${a / b} ${/}/}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src := "connector: x\nformat: 1\nstreams: {a: {request: {url: https://a.example, body: {x: " + quoteYAML(text) + "}}}}\n"
		root, errs := tree("c.yaml", []byte(src))
		if root == nil {
			if len(errs) == 0 {
				t.Fatal("no node and no errors")
			}
			return
		}
		file := newFile("c.yaml", src, Options{})
		made, ok := reader{file: file, scope: ScopeRequest}.node(root)
		if !ok {
			return
		}
		x := made.Fields[2].Value.Fields[0].Value.Fields[0].Value.Fields[1].Value.Fields[0].Value
		if x.Kind != KindString {
			t.Fatalf("%q is no text", text)
		}
		for _, p := range x.Text.Parts {
			if p.Expr == nil {
				continue
			}
			line := linesOf(src)[p.Expr.Pos.Line-1]
			at := []rune(line)[p.Expr.Pos.Col-1]
			if at == '"' && strings.ContainsAny(text, "\u0085\u2028\u2029") {
				continue // YAML folds at these: the place is that of the whole scalar
			}
			if first := []rune(p.Expr.Source)[0]; first != at && at != '\\' {
				t.Fatalf("%q: the expression %q is said to begin with %q", line, p.Expr.Source, at)
			}
		}
	})
}

// quoteYAML writes a double quoted scalar.
func quoteYAML(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\x` + string("0123456789abcdef"[r>>4]) + string("0123456789abcdef"[r&15]))
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
