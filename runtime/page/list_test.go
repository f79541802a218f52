package page

import "testing"

// TestList finds the part of a body that is nothing but records and a byte behind each.
func TestList(t *testing.T) {
	items, lines := &Plan{Path: path("items"), HasPath: true}, &Plan{Format: "ndjson"}
	for _, c := range []struct {
		pl         *Plan
		body, want string
	}{
		{items, `{"items":[{"a":1},[2],3],"n":1}`, `{"a":1},[2],3]`},
		{items, `{"items":[ {"a":1},2 ]}`, `{"a":1},2 `},
		{items, `{"items":[{"a":1}]}`, `{"a":1}]`},
		{items, `{"items":[1,2, 3]}`, ""},
		{items, `{"items":[1, 2]}`, ""},
		{items, `{"items":[{"a": 1},2]}`, ""}, // written compact, elsewhere
		{items, "{\"items\":[2,{\"a\":\n1}]}", ""},
		{items, `{"items":["a b","\n"]}`, `"a b","\n"]`},
		{items, `{"items":[]}`, ""},
		{&Plan{}, `[1,2]`, `1,2]`},
		{lines, "{\"a\":1}\n2\n", "{\"a\":1}\n2\n"},
		{lines, "1\n2", ""},
		{lines, "1\r\n2\r\n", ""},
		{&Plan{Path: path("items[*].a"), HasPath: true}, `{"items":[{"a":1},{"a":2}]}`, ""},
	} {
		p := new(Page)
		if err := c.pl.Read([]byte(c.body), "", p); err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		if string(p.List) != c.want {
			t.Errorf("%s: %q, want %q", c.body, p.List, c.want)
		}
		at := 0
		for i, r := range p.Records {
			if p.List != nil && &p.List[at] != &r[0] {
				t.Errorf("%s: record %d does not stand in the list", c.body, i)
			}
			at += len(r) + 1
		}
		if err := c.pl.Replace([]byte(`[1,2]`), p); err != nil || p.List != nil || len(p.Records) != 2 {
			t.Errorf("%s: another list in its place: %v, %q", c.body, err, p.List)
		}
	}
}
