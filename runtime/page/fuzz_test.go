package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

var fuzzPlans = []struct {
	path string
	refs []string
}{
	{"items", []string{"body.next", "body.items[-1].id", "body.items[0]", "last.id", "max.n", "body.meta.total", "body.meta"}},
	{"$", []string{"body[-1]", "first", "min.id", "body[*].id"}},
	{"a[*].b", []string{"body.a[*].b", "body.a[-2].b.c", "last.c"}},
	{"a.*", []string{"body.a.x", "body.a.x.y", "first.id"}},
	{"a[0].b", []string{"body.a[0].n"}},
}

// FuzzRead reads any body by several plans and compares what comes out with encoding/json and with
// looking each value up on its own.
func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"items":[{"id":1,"n":"x"},{"n":"2026-01-01T00:00:00Z","id":"2"}],"next":"n\"x","meta":{"total":3}}`,
		`{"items":[1],"items":[ 2 , {"id" : [ 1 ]} ],"meta":{"total":1},"meta":{}}`, `[{"id":1},{"id":2.0}]`, `[]`, `null`, `{"items":null}`,
		`{"a":[{"b":1},{"b":{"c":[]}},{}]}`, `{"a":{"x":{"y":1},"z":2,"x":3}}`, `{"a":[{"b":[1,2],"n":1}]}`, `{"\u0061":[{"b":1,"b":2}],"a":[{"\u0062":3}]}`,
		"\xef\xbb\xbf[]", "[1]x", `{"items":[1}`, `{"a":[{"b":1,"b":[{"b":2}]}],"a":[]}`, `{"items":[{"id":1,"id":null}]}`,
	} {
		f.Add([]byte(s))
	}
	page := new(Page)
	var plans []*Plan
	for _, p := range fuzzPlans {
		plans = append(plans, &Plan{Path: path(p.path), HasPath: true, Keys: []engine.Path{path("$")}, Fields: []engine.Path{path("id"), path("b.c"), path("n[0]")}, Refs: refs(p.refs...)})
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text := Unmark(body)
		valid := json.Valid(text) && utf8.Valid(text)
		before := bytes.Clone(body)
		for i, pl := range plans {
			err := pl.Read(body, "", page)
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("%q: error %T: %v", body, err, err)
			}
			if (e == nil || e.Code != CodeBody) != valid {
				t.Fatalf("%q is valid: %v, but %v", body, valid, err)
			}
			if !bytes.Equal(body, before) {
				t.Fatalf("%q has been changed to %q", before, body)
			}
			inPieces(t, pl, body, page, err)
			if err == nil {
				same(t, fuzzPlans[i].path, pl, text, page)
			}
		}
	})
}

// same compares a page with what plain look-ups find.
func same(t *testing.T, written string, pl *Plan, body []byte, p *Page) {
	t.Helper()
	var want [][]byte
	if pl.prog.all >= 0 {
		pl.Path.Each(body, func(v []byte) { want = append(want, v) })
	} else if list, ok := pl.Path.Get(body); ok {
		var raw []json.RawMessage
		if err := json.Unmarshal(list, &raw); err != nil {
			t.Fatalf("%s of %q: records out of %q", written, body, list)
		}
		for _, r := range raw {
			want = append(want, r)
		}
	}
	if len(want) != len(p.Records) {
		t.Fatalf("%s of %q: %d records, want %d", written, body, len(p.Records), len(want))
	}
	for i, w := range want {
		var c bytes.Buffer
		if err := json.Compact(&c, w); err != nil || !bytes.Equal(c.Bytes(), p.Records[i]) {
			t.Fatalf("%s of %q: record %d is %q, want %q", written, body, i, p.Records[i], w)
		}
		for k, f := range pl.Fields {
			v, ok := f.Get(w)
			if got := p.Field(i, k); ok != (got != nil) || !bytes.Equal(got, v) {
				t.Fatalf("%s of %q: field %s of record %d is %q, want %q", written, body, f, i, got, v)
			}
		}
	}
	for i, r := range pl.Refs {
		doc := body
		switch r.Root {
		case engine.RootFirst, engine.RootLast:
			if len(want) == 0 {
				continue
			}
			if doc = want[0]; r.Root == engine.RootLast {
				doc = want[len(want)-1]
			}
		case engine.RootBody:
		default:
			continue
		}
		v, ok := r.Path.Get(doc)
		if got := p.Values[i]; ok != (got != nil) || !bytes.Equal(got, rawjson.Compact(nil, v)) && !rawjson.Equal(got, v) {
			t.Fatalf("%s of %q is %q, want %q", r.Source, body, got, v)
		}
	}
}

// FuzzFormats reads any body in every format: what comes out is JSON, what does not is an *Error.
func FuzzFormats(f *testing.F) {
	f.Add([]byte("a,b\n1,\"x\"\n"))
	f.Add([]byte("{\"a\":1}\n[2]\n"))
	f.Add([]byte("<r><a x='1'>t</a><a/>&amp;<b><![CDATA[x]]></b></r>"))
	f.Add([]byte("<r><r><r/></r></r>"))
	p := new(Page)
	plans := []*Plan{
		{Format: "ndjson"}, {Format: "ndjson", Path: path("a[0]"), HasPath: true, Optional: true},
		{Format: "csv", CSV: CSV{Header: true, Quote: true}}, {Format: "csv", CSV: CSV{Comma: ";"}},
		{Format: "xml", Path: path("r.a"), HasPath: true, Optional: true, Refs: refs("body.r.b", "max.x")}, {Format: "xml", Path: path("r[*].r"), HasPath: true},
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, pl := range plans {
			if err := pl.Read(body, "", p); err != nil {
				var e *Error
				if !errors.As(err, &e) {
					t.Fatalf("%q: error %T: %v", body, err, err)
				}
				continue
			}
			for _, r := range append(append([][]byte{p.Body}, p.Records...), p.Values...) {
				if r != nil && (!json.Valid(r) || bytes.IndexByte(r, '\n') >= 0 && pl.Format != "xml") {
					t.Fatalf("%s: %q gives %q", pl.Format, body, r)
				}
			}
		}
	})
}
