package page_test

import (
	"slices"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime/page"
)

func TestSpans(t *testing.T) {
	for _, c := range []struct {
		path, body string
		want       []string
	}{
		{"items", `{"a": 1, "items": [{"x": [1]}, 2 ], "next": "t"}`, []string{`[{"x": [1]}, 2 ]`, `{"x": [1]}`, `2`}},
		{"items", `{"items":[],"next":null}`, []string{`[]`}},
		{"$", ` [1,{"a":2}]`, []string{`[1,{"a":2}]`, `1`, `{"a":2}`}},
		{"data.*.rows[*]", `{"data":{"p":{"rows":[1,2]},"q":{"rows":[3]}}}`, []string{`{"p":{"rows":[1,2]},"q":{"rows":[3]}}`, `1`, `2`, `3`}},
		{"data[*].v", `{"data":[{"v":1},{"w":0},{"v":2}]}`, []string{`[{"v":1},{"w":0},{"v":2}]`, `1`, `2`}},
		{"items", `{"items":[1],"items":[2,3]}`, []string{`[2,3]`, `2`, `3`}},
	} {
		path, err := engine.ParsePath(c.path)
		if err != nil {
			t.Fatal(err)
		}
		var p page.Page
		plan := page.Plan{Path: path, HasPath: true}
		if err := plan.Read([]byte(c.body), "application/json", &p); err != nil {
			t.Fatalf("%s: %v", c.body, err)
		}
		var got []string
		last := -1
		for _, s := range p.Spans() {
			got = append(got, c.body[s.Start:s.End])
			if s.Start < last {
				t.Errorf("%s: %d follows %d", c.body, s.Start, last)
			}
			last = s.Start
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s of %s: got %q, want %q", c.path, c.body, got, c.want)
		}
	}
}
