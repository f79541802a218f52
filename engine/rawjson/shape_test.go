package rawjson

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func init() { firstLook = 1 }

// rowsWant wants the rows of the list at `items` and some of their members.
func rowsWant() *Want {
	leaf := func(slot int) *Want { return &Want{Slot: slot} }
	row := &Want{Row: true, Rows: true, Fields: []Member{
		{"id", leaf(-1)},
		{"at", leaf(-2)},
		{"in", &Want{Slot: -5, Fields: []Member{{"x", leaf(-3)}, {"y", &Want{Fields: []Member{{"z", leaf(-4)}}}}}}},
	}}
	list := &Want{Rows: true, List: true, Gate: true, Final: true, Each: row}
	return &Want{Rows: true, Fields: []Member{{"items", list}, {"next", leaf(1)}}}
}

// noted is all that a scan leaves.
func noted(s *Scanner, ok bool) string {
	if !ok {
		return fmt.Sprint("not valid: ", s.Err())
	}
	return fmt.Sprint(s.Cells, s.Rows, s.Grid, s.Gate, s.Gated, s.Finals, s.Elements, s.Spaced())
}

func newScanner() *Scanner { return &Scanner{Cells: make([]Span, 1), Width: 5} }

// sameRows compares what is read of b in pieces, and by the shapes of its own rows, with what is read
// without either.
func sameRows(t *testing.T, b []byte, size func() int, learned *Scanner) {
	t.Helper()
	w := rowsWant()
	plain := newScanner()
	plain.Reset(b)
	plain.shapes.rest, plain.shapes.want = 1<<30, w.Fields[0].Want.Each
	want := noted(plain, plain.Document(w))
	for range 3 {
		learned.Reset(b)
		if got := noted(learned, learned.Document(w)); got != want {
			t.Fatalf("by the shapes of rows:\n%s\nwithout:\n%s\nof %q", got, want, b)
		}
	}
	n := 0
	more := func() ([]byte, bool) {
		n = min(n+size(), len(b))
		return slices.Clone(b[:n]), n < len(b)
	}
	ok := learned.Arriving(more, w)
	if ok && n < len(b) {
		t.Fatalf("valid after %d of %d bytes: %q", n, len(b), b)
	}
	if got := noted(learned, ok); ok && got != want {
		t.Fatalf("in pieces:\n%s\nwhole:\n%s\nof %q", got, want, b)
	}
}

// FuzzRows reads lists of rows by their shapes and in pieces.
func FuzzRows(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(3))
	}
	for seed := range uint64(8) {
		f.Add(randomRows(rand.New(rand.NewPCG(seed, 1)), 8), uint8(seed*9))
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		sameRows(t, b, func() int { return 1 + int(size) }, newScanner())
	})
}

// randomRows renders a page of rows that are more or less alike, at times not valid.
func randomRows(r *rand.Rand, rows int) []byte {
	var b strings.Builder
	space := func() {
		if r.IntN(400) == 0 {
			b.WriteString("  \n"[r.IntN(3):])
		}
	}
	var value func(depth int)
	value = func(depth int) {
		space()
		switch n := r.IntN(20); {
		case n < 8:
			fmt.Fprintf(&b, `"%s"`, []string{"", "abc", "abcdefg", "abcdefgh", `a\"b`, "é€😀", strings.Repeat("x", r.IntN(90)), `\u00e9`}[r.IntN(8)])
		case n < 14:
			b.WriteString([]string{"0", "-1", "12", "3.5", "1e9", "-0.25E-7", "90071992547409931"}[r.IntN(7)])
		case n < 17 || depth > 3:
			b.WriteString([]string{"true", "false", "null"}[r.IntN(3)])
		case n < 18:
			b.WriteString([]string{"{}", "[]", "[[]]", `{"a":{}}`}[r.IntN(4)])
		default:
			b.WriteByte('[')
			for k := range r.IntN(4) {
				if k > 0 {
					b.WriteByte(',')
				}
				value(depth + 1)
			}
			b.WriteByte(']')
		}
		space()
	}
	var object func(keys []string, depth int)
	object = func(keys []string, depth int) {
		b.WriteByte('{')
		first := true
		for _, k := range keys {
			if r.IntN(12) == 0 {
				continue
			}
			if !first {
				b.WriteByte(',')
			}
			first = false
			fmt.Fprintf(&b, `"%s":`, k)
			switch {
			case k == "in" && r.IntN(8) > 0:
				object([]string{"x", "w", "y", "x"}[:1+r.IntN(4)], depth+1)
			case k == "y" && r.IntN(8) > 0:
				object([]string{"z", "q", "z"}[:1+r.IntN(3)], depth+1)
			default:
				value(depth)
			}
		}
		b.WriteByte('}')
	}
	fmt.Fprintf(&b, `{"next":%d,"items":[`, r.IntN(99))
	keys := []string{"id", "name", "at", "in", "a long key, longer than two words", "tags", `\u0069d`, "in", "id"}[:3+r.IntN(7)]
	for k := range rows {
		if k > 0 {
			b.WriteByte(',')
		}
		space()
		if object(keys, 0); r.IntN(60) == 0 {
			b.WriteString(",17")
		}
	}
	b.WriteString([]string{"]}", "]\n}\n", `],"items":[{"id":5}]}`, `],"next":"again"}`}[r.IntN(4)])
	out := []byte(b.String())
	if r.IntN(3) == 0 {
		out[r.IntN(len(out))] = ` ",:{}[]\e0x`[r.IntN(12)]
	}
	return out
}

func TestRowsByShape(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		learned := newScanner()
		for range 3 {
			sameRows(t, randomRows(r, r.IntN(40)), func() int { return 1 + r.IntN(1+int(seed)) }, learned)
		}
	}
}

// TestShapesRest checks that rows without a common shape cost little: most of them are passed over.
func TestShapesRest(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for k := range 20_000 {
		fmt.Fprintf(&b, `{"k%d":1},`, k)
	}
	b.WriteString(`{}]}`)
	s := newScanner()
	s.Reset([]byte(b.String()))
	w := rowsWant()
	if !s.Document(w) || len(s.Rows) != 20_001 {
		t.Fatal(len(s.Rows), s.Err())
	}
	h := &s.shapes
	if h.rested < 16*shapeRest || h.size > shapeBytes || len(h.places) > shapePlaces {
		t.Errorf("the last rest was of %d rows; %d places and %d bytes are learned", h.rested, len(h.places), h.size)
	}
}

// TestShapesLearn checks that rows that leave keys out, or have lists of any length, soon make known moves.
func TestShapesLearn(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString(`{"items":[`)
	for k := range 2000 {
		fmt.Fprintf(&b, `{"id":%d`, k)
		for _, key := range []string{"a", "b", "c", "d"} {
			if r.IntN(3) > 0 {
				fmt.Fprintf(&b, `,"%s":"x"`, key)
			}
		}
		b.WriteString(`,"tags":["t"` + strings.Repeat(`,"t"`, r.IntN(5)) + `],"list":[{"p":1}` + strings.Repeat(`,{"p":null}`, r.IntN(5)) + `]},`)
	}
	b.WriteString(`{}]}`)
	s := newScanner()
	s.Reset([]byte(b.String()))
	if w := rowsWant(); !s.Document(w) {
		t.Fatal(s.Err())
	}
	if h := &s.shapes; h.rested > 0 || h.trust < shapeTrust || len(h.places) > 12 {
		t.Errorf("rested %d, trust %d, %d places", h.rested, h.trust, len(h.places))
	}
}
