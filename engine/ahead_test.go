package engine

import (
	"fmt"
	"testing"
)

// What `parallel` asks for ahead of the answers is what one page at a time would have asked for.
func TestAhead(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		k     int64
		want  string // position and whether it may be asked for
	}{
		{"offset", Rules{Type: Offset, Limit: 10}, 3, "30 true"},
		{"offset from 1", Rules{Type: Offset, Limit: 10, Start: number(1)}, 3, "31 true"},
		{"offset, the last page below the cap", Rules{Type: Offset, Limit: 10, Cap: 100}, 9, "90 true"},
		{"offset, beyond the cap", Rules{Type: Offset, Limit: 10, Cap: 100}, 10, "100 false"},
		{"offset, across the cap", Rules{Type: Offset, Limit: 30, Cap: 100}, 3, "90 false"},
		{"offset without a limit", Rules{Type: Offset}, 1, " false"},
		{"page", Rules{Type: PageNumber, Limit: 10}, 3, "4 true"},
		{"page from 0", Rules{Type: PageNumber, Limit: 10, Start: number(0)}, 3, "3 true"},
		{"page without a limit", Rules{Type: PageNumber}, 3, "4 true"},
		{"page, beyond the cap", Rules{Type: PageNumber, Limit: 10, Cap: 100}, 10, "11 false"},
		{"cursor", Rules{Type: Cursor, Limit: 10}, 1, " false"},
	} {
		got, ok := c.rules.Ahead(State{}, c.k)
		if s := fmt.Sprintf("%s %v", got.Position, ok); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
	for _, s := range []State{{Rung: 1}, {Probe: true}, {Again: true}} {
		if _, ok := (&Rules{Type: Offset, Limit: 10}).Ahead(s, 1); ok {
			t.Errorf("ahead of %+v", s)
		}
	}
	// The position ahead is the one that the walk comes to.
	for _, typ := range []Type{Offset, PageNumber} {
		a := honest(typ, 100, 10, 1)
		w, _ := NewWalk(&a.rules, Strategies())
		var s State
		for k := range int64(9) {
			ahead, ok := a.rules.Ahead(State{}, k)
			if p, q := w.Ask(s), w.Ask(ahead); !ok || string(p.Value) != string(q.Value) || p.Index != q.Index || p.Limit != q.Limit || p.Offset != q.Offset {
				t.Fatalf("%s: page %d is asked for with %+v, ahead with %+v", typ, k, p, q)
			}
			v, err := w.Step(s, a.page(a.answer(w.Ask(s)), Request{}, map[int]bool{}))
			if err != nil || v.Kind != Continue {
				t.Fatal(v, err)
			}
			s = v.Next
		}
	}
}

// Records that an earlier walk delivered are part of the list: an overlap with it does not keep a
// count from being proved, and duplicates within the walk do.
func TestOverlapWithEarlierWalk(t *testing.T) {
	for _, c := range []struct {
		new, old int
		want     Attestation
	}{{10, 0, Proved}, {4, 6, Proved}, {4, 0, Assumed}} {
		w, _ := NewWalk(&Rules{Type: Cursor, HasNext: true, HasTotal: true, HasKey: true}, Strategies())
		v, err := w.Step(State{}, Page{Records: 10, New: c.new, Old: c.old, Total: number(10)})
		if err != nil || v.Kind != End || v.Attested != c.want && !(c.want == Assumed && v.Attested == Confirmed) {
			t.Errorf("%d new, %d old: %v %q %v", c.new, c.old, v.Kind, v.Attested, err)
		}
	}
}

func TestCapped(t *testing.T) {
	w, _ := NewWalk(&Rules{Type: Offset, Limit: 10, Cap: 100}, Strategies())
	for at, want := range map[int64]bool{0: false, 90: false, 99: false, 100: true, 110: true} {
		if w.Capped(State{Position: number(at)}) != want {
			t.Errorf("at %d: capped is not %v", at, want)
		}
	}
	w, _ = NewWalk(&Rules{Type: Offset, Limit: 10, LimitMin: 5, Cap: 100}, Strategies())
	for at, want := range map[int64]bool{90: false, 95: false, 96: true, 100: true} {
		if w.Capped(State{Position: number(at)}) != want {
			t.Errorf("pages of five at least, at %d: capped is not %v", at, want)
		}
	}
}

// TestCapOfUnsizedPages: pages whose size is not declared reach as far as the largest that has come.
func TestCapOfUnsizedPages(t *testing.T) {
	w, err := NewWalk(&Rules{Type: PageNumber, Cap: 50}, Strategies())
	if err != nil {
		t.Fatal(err)
	}
	s, asked := State{}, 0
	for {
		asked++
		v, err := w.Step(s, Page{Records: 20, New: 20})
		if err != nil {
			t.Fatal(err)
		}
		if v.Kind != Continue {
			if v.Kind != Truncated || v.Code != CodeCap || asked != 3 {
				t.Errorf("%v %s after %d pages, want truncated cap after 3: the fourth begins at 60", v.Kind, v.Code, asked)
			}
			return
		}
		s = v.Next
	}
}
