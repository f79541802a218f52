package engine

import "testing"

func field(name string) Step { return Step{Kind: StepField, Field: name} }
func index(i int) Step       { return Step{Kind: StepIndex, Index: i} }

var all = Step{Kind: StepAll}

func TestPathGet(t *testing.T) {
	const doc = ` {"a": {"b": [ {"id":1, "t":["x"]}, {"id":"2"}, {"t":["y","z"]} ], "n":null},
		"m":{"k1":{"v":1},"k2":{"v":2}}, "dup":1, "\u00e9":"e", "dup":9007199254740993, "":0} `
	for _, c := range []struct {
		path Path
		want string // "" for nothing
	}{
		{Path{}, doc},
		{Path{field("a"), field("n")}, "null"},
		{Path{field("a"), field("x")}, ""},
		{Path{field("a"), field("n"), field("x")}, ""},
		{Path{field("dup")}, "9007199254740993"},
		{Path{field("é")}, `"e"`},
		{Path{field("")}, "0"},
		{Path{field("a"), field("b"), index(0), field("id")}, "1"},
		{Path{field("a"), field("b"), index(-1), field("t")}, `["y","z"]`},
		{Path{field("a"), field("b"), index(-3), field("id")}, "1"},
		{Path{field("a"), field("b"), index(3)}, ""},
		{Path{field("a"), field("b"), index(-4)}, ""},
		{Path{field("a"), index(0)}, ""},
		{Path{field("a"), field("b"), all, field("id")}, `[1,"2"]`},
		{Path{field("a"), field("b"), all, field("t"), all}, `["x","y","z"]`},
		{Path{field("a"), field("b"), all, field("none")}, `[]`},
		{Path{field("m"), all, field("v")}, `[1,2]`},
		{Path{field("dup"), all}, ""},
		{Path{field("none"), all}, ""},
	} {
		v, ok := c.path.Get([]byte(doc))
		if ok != (c.want != "") || string(v) != c.want {
			t.Errorf("%v: %q, %v, want %q", c.path, v, ok, c.want)
		}
	}
}
