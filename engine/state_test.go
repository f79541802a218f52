package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

// What a checkpoint holds is bounded, however long the walk.
func TestStateStaysSmall(t *testing.T) {
	pages := 400_000
	if testing.Short() {
		pages = 20_000
	}
	w, _ := NewWalk(&Rules{Type: Cursor, HasNext: true, HasTotal: true, HasTotalPages: true, HasMore: true, HasKey: true,
		Fallback: []FallbackKind{FallbackSearchAfter, FallbackTimestamp, FallbackRestart}}, Strategies())
	var s State
	largest := 0
	for i := range pages {
		next := json.RawMessage(fmt.Sprintf(`"https://api.example.com/v2/things?cursor=%032x&limit=1000"`, i))
		backup := json.RawMessage(fmt.Sprintf(`"2026-01-02T03:04:05.%09dZ"`, i))
		v, err := w.Step(s, Page{Records: 1000, New: 1000, Print: uint64(i + 1), Next: next, Total: number(1e9), TotalPages: number(1e6),
			More: json.RawMessage("true"), Backups: []json.RawMessage{backup, backup, nil}})
		if err != nil || v.Kind != Continue {
			t.Fatalf("page %d: %v %v", i, v, err)
		}
		s = v.Next
		if i%1000 == 999 {
			b, _ := json.Marshal(s)
			largest = max(largest, len(b))
			if s, err = ParseState(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if largest > 2<<10 {
		t.Errorf("a checkpoint of %d bytes", largest)
	}
	t.Logf("%d bytes after %d pages", largest, pages)
}

func TestStateRoundTrip(t *testing.T) {
	total, pages := int64(9007199254740993), int64(3)
	s := State{Version: 1, Pages: 4, Position: json.RawMessage(`{"n":9007199254740993,"d":1.10,"s":"a&b"}`), Origin: number(3), Ladder: 1,
		Rung: 2, Recoveries: 3, Recovered: 4, Backups: []json.RawMessage{nil, number(4)}, Received: 1 << 60, Duplicates: 5, Overlap: 2,
		Total: &total, TotalFell: true, TotalPages: &pages, Empty: 1, Stale: 2, Print: math.MaxUint64, Largest: 9,
		Trail: Trail{}.With(1).With(2).With(math.MaxUint64), Probe: true, Again: true, Memo: json.RawMessage(`[1]`)}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseState(b)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := json.Marshal(back)
	if !bytes.Equal(b, again) {
		t.Errorf("\n%s\n%s", b, again)
	}
	if !strings.Contains(string(b), `9007199254740993,"d":1.10`) {
		t.Errorf("digits are lost: %s", b)
	}
	if s, err := ParseState(nil); err != nil || !reflect.DeepEqual(s, State{}) {
		t.Errorf("no state: %+v %v", s, err)
	}
	if b, _ := json.Marshal(State{}); string(b) != "{}" {
		t.Errorf("the zero state is written %s", b)
	}
}

func TestParseStateRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"v":2}`, "state: written by a newer version (layout 2, this one knows 1)"},
		{`{"v":7,"at":{"new":"shape"},"pages":"many"}`, "state: written by a newer version (layout 7, this one knows 1)"},
		{`{"v":1,"pages":"many"}`, "state: json: cannot unmarshal"},
		{`{"v":1,"pages":1`, "state: unexpected end of JSON input"},
		{`[]`, "state: json: cannot unmarshal"},
		{`{"v":1,"ladder":-1}`, "state: ladder is negative"},
		{`{"v":1,"rung":-1}`, "state: rung is negative"},
		{`{"v":1,"received":-1}`, "state: received is negative"},
		{`{"v":1,"trail":"AAAA"}`, "state: trail: 4 bytes are no trail"},
		{`{"v":1,"trail":"***"}`, "state: trail:"},
	} {
		if _, err := ParseState([]byte(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestTrail(t *testing.T) {
	var all []Trail
	tr := Trail{}
	for i := range 3000 {
		all = append(all, tr)
		tr = tr.With(uint64(i) + 1_000_000)
	}
	for i := range 3000 {
		i := uint64(i)
		want := i >= 3000-trailRecent || i&(i-1) == 0
		if tr.Has(i+1_000_000) != want {
			t.Errorf("position %d: remembered %v, want %v", i, !want, want)
		}
	}
	for i, old := range all { // a trail that has grown leaves the older ones alone
		if i > 0 && !old.Has(uint64(i-1)+1_000_000) || old.Has(uint64(i)+1_000_000) {
			t.Fatalf("trail %d has changed", i)
		}
	}
}

func TestHashPosition(t *testing.T) {
	same := [][]string{
		{`"a&b"`, `"a\u0026b"`, `"\u0061&b"`},
		{`"/x?y=<z>"`, `"/x?y=\u003cz\u003e"`, `"\/x?y=<z>"`},
		{`{"a":1,"b":[2,"&"]}`, `{ "b": [2, "\u0026"], "a": 1 }`},
		{`[1,2]`, `[1, 2]`},
		{`12`, ` 12`},
		{`"12"`},
		{`9007199254740993`}, {`9007199254740992`},
		{`""`}, {`null`}, {`[]`}, {`{}`},
	}
	seen := map[uint64]string{}
	for _, group := range same {
		h := HashPosition([]byte(group[0]))
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s have one hash", group[0], other)
		}
		seen[h] = group[0]
		for _, text := range group {
			if HashPosition([]byte(text)) != h {
				t.Errorf("%s and %s differ", text, group[0])
			}
		}
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"v":1,"pages":3,"at":"x","trail":"AAAAAAAAAAABAAAAAAAAAAkAAAAAAAAACQ","ladder":2,"rung":3,"backups":[null,1]}`))
	f.Add([]byte(`{"v":1,"at":12,"origin":null,"total":5,"again":true,"probe":true,"empty":11}`))
	rules := []Rules{
		{Type: Cursor, HasNext: true, HasKey: true, HasTotal: true, Fallback: []FallbackKind{FallbackToken, FallbackSearchAfter, FallbackRestart}},
		{Type: Offset, Limit: 10, Cap: 100, HasTotal: true, Probe: true, Fallback: []FallbackKind{FallbackOffset}},
		{Type: PageNumber, Limit: 10, HasTotalPages: true, Cap: 100},
		{Type: Timestamp, HasNext: true, HasKey: true, Limit: 10, Fallback: []FallbackKind{FallbackTimestamp}},
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseState(b)
		if err != nil {
			return
		}
		out, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		if _, err := ParseState(out); err != nil {
			t.Fatalf("%q was written as %q: %v", b, out, err)
		}
		for i := range rules { // whatever a checkpoint holds, a step does not fall over it
			w, _ := NewWalk(&rules[i], Strategies())
			w.Ask(s)
			w.Step(s, Page{Records: 10, New: 10, Next: json.RawMessage(`"n"`), Print: s.Print, Backups: []json.RawMessage{nil, number(3)}})
			w.Step(s, Page{Total: number(5), URL: "http://h/"})
			w.Recover(s, json.RawMessage(`"fresh"`))
			rules[i].Ahead(s, 3)
		}
	})
}

