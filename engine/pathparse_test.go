package engine

import (
	"errors"
	"reflect"
	"testing"
)

func field(name string) Step { return Step{Field: name} }
func index(i int) Step       { return Step{Kind: StepIndex, Index: i} }

var all = Step{Kind: StepAll}

func TestParsePath(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Path
		text string
	}{
		{"$", Path{}, "$"},
		{"data.items", Path{field("data"), field("items")}, "data.items"},
		{"$.a.b", Path{field("a"), field("b")}, "a.b"},
		{"hits.hits[*]._source", Path{field("hits"), field("hits"), all, field("_source")}, "hits.hits[*]._source"},
		{"query.pages.*", Path{field("query"), field("pages"), all}, "query.pages[*]"},
		{"data.edges[*].node", Path{field("data"), field("edges"), all, field("node")}, "data.edges[*].node"},
		{"['a.b']", Path{field("a.b")}, "['a.b']"},
		{`["a'b"].c`, Path{field("a'b"), field("c")}, `['a\'b'].c`},
		{"[-1]", Path{index(-1)}, "[-1]"},
		{"$[0][*]", Path{index(0), all}, "[0][*]"},
		{"*", Path{all}, "[*]"},
		{"*.id", Path{all, field("id")}, "[*].id"},
		{"@odata", Path{field("@odata")}, "@odata"},
		{"$ref.x", Path{field("$ref"), field("x")}, "$ref.x"},
		{"['$']", Path{field("$")}, "['$']"},
		{"soap:Body.#text", Path{field("soap:Body"), field("#text")}, "soap:Body.#text"},
		{"größe.京-1", Path{field("größe"), field("京-1")}, "größe.京-1"},
		{"pages.123", Path{field("pages"), field("123")}, "pages.123"},
		{"['']", Path{field("")}, "['']"},
	} {
		got, err := ParsePath(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParsePath(%q) = %v, %v; want %v", c.in, got, err, c.want)
			continue
		}
		if got.String() != c.text {
			t.Errorf("ParsePath(%q).String() = %q; want %q", c.in, got.String(), c.text)
		}
	}
}

func TestParsePathErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "column 1: the path is empty; the whole document is `$`",
		"a.":                      "column 2: the path ends with a dot",
		"a..b":                    "column 3: `..` is not supported: write the whole path down to the value",
		"a.[0]":                   "column 2: a dot stands before `[`: write `a[0]`, not `a.[0]`",
		"a[0]b":                   "column 5: a dot or `[` is missing before `b`",
		"a[":                      "column 2: `[` is not closed",
		"a[0":                     "column 2: `[` is not closed",
		"a[]":                     "column 2: `[]` says nothing; every element is `[*]`",
		"a[name]":                 "column 3: `name` is not an index; a field name in brackets is quoted: ['name']",
		"a[1:2]":                  "column 3: a slice cannot stand in a path: use `[0]`, `[-1]` or `[*]`",
		"a[?(@.b)]":               "column 3: a filter cannot stand in a path: use `records.filter` or an expression",
		"a['b":                    "column 3: the quote ' is not closed",
		"a b":                     "column 2: a field name that holds ' ' is written in brackets and quotes: ['…']",
		"a.*b":                    "column 4: nothing may stand between `*` and the next dot",
		"a[99999999999999999999]": "column 3: `99999999999999999999` is not an index; a field name in brackets is quoted: ['99999999999999999999']",
	} {
		_, err := ParsePath(in)
		var pe *PathError
		if !errors.As(err, &pe) || err.Error() != want {
			t.Errorf("ParsePath(%q): %v; want %s", in, err, want)
		}
	}
}

