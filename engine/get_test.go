package engine

import "testing"

func TestPathGet(t *testing.T) {
	const doc = ` {"a": {"b": [ {"id":1, "t":["x"]}, {"id":"2"}, {"t":["y","z"]} ], "n":null},
		"m":{"k1":{"v":1},"k2":{"v":2}}, "dup":1, "\u00e9":"e", "dup":9007199254740993, "":0} `
	for _, c := range []struct {
		path string
		want string // "" for nothing
	}{
		{"$", doc},
		{"$.a.n", "null"},
		{"$.a.x", ""},
		{"$.a.n.x", ""},
		{"$.dup", "9007199254740993"},
		{"$['é']", `"e"`},
		{"$['']", "0"},
		{"$.a.b[0].id", "1"},
		{"$.a.b[-1].t", `["y","z"]`},
		{"$.a.b[-3].id", "1"},
		{"$.a.b[3]", ""},
		{"$.a.b[-4]", ""},
		{"$.a[0]", ""},
		{"$.a.b[*].id", `[1,"2"]`},
		{"$.a.b[*].t[*]", `["x","y","z"]`},
		{"$.a.b[*].none", `[]`},
		{"$.m[*].v", `[1,2]`},
		{"$.dup[*]", ""},
		{"$.none[*]", ""},
	} {
		p, err := ParsePath(c.path)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		v, ok := p.Get([]byte(doc))
		if ok != (c.want != "") || string(v) != c.want {
			t.Errorf("%s: %q, %v, want %q", c.path, v, ok, c.want)
		}
	}
}
