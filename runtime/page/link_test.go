package page

import (
	"net/http"
	"testing"
)

func TestParseLinks(t *testing.T) {
	for _, c := range []struct {
		name      string
		lines     []string
		rel, attr string
		want      string // "" for none
	}{
		{"one", []string{`<https://api/x?page=2>; rel="next"`}, "next", "", "https://api/x?page=2"},
		{"second of a line", []string{`<a>; rel="prev", <b>; rel="next", <c>; rel="last"`}, "next", "", "b"},
		{"second line", []string{`<a>; rel="prev"`, `<b>; rel="next"`}, "next", "", "b"},
		{"several rels", []string{`<b>; rel="next last"`}, "last", "", "b"},
		{"case", []string{`<b>; REL=Next`}, "next", "", "b"},
		{"token", []string{`<b>;rel=next`}, "next", "", "b"},
		{"single quotes", []string{`<b>; rel='next'`}, "next", "", "b"},
		{"relative", []string{`</v2/_catalog?last=x&n=10>; rel="next"`}, "next", "", "/v2/_catalog?last=x&n=10"},
		{"commas and semicolons in the URL", []string{`<a?ids=1,2;3>; rel="next"`}, "next", "", "a?ids=1,2;3"},
		{"commas and semicolons in quotes", []string{`<a>; title="x, <y>; rel=\"next\""; rel="prev", <b>; rel="next"`}, "next", "", "b"},
		{"attribute", []string{`<a>; rel="previous"; results="false"; cursor="0:0:1", <b>; rel="next"; results="true"; cursor="0:100:0"`}, "next", "results", "true"},
		{"attribute with colons", []string{`<b>; rel="next"; results="true"; cursor="0:100:0"`}, "next", "cursor", "0:100:0"},
		{"attribute before rel", []string{`<b>; cursor=x; rel=next`}, "next", "CURSOR", "x"},
		{"no attribute", []string{`<b>; rel="next"`}, "next", "results", ""},
		{"flag", []string{`<b>; rel="next"; crossorigin`}, "next", "", "b"},
		{"extended", []string{`<b>; rel="next"; title="eur"; title*=UTF-8'en'%e2%82%ac%20x`}, "next", "title", "€ x"},
		{"first of a rel", []string{`<a>; rel="next"`, `<b>; rel="next"`}, "next", "", "a"},
		{"only the first rel parameter", []string{`<a>; rel="prev"; rel="next"`}, "next", "", ""},
		{"another context", []string{`<a>; rel="next"; anchor="/other", <b>; rel="next"`}, "next", "", "b"},
		{"spaces", []string{` < b > ; rel = "next" `}, "next", "", "b"},
		{"empty elements", []string{`, ,<b>; rel="next",`}, "next", "", "b"},
		{"empty URL", []string{`<>; rel="self", <b>; rel="next"`}, "next", "", "b"},
		{"malformed first", []string{`b; rel="next", <c>; rel="next"`}, "next", "", "c"},
		{"unclosed", []string{`<b; rel="next"`}, "next", "", ""},
		{"unclosed quote", []string{`<b>; rel="next`}, "next", "", "b"},
		{"none", nil, "next", "", ""},
		{"another rel", []string{`<b>; rel="nextish"`}, "next", "", ""},
		{"URI rel", []string{`<b>; rel="http://x/rel/next next"`}, "next", "", "b"},
	} {
		got, ok := ParseLinks(http.Header{"Link": c.lines}).Ref(c.rel, c.attr)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v, want %q", c.name, got, ok, c.want)
		}
	}
}

func FuzzParseLinks(f *testing.F) {
	f.Add(`<a>; rel="next last"; x="\"", <b>; rel=prev; title*=UTF-8''%41`)
	f.Add(`<a;,>;;=,"`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range ParseLinks(http.Header{"Link": {s, s}}) {
			for _, r := range l.Rels {
				if _, ok := (Links{l}).Ref(r, ""); !ok && l.Has(r) {
					t.Fatalf("%q: rel %q is not found", s, r)
				}
			}
		}
	})
}
