package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestMaxRecoveries(t *testing.T) {
	for _, c := range []struct{ max, requests int }{{0, 3 + 5}, {1, 3 + 1}, {2, 3 + 2}, {-1, 3}} {
		a := faulty(Cursor, "total", []FallbackKind{FallbackOffset})
		a.rules.MaxRecoveries = c.max
		a.fault = func(n int, q Request, r *reply) {
			if n >= 2 {
				r.next = nil
			}
			if q.Rung > 0 {
				r.ids = nil
			}
		}
		o := drain(t, a, State{})
		if o.Requests != c.requests || o.Verdict.Kind != Doubt {
			t.Errorf("max_recoveries %d: %v, want %d requests", c.max, o, c.requests)
		}
		a.fault = nil // the next run may climb anew
		o.drain(t, a, nil, 50)
		wantAll(t, a, o, 0)
	}
	// Each page loses its token: every fallback brings new records, so there is no end to them.
	a := faulty(Cursor, "total", []FallbackKind{FallbackOffset})
	a.n = 400
	a.fault = func(n int, q Request, r *reply) {
		if q.Rung == 0 {
			r.next = nil
		}
	}
	o := drain(t, a, State{})
	wantAll(t, a, o, 0)
	if o.Events[EventRecovered] < 19 {
		t.Errorf("events %v", o.Events)
	}
}

// A restart begins at the position that an earlier walk has kept; where that one is refused, at the
// first page.
func TestRestartAtKeptPosition(t *testing.T) {
	w, _ := NewWalk(&Rules{Type: Link, HasNext: true, HasKey: true, Fallback: []FallbackKind{FallbackRestart}}, Strategies())
	s := StartAt(json.RawMessage(`"delta"`))
	s.Position = json.RawMessage(`"next"`)
	for i, want := range []string{`"delta"`, "", ""} {
		next, ok := w.Recover(s, nil)
		if !ok || string(next.Position) != want || string(next.Origin) != want {
			t.Fatalf("recovery %d: %v at %s from %s, want %s", i+1, ok, next.Position, next.Origin, want)
		}
		s = next
	}
}

// The rungs are tried in order, then again from the first; a rung with nothing to go on from is passed
// over; a new record starts the ladder anew.
func TestLadderOrder(t *testing.T) {
	w, _ := NewWalk(&Rules{Type: Cursor, HasNext: true, HasKey: true,
		Fallback: []FallbackKind{FallbackToken, FallbackSearchAfter, FallbackOffset, FallbackRestart}}, Strategies())
	s := State{Version: 1, Received: 40, Overlap: 3, Duplicates: 3, Position: json.RawMessage(`"c"`),
		Origin: json.RawMessage(`"kept"`), Backups: []json.RawMessage{nil, number(77), nil, nil}, Trail: Trail{}.With(9)}
	steps := []struct {
		token string
		want  string
	}{
		{`"new"`, `0 "new"`}, {"", "2 77"}, {"", "3 37"}, {"", `0 "kept"`}, {"", "2 77"},
	}
	for i, c := range steps {
		next, ok := w.Recover(s, json.RawMessage(c.token))
		if got := fmt.Sprintf("%d %s", next.Rung, next.Position); !ok || got != c.want {
			t.Fatalf("recovery %d: %v %s, want %s", i+1, ok, got, c.want)
		}
		b, _ := json.Marshal(next)
		if s, _ = ParseState(b); s.Recoveries != i+1 {
			t.Fatalf("recovery %d: state %s", i+1, b)
		}
	}
	if !s.Trail.IsZero() {
		t.Error("a restart forgets the positions")
	}
	if _, ok := w.Recover(s, json.RawMessage(`"new"`)); ok {
		t.Error("a sixth recovery without a new record")
	}
	v, err := w.Step(s, Page{Records: 1, New: 1, Next: json.RawMessage(`"d"`), Print: 1})
	if err != nil || v.Next.Recoveries != 0 || v.Next.Ladder != 0 || v.Next.Recovered != 5 {
		t.Errorf("a new record: %+v %v", v.Next, err)
	}
	s = State{Position: json.RawMessage(`"c"`)}
	w, _ = NewWalk(&Rules{Type: Cursor, Fallback: []FallbackKind{FallbackToken, FallbackSearchAfter}}, Strategies())
	if _, ok := w.Recover(s, nil); ok {
		t.Error("no rung has anything to go on from")
	}
	s.Rung, s.Backups = 7, []json.RawMessage{nil} // of a connector that had a longer ladder
	if _, err := w.Step(s, Page{Records: 1, New: 1, Print: 1}); err != nil {
		t.Error(err)
	}
}

// TestTotalThatWasWrong: a fallback's empty page that says in a later run that what has arrived is all is
// believed; in the run that looks for more it may be the page that is false.
func TestTotalThatWasWrong(t *testing.T) {
	for _, c := range []struct {
		recoveries int
		total      string
		want       string
	}{
		{0, "6", "end assumed"}, {1, "6", "incomplete short_of_total"}, {0, "5", "incomplete short_of_total"}, {0, "0", "incomplete short_of_total"},
	} {
		w, err := NewWalk(&Rules{Type: Timestamp, HasNext: true, HasTotal: true, HasKey: true, Fallback: []FallbackKind{FallbackSearchAfter}, MaxRecoveries: 1}, Strategies())
		if err != nil {
			t.Fatal(err)
		}
		fifteen := int64(15)
		s := State{Pages: 3, Received: 7, Duplicates: 1, Overlap: 1, Total: &fifteen, Rung: 1, Position: []byte("6"), Recovered: 1, Recoveries: c.recoveries}
		v, err := w.Step(s, Page{Total: []byte(c.total)})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(v.Kind.String()+" "+string(v.Attested)+v.Code, "end"); got != c.want {
			t.Errorf("%d recoveries, total %s: %s, want %s", c.recoveries, c.total, got, c.want)
		}
	}
}