func TestParseRef(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Ref
		text string
	}{
		{"body", Ref{Path: Path{}}, "body"},
		{"body.meta.next", Ref{Path: Path{field("meta"), field("next")}}, "body.meta.next"},
		{"body['@odata.nextLink']", Ref{Path: Path{field("@odata.nextLink")}}, "body['@odata.nextLink']"},
		{"body.hits.hits[-1].sort", Ref{Path: Path{field("hits"), field("hits"), index(-1), field("sort")}}, "body.hits.hits[-1].sort"},
		{"header.X-Next-Cursor", Ref{Root: RootHeader, Name: "X-Next-Cursor"}, "header.X-Next-Cursor"},
		{"header['X-Next']", Ref{Root: RootHeader, Name: "X-Next"}, "header.X-Next"},
		{"link.next", Ref{Root: RootLink, Name: "next"}, "link.next"},
		{"link.next.results", Ref{Root: RootLink, Name: "next", Attr: "results"}, "link.next.results"},
		{"link['https://a.b/#n'].x", Ref{Root: RootLink, Name: "https://a.b/#n", Attr: "x"}, "link['https://a.b/#n'].x"},
		{"last.id", Ref{Root: RootLast, Path: Path{field("id")}}, "last.id"},
		{"first", Ref{Root: RootFirst, Path: Path{}}, "first"},
		{"max.updated_timestamp", Ref{Root: RootMax, Path: Path{field("updated_timestamp")}}, "max.updated_timestamp"},
		{"min['a b']", Ref{Root: RootMin, Path: Path{field("a b")}}, "min['a b']"},
		{"status", Ref{Root: RootStatus}, "status"},
	} {
		c.want.Source = c.in
		got, err := ParseRef(c.in)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("ParseRef(%q) = %+v, %v; want %+v", c.in, got, err, c.want)
			continue
		}
		if got.String() != c.text {
			t.Errorf("ParseRef(%q).String() = %q; want %q", c.in, got.String(), c.text)
		}
	}
}

func TestParseRefErrors(t *testing.T) {
	const roots = " is not a reference: it begins with one of body, header, link, first, last, max, min, status"
	for in, want := range map[string]string{
		"meta.next":      "column 1: `meta.next`" + roots + "; did you mean `body.meta.next`?",
		"headers.X-Next": "column 1: `headers.X-Next`" + roots + "; did you mean `header.X-Next`?",
		"$.meta.next":    "column 1: `$.meta.next`" + roots + "; did you mean `body.meta.next`?",
		"Body.next":      "column 1: `Body.next`" + roots + "; did you mean `body.next`?",
		"":               "column 1: ``" + roots,
		"header":         "column 7: the header's name is missing, such as `header.X-Next`",
		"header.a.b":     "column 7: a header has one name and no parts; a name with a dot is quoted: header['a.b']",
		"header['a'].b":  "column 7: a header has one name and no parts",
		"header[0]":      "column 7: the header's name is a name, such as `header.X-Next`",
		"link":           "column 5: the link's rel is missing, such as `link.next`",
		"link.a.b.c":     "column 5: a link has a rel and at most one attribute; a rel with a dot is quoted: link['…']",
		"status.x":       "column 7: `status` is a number and has no parts",
		"body.a..b":      "column 8: `..` is not supported: write the whole path down to the value",
		"last.":          "column 5: the path ends with a dot",
	} {
		_, err := ParseRef(in)
		var pe *PathError
		if !errors.As(err, &pe) || err.Error() != want {
			t.Errorf("ParseRef(%q): %v; want %s", in, err, want)
		}
	}
}

func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"$", "a.b[0]", "$.a['x'].*", "a[*].b[-1]", `["a\"b"]`, "a..b", "['"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			var pe *PathError
			if !errors.As(err, &pe) || pe.Col < 0 || pe.Col > len(s) {
				t.Fatalf("ParsePath(%q): error %#v points outside", s, err)
			}
			return
		}
		again, err := ParsePath(p.String())
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%q → %q → %v, %v", s, p.String(), again, err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	for _, s := range []string{"body.a", "header['X']", "link.next.results", "status", "last[0].x", "max"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRef(s)
		if err != nil {
			var pe *PathError
			if !errors.As(err, &pe) || pe.Col < 0 || pe.Col > len(s) {
				t.Fatalf("ParseRef(%q): error %#v points outside", s, err)
			}
			return
		}
		again, err := ParseRef(r.String())
		again.Source = r.Source
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%q → %q → %+v, %v", s, r.String(), again, err)
		}
	})
}
