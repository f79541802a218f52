package page

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/lastpage/lastpage/engine"
)

// TestRandomDocuments reads documents that are made of the names the plans want, with names twice,
// nulls, whitespace and escapes in every place, and compares with plain look-ups.
func TestRandomDocuments(t *testing.T) {
	var plans []*Plan
	for _, p := range fuzzPlans {
		plans = append(plans, &Plan{Path: path(p.path), HasPath: true, Keys: []engine.Path{path("$")},
			Fields: []engine.Path{path("id"), path("b.c"), path("a.b"), path("b[-1]"), path("b[0].id"), path("b[*].id")}, Refs: refs(p.refs...)})
	}
	r := rand.New(rand.NewPCG(7, 11))
	p := new(Page)
	read, n := 0, 20_000
	if testing.Short() {
		n = 2_000
	}
	for range n {
		d := document{r: r, spaced: r.IntN(2) == 0}
		d.value(0)
		body := d.b.Bytes()
		for i, pl := range plans {
			err := pl.Read(body, "", p)
			if read%8 == 0 {
				inPieces(t, pl, body, p, err)
			}
			if err == nil {
				read++
				same(t, fuzzPlans[i].path, pl, body, p)
			} else if e := err.(*Error); e.Code == CodeBody {
				t.Fatalf("%q: %v", body, err)
			}
		}
	}
	if read < n/10 {
		t.Errorf("only %d of %d documents hold records", read, n)
	}
}

// document writes a random JSON document.
type document struct {
	r      *rand.Rand
	b      bytes.Buffer
	spaced bool
}

func (d *document) space() {
	if d.spaced {
		d.b.WriteString([]string{"", "", " ", "\n", "\t ", "\r\n          "}[d.r.IntN(6)])
	}
}

func (d *document) value(depth int) {
	d.space()
	kind := d.r.IntN(10)
	if depth > 4 {
		kind = d.r.IntN(5)
	} else if depth < 2 {
		kind = 5 + d.r.IntN(5)
	}
	switch kind {
	case 0:
		d.b.WriteString("null")
	case 1:
		d.b.WriteString([]string{"true", "false"}[d.r.IntN(2)])
	case 2, 3:
		d.b.WriteString([]string{"0", "-1", "9007199254740993", "1.50", "2e3", "-0.0"}[d.r.IntN(6)])
	case 4:
		d.b.WriteString([]string{`""`, `"x"`, `"long enough for several words\n"`, `"é世"`, `"\ud83d"`, `"\"[{,: "`}[d.r.IntN(6)])
	case 5, 6, 7:
		d.b.WriteByte('{')
		for i := range d.r.IntN(5) {
			if i > 0 {
				d.b.WriteByte(',')
			}
			d.space()
			d.b.WriteString([]string{`"items"`, `"a"`, `"b"`, `"c"`, `"id"`, `"n"`, `"next"`, `"meta"`, `"total"`, `"x"`, `"y"`, `"\u0061"`, `"\u0069d"`}[d.r.IntN(13)])
			d.space()
			d.b.WriteByte(':')
			d.value(depth + 1)
		}
		d.space()
		d.b.WriteByte('}')
	default:
		d.b.WriteByte('[')
		for i := range d.r.IntN(5) {
			if i > 0 {
				d.b.WriteByte(',')
			}
			d.value(depth + 1)
		}
		d.space()
		d.b.WriteByte(']')
	}
	d.space()
}
