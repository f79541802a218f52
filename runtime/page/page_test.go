package page

import (
	"errors"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
)

// read reads a body and returns the page, which must be valid.
func read(t *testing.T, pl *Plan, body string) *Page {
	t.Helper()
	p := new(Page)
	if err := pl.Read([]byte(body), "", p); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	inPieces(t, pl, []byte(body), p, nil)
	return p
}

func records(p *Page) string {
	var b strings.Builder
	for i, r := range p.Records {
		if i > 0 {
			b.WriteByte('|')
		}
		b.Write(r)
	}
	return b.String()
}

func values(p *Page) string {
	var b strings.Builder
	for i, v := range p.Values {
		if i > 0 {
			b.WriteByte('|')
		}
		if v == nil {
			b.WriteByte('-')
		}
		b.Write(v)
	}
	return b.String()
}

// TestEdgeCases reads a page whose records stand at items and whose token stands at next.
func TestEdgeCases(t *testing.T) {
	pl := &Plan{Path: path("items"), HasPath: true, Refs: refs("body.next")}
	deep := strings.Repeat("[", 500) + strings.Repeat("]", 500)
	for _, c := range []struct{ name, body, records, next, fail string }{
		{name: "compact", body: `{"items":[{"a":1},{"a":2}],"next":"x"}`, records: `{"a":1}|{"a":2}`, next: `"x"`},
		{name: "next first", body: `{"next":"x","items":[{"a":1}]}`, records: `{"a":1}`, next: `"x"`},
		{name: "empty list", body: `{"items":[],"next":null}`, next: "null"},
		{name: "null list", body: `{"items":null}`, next: "-"},
		{name: "pretty", body: "{\n  \"items\": [\n    { \"a\" : \"x y\" },\n\t{\"b\": [ 1 , 2 ]}\r\n  ],\n \"next\" : {\"t\" : [ 1 ]}\n}\n", records: `{"a":"x y"}|{"b":[1,2]}`, next: `{"t":[1]}`},
		{name: "scalars", body: `{"items":[1,"two",null,true,[4]]}`, records: `1|"two"|null|true|[4]`, next: "-"},
		{name: "numbers keep their digits", body: `{"items":[9007199254740993,1.10,-0,1E+05,1e400],"next":12345678901234567890}`, records: `9007199254740993|1.10|-0|1E+05|1e400`, next: "12345678901234567890"},
		{name: "escapes stay", body: `{"items":["\/\u00e9\n"],"next":"\u0000"}`, records: `"\/\u00e9\n"`, next: `"\u0000"`},
		{name: "lone surrogates", body: `{"items":["\ud83d","\ude00x"],"next":"\uD800"}`, records: `"\ud83d"|"\ude00x"`, next: `"\uD800"`},
		{name: "key order and twice", body: `{"items":[{"b":1,"a":2,"b":3}]}`, records: `{"b":1,"a":2,"b":3}`, next: "-"},
		{name: "records key twice", body: `{"items":[1,2],"next":"a","items":[3],"next":"b"}`, records: "3", next: `"b"`},
		{name: "records key twice, then null", body: `{"items":[1,2],"items":null}`, next: "-"},
		{name: "key by escape", body: `{"\u0069tems":[1],"n\u0065xt":2}`, records: "1", next: "2"},
		{name: "key within a string", body: `{"x":"\"items\":[9]","items":[1]}`, records: "1", next: "-"},
		{name: "same key deeper", body: `{"x":{"items":[9],"next":9},"items":[{"items":[8]}],"next":1}`, records: `{"items":[8]}`, next: "1"},
		{name: "500 deep", body: `{"items":[` + deep + `]}`, records: deep, next: "-"},
		{name: "unicode", body: `{"items":["é世界😀"]}`, records: `"é世界😀"`, next: "-"},
		{name: "DEL and U+2028", body: "{\"items\":[\"\x7f\u2028\"]}", records: "\"\x7f\u2028\"", next: "-"},
		{name: "whitespace around", body: " \n{\"items\":[1]}\r\n\t ", records: "1", next: "-"},

		{name: "cut after the records", body: `{"items":[{"a":1}],"next":"x"`, fail: "body is cut"},
		{name: "cut in a record", body: `{"items":[{"a":1},{"a":`, fail: "body is cut"},
		{name: "cut in a string", body: `{"items":["ab`, fail: "ends inside a string"},
		{name: "cut in a character", body: "{\"items\":[\"\xe4\xb8", fail: "body is cut"},
		{name: "cut in a literal", body: `{"items":[tru`, fail: "body is cut"},
		{name: "cut in an escape", body: `{"items":["\u00`, fail: "body is cut"},
		{name: "garbage after", body: `{"items":[1]}x`, fail: "nothing more should be"},
		{name: "second value", body: `{"items":[1]}{"items":[2]}`, fail: "nothing more should be"},
		{name: "second value on a line", body: "{\"items\":[1]}\n{\"items\":[2]}", fail: "format: ndjson"},
		{name: "NULs after", body: "{\"items\":[1]}\x00\x00", fail: "control character 0x00"},
		{name: "bad literal aside", body: `{"items":[1],"x":nul}`, fail: "not true, false or null"},
		{name: "True", body: `{"items":[True]}`, fail: "at byte 10"},
		{name: "missing comma", body: `{"items":[1 2]}`, fail: "a comma or ]"},
		{name: "missing comma between members", body: `{"items":[1] "next":2}`, fail: "a comma or }"},
		{name: "missing colon", body: `{"items" [1]}`, fail: "colon"},
		{name: "control character in a string", body: "{\"items\":[\"a\nb\"]}", fail: "control character 0x0a"},
		{name: "tab in a key", body: "{\"it\tems\":[]}", fail: "control character 0x09"},
		{name: "bad escape", body: `{"items":["\x41"]}`, fail: "backslash"},
		{name: "bad unicode escape", body: `{"items":["\u00g0"]}`, fail: "hexadecimal"},
		{name: "1.", body: `{"items":[1.]}`, fail: "digit"},
		{name: ".5", body: `{"items":[.5]}`, fail: "a value should be"},
		{name: "minus", body: `{"items":[-]}`, fail: "digit"},
		{name: "1e", body: `{"items":[1e]}`, fail: "digit"},
		{name: "plus", body: `{"items":[+1]}`, fail: "a value should be"},
		{name: "leading zero", body: `{"items":[012]}`, fail: "a comma or ]"},
		{name: "hex", body: `{"items":[0x10]}`, fail: "a comma or ]"},
		{name: "NaN", body: `{"items":[NaN]}`, fail: "a value should be"},
		{name: "Infinity", body: `{"items":[-Infinity]}`, fail: "digit"},
		{name: "trailing comma", body: `{"items":[1,]}`, fail: "a value should be"},
		{name: "trailing comma in object", body: `{"items":[1],}`, fail: "key in double quotes"},
		{name: "only a comma", body: `{"items":[,]}`, fail: "a value should be"},
		{name: "comment", body: `{"items":[1]/* x */}`, fail: "a comma or }"},
		{name: "single quotes", body: `{'items':[1]}`, fail: "key in double quotes"},
		{name: "bare key", body: `{items:[1]}`, fail: "key in double quotes"},
		{name: "wrong bracket", body: `{"items":[1}}`, fail: "a comma or ]"},
		{name: "invalid UTF-8", body: "{\"items\":[\"\xff\"]}", fail: "0xff is not UTF-8"},
		{name: "latin 1", body: "{\"items\":[\"caf\xe9\"]}", fail: "not UTF-8"},
		{name: "surrogate in UTF-8", body: "{\"items\":[\"\xed\xa0\x80\"]}", fail: "not UTF-8"},
		{name: "overlong", body: "{\"items\":[\"\xc0\xaf\"]}", fail: "not UTF-8"},
		{name: "invalid UTF-8 in a key", body: "{\"items\":[{\"\xff\":1}]}", fail: "not UTF-8"},
		{name: "two BOMs", body: "\xef\xbb\xbf\xef\xbb\xbf{\"items\":[1]}", fail: "byte order mark"},
		{name: "nothing behind a BOM", body: "\xef\xbb\xbf", fail: "body is empty"},
		{name: "UTF-16", body: "{\x00\"\x00i\x00", fail: "UTF-16"},
		{name: "empty", body: "", fail: "body is empty"},
		{name: "blank", body: " \n", fail: "body is empty"},
		{name: "HTML", body: "<!DOCTYPE html><html><body>Sign in</body></html>", fail: "HTML where json is expected"},
		{name: "XML", body: "<?xml version='1.0'?><Error/>", fail: "format: xml"},
		{name: "gzip", body: "\x1f\x8b\x08\x00", fail: "gzip"},
		{name: "text", body: "Service Unavailable", fail: "a value should be"},
		{name: "too deep", body: `{"items":` + strings.Repeat("[", 10001), fail: "10000 deep"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := new(Page)
			err := pl.Read([]byte(c.body), "", p)
			if c.fail != "" {
				var e *Error
				if !errors.As(err, &e) || e.Code != CodeBody || !strings.Contains(e.Msg, c.fail) {
					t.Fatalf("error %v, want one with %q", err, c.fail)
				}
				if len(p.Records)+len(p.Values)+len(p.Body) > 0 || p.Fingerprint != 0 {
					t.Fatal("something of an invalid body was handed out")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := records(p); got != c.records {
				t.Errorf("records %s, want %s", got, c.records)
			}
			if got := values(p); got != c.next {
				t.Errorf("next %s, want %s", got, c.next)
			}
			if string(p.Body) != c.body || (p.Fingerprint == 0) != (c.records == "") {
				t.Errorf("body %s, fingerprint %d", p.Body, p.Fingerprint)
			}
		})
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct {
		path, body, records string
		refs, values        []string
	}{
		{"", `[{"id":1},{"id":2}]`, `{"id":1}|{"id":2}`, []string{"body[0].id", "body[-1].id", "body[-2].id", "body[*].id", "body[7].id"}, []string{"1", "2", "1", "[1,2]", "-"}},
		{"$", ` [ {"id": 1} , 2 ] `, `{"id":1}|2`, []string{"first.id", "last", "last.id"}, []string{"1", "2", "-"}},
		{"$", `null`, ``, []string{"body", "first.id"}, []string{"null", "-"}},
		{"hits.hits[*]", `{"hits":{"total":{"value":2},"hits":[{"_id":"a","sort":[1,"a"]},{"_id":"b","sort":[2, "b"]}]}}`,
			`{"_id":"a","sort":[1,"a"]}|{"_id":"b","sort":[2,"b"]}`,
			[]string{"body.hits.hits[-1].sort", "body.hits.total.value", "last.sort", "body.hits.hits[0].sort[1]"}, []string{`[2,"b"]`, "2", `[2,"b"]`, `"a"`}},
		{"hits.hits[*]._source", `{"hits":{"hits":[{"_id":"a","_source":{"x":1},"sort":[1]},{"_id":"b"},{"_source":{"x":2},"_id":"c","sort":[3]}]}}`,
			`{"x":1}|{"x":2}`, []string{"body.hits.hits[-1].sort", "max.x", "body.hits.hits[*]._id"}, []string{"[3]", "2", `["a","b","c"]`}},
		{"query.pages.*", `{"query":{"pages":{"7":{"pageid":7},"9":{"pageid":9}}},"continue":{"a":"b"}}`, `{"pageid":7}|{"pageid":9}`,
			[]string{"body.continue", "body.query.pages.9.pageid", "min.pageid"}, []string{`{"a":"b"}`, "9", "7"}},
		{"query.pages.*", `{"query":{"pages":[{"pageid":7}]}}`, `{"pageid":7}`, nil, nil},
		{"query.pages.*", `{"query":{"pages":[]}}`, ``, nil, nil},
		{"query.pages.*", `{"query":{"pages":null}}`, ``, nil, nil},
		{"a[*].b[*]", `{"a":[{"b":[1,2]},{"b":[]},{"c":1},{"b":[3]}]}`, `1|2|3`, nil, nil},
		{"a[*].b[*]", `{"a":[{"b":[]}]}`, ``, nil, nil},
		{"a[*].b.*.c", `{"a":[{"b":{"x":{"c":[1]},"y":{"c":{}}}}]}`, `[1]|{}`, nil, nil},
		{"[*].node", `[{"node":{"id":1}},{"node":null}]`, `{"id":1}|null`, nil, nil},
		{"a[*].node", `{"a":[{"node":1,"node":2}],"a":[{"node":3,"x":0,"node":4}]}`, `4`, nil, nil},
		{"a.b", `{"a":{"b":[1]},"a":{"b":[2,3]}}`, `2|3`, nil, nil},
		{"data[0].items", `{"data":[{"items":[1,{"a": 2}],"next":"n"}],"total":5}`, `1|{"a":2}`, []string{"body.data[0].next", "body.total", "max.a"}, []string{`"n"`, "5", "2"}},
		{"data[-1].items[*].v", `{"data":[0,{"items":[{"v":1},{"w":0},{"v":2}]}]}`, `1|2`, nil, nil},
		{"['@odata.value']", `{"@odata.value":[1]}`, `1`, nil, nil},
	} {
		pl := &Plan{HasPath: c.path != "", Refs: refs(c.refs...)}
		if c.path != "" {
			pl.Path = path(c.path)
		}
		p := read(t, pl, c.body)
		if got := records(p); got != c.records {
			t.Errorf("%s of %s: records %s, want %s", c.path, c.body, got, c.records)
		}
		if got, want := values(p), strings.Join(c.values, "|"); got != want {
			t.Errorf("%v of %s: %s, want %s", c.refs, c.body, got, want)
		}
	}
}

func TestPathErrors(t *testing.T) {
	for _, c := range []struct{ path, body, code, msg string }{
		{"", `{"results":[],"n":1}`, CodePathMissing, "the body is an object with `results`, `n`; did you mean `results`?; say with `records.path` where the records stand"},
		{"", `{"ok":true}`, CodePathMissing, "the body is an object with `ok`; say with `records.path` where the records stand"},
		{"", `3`, CodeNotArray, "the body is a number, not a list of records"},
		{"data.items", `{"data":{"item":[]}}`, CodePathMissing, "nothing stands at records.path `data.items`: `data` is an object with `item`; did you mean `data.item`?; if the list is left out when it is empty, set `records.optional: true`"},
		{"data.items", `{"data":null,"errors":[{}]}`, CodePathMissing, "nothing stands at records.path `data.items`: `data` is null; if the list is left out when it is empty, set `records.optional: true`"},
		{"items", `{"data":{"list":[],"x":[]},"tags":[]}`, CodePathMissing, "nothing stands at records.path `items`: the body is an object with `data`, `tags`; arrays stand at `data.list`, `data.x`, `tags`; if the list is left out when it is empty, set `records.optional: true`"},
		{"items", `[1]`, CodePathMissing, "nothing stands at records.path `items`: the body is an array of 1; if the list is left out when it is empty, set `records.optional: true`"},
		{"items", `{"items":{"list":[1]}}`, CodeNotArray, "records.path `items` must lead to a list: `items` is an object with `list`; did you mean `items.list`?"},
		{"items", `{"items":"x"}`, CodeNotArray, "records.path `items` must lead to a list: `items` is a string"},
		{"$", `{"items":[]}`, CodeNotArray, "records.path `$` must lead to a list: the body is an object with `items`; did you mean `items`?"},
		{"items[*].node", `{"items":[{"n":1}]}`, CodePathMissing, "nothing stands at records.path `items[*].node`: no element of `items` has `node`"},
		{"items[*]", `{"items":true}`, CodeNotArray, "records.path `items[*]` must lead to a list: `items` is a boolean"},
		{"items[1].x", `{"items":[1]}`, CodePathMissing, "nothing stands at records.path `items[1].x`: `items` is an array of 1; if the list is left out when it is empty, set `records.optional: true`"},
	} {
		pl := &Plan{HasPath: c.path != ""}
		if c.path != "" {
			pl.Path = path(c.path)
		}
		p := new(Page)
		var e *Error
		if err := pl.Read([]byte(c.body), "", p); !errors.As(err, &e) || e.Code != c.code || e.Msg != c.msg {
			t.Errorf("%s of %s:\n %v\nwant %s:\n %s", c.path, c.body, err, c.code, c.msg)
		}
		if c.code == CodePathMissing && c.path != "" {
			pl = &Plan{Path: pl.Path, HasPath: true, Optional: true}
			if p = read(t, pl, c.body); len(p.Records) != 0 {
				t.Errorf("%s of %s: %d records although the path is missing", c.path, c.body, len(p.Records))
			}
		}
	}
}

func TestKeys(t *testing.T) {
	one := &Plan{Keys: []engine.Path{path("id")}, Fields: []engine.Path{path("id"), path("m.t")}}
	p := read(t, one, `[{"id":1},{"id":"1","m":{"t":5}},{"id":1.0},{"\u0069d":1e0},{"id":9,"id":"\u0031"},{"id":{"b":1,"a":[ 2 ]}},{"id":{"a":[2],"b":1.0}},{"x":1,"y":2},{"id":null},{"y":2,"x":1},7]`)
	k := p.Keys
	for _, same := range [][2]int{{0, 2}, {0, 3}, {1, 4}, {5, 6}, {7, 9}} {
		if k[same[0]] != k[same[1]] {
			t.Errorf("records %d and %d have different keys", same[0], same[1])
		}
	}
	for _, other := range [][2]int{{0, 1}, {0, 5}, {7, 8}, {8, 10}} {
		if k[other[0]] == k[other[1]] {
			t.Errorf("records %d and %d have the same key", other[0], other[1])
		}
	}
	if p.Keyless != 4 {
		t.Errorf("%d records without a key, want 4", p.Keyless)
	}
	for i, want := range []string{"1", "1", "1", "1", "1", `{"a":[2],"b":1}`} {
		if got := p.KeyText(i); got != want {
			t.Errorf("key of record %d is %s, want %s", i, got, want)
		}
	}
	if a, b := p.KeyText(7), p.KeyText(9); a != b || !strings.HasPrefix(a, "sha256:") {
		t.Errorf("records without a key are called %s and %s", a, b)
	}
	if string(p.Field(1, 1)) != "5" || string(p.Field(1, 0)) != `"1"` || p.Field(0, 1) != nil || string(p.Field(8, 0)) != "null" {
		t.Errorf("fields %q", p.Field(1, 1))
	}

	two := &Plan{Keys: []engine.Path{path("id"), path("modified")}}
	p = read(t, two, `[{"id":"a","modified":"t"},{"modified":"t","id":"a","x":0},{"id":"a"},{"id":"a","modified":null},{"id":"t","modified":"a"}]`)
	if p.Keys[0] != p.Keys[1] || p.Keys[2] != p.Keys[3] || p.Keys[0] == p.Keys[2] || p.Keys[0] == p.Keys[4] || p.KeyText(2) != `["a",null]` {
		t.Errorf("keys %v, %s", p.Keys, p.KeyText(2))
	}
	itself := &Plan{Keys: []engine.Path{path("$")}}
	p = read(t, itself, `["x",2,"x"]`)
	if p.Keys[0] != p.Keys[2] || p.Keys[0] == p.Keys[1] || p.KeyText(0) != "x" || p.KeyText(1) != "2" || p.Keyless != 0 {
		t.Errorf("keys %v", p.Keys)
	}

	for _, c := range []struct{ body, msg string }{
		{`[{"ID":1},{"ID":2}]`, "no record of the page has records.key `id`: the first one is an object with `ID`; did you mean `ID`?"},
		{`["a"]`, "no record of the page has records.key `id`: the first one is a string"},
		{`[{"id":null,"ids":1},{}]`, "no record of the page has records.key `id`: in the first one its value is null"},
	} {
		var e *Error
		if err := one.Read([]byte(c.body), "", p); !errors.As(err, &e) || e.Code != CodeKeyMissing || e.Msg != c.msg {
			t.Errorf("%s: %v", c.body, err)
		}
	}
	if p = read(t, one, `[]`); len(p.Keys) != 0 {
		t.Error("an empty page has keys")
	}
}

func TestExtremes(t *testing.T) {
	pl := &Plan{
		Refs:    refs("max.t", "min.t", "max.n", "min.n", "max.s", "max.none", "max.l[*].v", "max.l[-1].v"),
		Compare: []func(a, b []byte) int{nil, Times("rfc3339"), Numbers, nil, Strings},
	}
	p := read(t, pl, `[{"t":"2026-01-02T03:04:05Z","n":9,"s":"9","l":[{"v":5},{"v":1}]},
		{"t":"2026-01-02T04:04:05+02:00","n":"10","s":"10","l":[{"v": 7}]},
		{"t":null,"n":9007199254740993,"s":"a\u0062"},{"t":"2026-01-02T03:04:05.001Z","n":9007199254740992.5}]`)
	want := `"2026-01-02T03:04:05.001Z"|"2026-01-02T04:04:05+02:00"|9007199254740993|9|"a\u0062"|-|7|7`
	if got := values(p); got != want {
		t.Errorf("extremes %s\n     want %s", got, want)
	}
}

func TestFingerprint(t *testing.T) {
	pl := &Plan{}
	f := func(body string) uint64 { return read(t, pl, body).Fingerprint }
	if f(`[1,2]`) == f(`[2,1]`) || f(`[1,2]`) == f(`[12]`) || f(`[{"a":1}]`) != f(`[ {"a": 1} ]`) || f(`[]`) != 0 || f(`[""]`) == 0 {
		t.Error("fingerprints do not tell pages apart")
	}
}

// TestReuse reads bodies of many kinds into one Page: nothing of one shows in the next.
func TestReuse(t *testing.T) {
	p := new(Page)
	plans := []*Plan{
		{Path: path("a"), HasPath: true, Keys: []engine.Path{path("id")}, Refs: refs("body.next", "max.id")},
		{Format: "ndjson", Refs: refs("last.id")},
		{Format: "csv", CSV: CSV{Header: true, Quote: true}, Keys: []engine.Path{path("id")}, Refs: refs("last.id", "body")},
		{Format: "xml", Path: path("r.a"), HasPath: true, Refs: refs("body.r.next")},
	}
	bodies := []string{`{"a":[{"id":1},{ "id":2}],"next":"n"}`, "{\"id\":7}\n", "id\nx\n", "<r><a><id>1</id></a><next>n</next></r>"}
	want := []string{`{"id":1}|{"id":2} "n"|2`, `{"id":7} 7`, `{"id":"x"} "x"|[{"id":"x"}]`, `{"id":"1"} "n"`}
	for round := range 3 {
		for i, pl := range plans {
			if err := pl.Read([]byte(bodies[i]), "", p); err != nil {
				t.Fatal(err)
			}
			if got := records(p) + " " + values(p); got != want[i] {
				t.Errorf("round %d, plan %d: %s, want %s", round, i, got, want[i])
			}
			if err := pl.Read([]byte(`"`), "", p); err == nil || len(p.Records) != 0 {
				t.Errorf("round %d, plan %d: an invalid body leaves %d records", round, i, len(p.Records))
			}
		}
	}
}

func TestReadAllocates(t *testing.T) {
	pl := &Plan{Path: path("data"), HasPath: true, Keys: []engine.Path{path("id"), path("updated_at")}, Fields: []engine.Path{path("updated_at")},
		Refs: refs("body.meta.next", "body.meta.total", "max.updated_at", "last.id")}
	body, p := flat(1000), new(Page)
	if err := pl.Read(body, "", p); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() {
		if err := pl.Read(body, "", p); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("%v allocations a page of 1000 records", n)
	}
}

// TestHugeRecord reads one record of 60 MB: nothing of it is copied, and nothing huge is kept.
func TestHugeRecord(t *testing.T) {
	body := []byte(`{"items":[{"id":1,"blob":"` + strings.Repeat("x", 60<<20) + `"}],"next":"n"}`)
	pl := &Plan{Path: path("items"), HasPath: true, Keys: []engine.Path{path("id")}, Refs: refs("body.next", "last.id")}
	p := new(Page)
	if n := testing.AllocsPerRun(1, func() {
		if err := pl.Read(body, "", p); err != nil {
			t.Fatal(err)
		}
	}); n > 8 {
		t.Errorf("%v allocations", n)
	}
	if len(p.Records) != 1 || &p.Records[0][0] != &body[10] || values(p) != `"n"|1` {
		t.Errorf("%d records, values %s", len(p.Records), values(p))
	}
	p = read(t, &Plan{Format: "csv", CSV: CSV{Header: true, Quote: true}}, "a\n"+strings.Repeat("x", keepBytes+1)+"\n")
	p.Reset()
	if cap(p.doc) > keepBytes {
		t.Errorf("%d bytes are kept", cap(p.doc))
	}
}