func FuzzTrail(f *testing.F) {
	text, _ := Trail{}.With(1).With(2).With(3).MarshalText()
	f.Add(text)
	f.Add([]byte("AAAAAAAAAAAA"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var tr Trail
		if tr.UnmarshalText(text) != nil {
			return
		}
		out, err := tr.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Trail
		if err := again.UnmarshalText(out); err != nil || !reflect.DeepEqual(tr, again) {
			t.Fatalf("%q: %+v, then %+v %v", text, tr, again, err)
		}
		tr.With(7).MarshalText()
	})
}

func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name  string
		rules Rules
		page  Page
	}{
		{"cursor", Rules{Type: Cursor, HasNext: true}, Page{Records: 1000, New: 1000}},
		{"cursor, total, more, key", Rules{Type: Cursor, HasNext: true, HasTotal: true, HasMore: true, HasKey: true},
			Page{Records: 1000, New: 1000, Total: number(1e9), More: json.RawMessage("true")}},
		{"offset, total", Rules{Type: Offset, Limit: 1000, HasTotal: true}, Page{Records: 1000, New: 1000, Total: number(1e9)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w, _ := NewWalk(&c.rules, Strategies())
			tokens := make([]json.RawMessage, 1000)
			for i := range tokens {
				tokens[i] = json.RawMessage(fmt.Sprintf(`"eyJsYXN0X2lkIjoi%030d"`, i))
			}
			var s State
			b.ReportAllocs()
			for i := range b.N {
				p := c.page
				p.Print = uint64(i) + 1
				if i%1000 == 0 {
					s = State{}
				}
				p.Next = tokens[i%1000]
				w.Ask(s)
				v, err := w.Step(s, p)
				if err != nil || v.Kind != Continue {
					b.Fatal(v, err)
				}
				s = v.Next
			}
		})
	}
}
