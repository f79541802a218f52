package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// cyclic is an API whose chain of tokens is tail positions long and then runs round a circle.
func cyclic(tail, length int) *api {
	a := &api{rules: Rules{Type: Cursor, HasNext: true, HasKey: true}, size: 1}
	a.serve = func(n int, q Request) reply {
		at := 0
		if q.Value != nil {
			var token string
			if err := json.Unmarshal(q.Value, &token); err != nil {
				panic(err)
			}
			fmt.Sscanf(token, "a&%d", &at)
		}
		next := at + 1
		if next == tail+length {
			next = tail
		}
		return reply{ids: []int{at}, next: json.RawMessage(fmt.Sprintf(`"a&%d<b>"`, next))} // characters that a checkpoint escapes
	}
	return a
}

// Cycles of any length are found, with the state as JSON after every page.
func TestCycles(t *testing.T) {
	for _, length := range []int{1, 2, 3, 7, 63, 64, 65, 100, 128, 129, 500, 2000} {
		for _, tail := range []int{0, 1, 2, 50, 65, 777} {
			if length > 65 && tail > 2 && length+tail != 565 && length+tail != 877 {
				continue
			}
			a := cyclic(tail, length)
			o := drain(t, a, State{})
			if o.Verdict.Kind != Doubt || o.Verdict.Code != CodeCycle || o.Events[EventTokenRepeated] != 1 {
				t.Fatalf("tail %d, cycle %d: %v", tail, length, o)
			}
			if !slices.Equal(o.Delivered, upTo(tail+length)) {
				t.Fatalf("tail %d, cycle %d: delivered %d", tail, length, len(o.Delivered))
			}
			once := tail + length
			if length <= trailRecent && o.Requests > once+1 {
				t.Errorf("tail %d, cycle %d: found after %d requests, not when it closed", tail, length, o.Requests)
			}
			if o.Requests > 2*max(tail, 1)+2*length+2 {
				t.Errorf("tail %d, cycle %d: found after %d requests", tail, length, o.Requests)
			}

			a = cyclic(tail, length) // a run that remembers every position finds it when it closes
			o = outcome{Events: map[string]int{}, keys: map[int]bool{}}
			o.drain(t, a, map[uint64]bool{}, 10_000)
			if o.Verdict.Code != CodeCycle || o.Requests > once+1 {
				t.Errorf("tail %d, cycle %d, all positions remembered: %v", tail, length, o)
			}
		}
	}
}

func TestRepeatRules(t *testing.T) {
	for _, c := range []struct {
		repeat string
		want   string
	}{
		{"", "incomplete cycle, 5 records, 5 requests"},
		{"fail", "incomplete cycle, 5 records, 5 requests"},
		{"end", "end assumed, 5 records, 5 requests"},
	} {
		a := cyclic(4, 1)
		a.rules.Repeat = c.repeat
		if o := drain(t, a, State{}); o.String() != c.want {
			t.Errorf("repeat %q: %v, want %s", c.repeat, o, c.want)
		}
	}
	// A start that comes back as the next token is a repeat too (cursorMark=*).
	a := &api{rules: Rules{Type: Cursor, HasNext: true, Start: json.RawMessage(`"*"`), Repeat: "end"}}
	a.serve = func(n int, q Request) reply { return reply{next: q.Value} }
	if o := drain(t, a, State{}); o.String() != "end confirmed, 0 records, 1 requests" {
		t.Errorf("the start again: %v", o)
	}
	// One session token for all pages: allowed, and the end is the empty page.
	a = &api{rules: Rules{Type: Cursor, HasNext: true, Repeat: "allow", Decides: ByPage}, n: 30}
	a.serve = func(n int, q Request) reply {
		return reply{ids: upTo(30)[min(n*10, 30):min(n*10+10, 30)], next: json.RawMessage(`"session"`)}
	}
	o := drain(t, a, State{})
	wantAll(t, a, o, 0)
	if o.Requests != 4 {
		t.Errorf("%d requests, want 4", o.Requests)
	}
}

// `repeat` for patterns that count: what repeats is the page.
func TestLastPageForEver(t *testing.T) {
	for _, typ := range []Type{Offset, PageNumber} {
		for _, c := range []struct{ repeat, want string }{
			{"", "incomplete page_repeated, 30 records, 4 requests"},
			{"end", "end assumed, 30 records, 4 requests"},
			{"allow", "incomplete stalled, 30 records, 14 requests"},
		} {
			a := honest(typ, 30, 10, 0)
			a.rules.Repeat, a.rules.HasKey = c.repeat, true
			var last []int
			a.fault = func(n int, q Request, r *reply) {
				if len(r.ids) == 0 {
					r.ids = last
				}
				last = r.ids
			}
			if o := drain(t, a, State{}); o.String() != c.want {
				t.Errorf("%s, repeat %q: %v, want %s", typ, c.repeat, o, c.want)
			}
		}
		// Records that are all alike, page after page, where that is so.
		a := honest(typ, 30, 10, 0)
		a.rules.Repeat = "allow"
		a.fault = func(n int, q Request, r *reply) {
			for i := range r.ids {
				r.ids[i] = 7
			}
		}
		if o := drain(t, a, State{}); o.String() != "end assumed, 30 records, 4 requests" {
			t.Errorf("%s, records alike: %v", typ, o)
		}
	}
}

func TestEmptyPages(t *testing.T) {
	for _, c := range []struct {
		limit, empties int
		want           string
	}{
		{0, 10, "end assumed, 3 records, 13 requests"},
		{0, 11, "incomplete stalled, 1 records, 12 requests"},
		{3, 3, "end assumed, 3 records, 6 requests"},
		{3, 4, "incomplete stalled, 1 records, 5 requests"},
		{-1, 1, "incomplete stalled, 1 records, 2 requests"},
	} {
		a := &api{rules: Rules{Type: Cursor, HasNext: true, EmptyPages: c.limit}, n: 3, size: 1}
		a.empty = func(at int) int { return map[int]int{1: c.empties}[at] }
		o := drain(t, a, State{})
		if o.String() != c.want || o.Events[EventEmptyPage] != o.Requests-len(o.Delivered) {
			t.Errorf("%d empty pages of %d: %v, events %v; want %s", c.empties, c.limit, o, o.Events, c.want)
		}
		if o.Verdict.Kind == Doubt { // the next run gets further
			o.drain(t, a, nil, 50)
			wantAll(t, a, o, 0)
		}
	}
}

func TestProbe(t *testing.T) {
	for _, typ := range Types {
		for _, key := range []bool{true, false} {
			for _, n := range []int{0, 1, 10, 23, 30} {
				a := honest(typ, n, 10, 0)
				a.rules.Probe, a.rules.HasKey = true, key
				if typ == None {
					a.size = max(1, n)
				}
				o := drain(t, a, State{})
				wantAll(t, a, o, 0)
				plain := honest(typ, n, 10, 0)
				plain.rules.HasKey, plain.size = key, a.size
				before := drain(t, plain, State{})
				want, probes := Confirmed, 1
				if typ == None || before.Verdict.Attested == Confirmed {
					want, probes = before.Verdict.Attested, 0
				}
				if o.Verdict.Attested != want || o.Requests != before.Requests+probes {
					t.Errorf("%s, %d records, key %v: %v; without a probe %v", typ, n, key, o, before)
				}
			}
		}
	}
}

// A probe finds what one witness denied.
func TestProbeFindsMore(t *testing.T) {
	for _, key := range []bool{true, false} {
		// The token of page 2 was lost: asked again, the page has it.
		a := honest(Cursor, 53, 10, 0)
		a.rules.Probe, a.rules.HasKey = true, key
		a.fault = func(n int, q Request, r *reply) {
			if n == 2 {
				r.next = nil
			}
		}
		o := drain(t, a, State{})
		wantAll(t, a, o, 0)
		if o.Requests != 8 || o.Verdict.Attested != Confirmed || o.Events[EventNextTokenMissing] != 1 {
			t.Errorf("lost token, key %v: %v, events %v", key, o, o.Events)
		}
		// total_pages says three, there are six.
		a = honest(PageNumber, 53, 10, 4)
		a.rules.Probe, a.rules.HasKey = true, key
		a.fault = func(n int, q Request, r *reply) { r.pages = number(3) }
		o = drain(t, a, State{})
		wantAll(t, a, o, 0)
		if o.Verdict.Attested != Confirmed {
			t.Errorf("total_pages too low, key %v: %v", key, o)
		}
		// more says false after the first page.
		a = honest(SearchAfter, 53, 10, 8)
		a.rules.Probe, a.rules.HasKey = true, key
		a.fault = func(n int, q Request, r *reply) { r.more = json.RawMessage("false") }
		wantAll(t, a, drain(t, a, State{}), 0)
		// The page asked again differs in what is no record's business; without keys it is not delivered twice.
		a = honest(Cursor, 23, 10, 0)
		a.rules.Probe, a.rules.HasKey = true, key
		w, _ := NewWalk(&a.rules, Strategies())
		s := State{Version: 1, Pages: 3, Received: 23, Position: a.token(20, 0), Probe: true, Again: true, Print: 5}
		v, err := w.Step(s, Page{Records: 3, New: map[bool]int{true: 0, false: 3}[key], Print: 6})
		if err != nil || v.Kind != End || v.Drop == key || v.Next.Count() != 23 {
			t.Errorf("key %v: %+v %v", key, v, err)
		}
	}
}

func TestTimestampFull(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int
		ties  int
		limit int64
		size  int
		key   bool
		more  bool
		want  string
	}{
		{"ties fewer than a page", 50, 7, 10, 10, true, false, "end assumed, 50 records, 8 requests"},
		{"ties that fill a page", 50, 25, 10, 10, true, false, "incomplete timestamp_full, 10 records, 2 requests"},
		{"ties that fill a page, more is declared", 50, 25, 10, 10, true, true, "incomplete timestamp_full, 10 records, 2 requests"},
		{"ties that fill a page in the middle", 50, 11, 10, 10, true, false, "incomplete timestamp_full, 10 records, 2 requests"},
		{"without keys", 50, 25, 10, 10, false, false, "incomplete timestamp_full, 10 records, 2 requests"},
		{"no limit declared, the last page brings nothing new", 23, 2, 0, 10, true, false, "end assumed, 23 records, 4 requests"},
		{"one record", 1, 1, 10, 10, true, false, "end assumed, 1 records, 2 requests"},
		{"one record, no limit declared", 1, 1, 0, 10, true, false, "end assumed, 1 records, 2 requests"},
		{"a server that caps the page below the ties", 50, 25, 10, 5, true, true, "incomplete timestamp_full, 5 records, 2 requests"},
	} {
		a := &api{rules: Rules{Type: Timestamp, HasNext: true, HasKey: c.key, Limit: c.limit, HasMore: c.more},
			n: c.n, size: c.size, ties: c.ties, since: true, off: offer{more: c.more}}
		if o := drain(t, a, State{}); o.String() != c.want {
			t.Errorf("%s: %v, want %s", c.name, o, c.want)
		}
	}
	// 15 records at one time, the first five of them on a page with others.
	a := &api{rules: Rules{Type: Timestamp, HasNext: true, HasKey: true, Limit: 10}}
	a.serve = func(n int, q Request) reply {
		if n > 0 {
			return reply{ids: []int{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}, next: number(5)}
		}
		return reply{ids: upTo(10), next: number(5)}
	}
	o := drain(t, a, State{})
	if o.String() != "incomplete timestamp_full, 15 records, 2 requests" {
		t.Errorf("a page half full of what is known: %v", o)
	}
	o.drain(t, a, nil, 5) // the next run must not take "nothing new" for the end
	if o.String() != "incomplete timestamp_full, 15 records, 3 requests" {
		t.Errorf("asked again: %v", o)
	}
}

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

func TestWrongTypes(t *testing.T) {
	for _, c := range []struct {
		witness string
		value   string
		ok      bool
	}{
		{"more", `true`, true}, {"more", `false`, true}, {"more", `"true"`, true}, {"more", `"false"`, true}, {"more", `1`, true},
		{"more", `0`, true}, {"more", `null`, true}, {"more", ` true `, true}, {"more", ``, true}, {"more", `"yes"`, false}, {"more", `"TRUE"`, false}, {"more", `2`, false},
		{"more", `"1"`, false}, {"more", `""`, false}, {"more", `[]`, false}, {"more", `{"a":true}`, false}, {"more", `1.0`, false},
		{"done", `"no"`, false}, {"done", `0`, true}, {"done", `{}`, false},
		{"total", `12`, true}, {"total", `"12"`, true}, {"total", `null`, true}, {"total", `""`, true}, {"total", `-1`, true}, {"total", `12.0`, true}, {"total", `1e3`, true},
		{"total", `"many"`, false}, {"total", `12.5`, false}, {"total", `true`, false}, {"total", `{"value":3}`, false}, {"total", `"1,234"`, false}, {"total", `1e400`, false},
		{"remaining", `"0"`, true}, {"remaining", `"none"`, false}, {"remaining", `[1]`, false},
		{"total_pages", `"7"`, true}, {"total_pages", `false`, false},
	} {
		w, _ := NewWalk(&Rules{Type: Cursor, HasNext: true, HasMore: true, HasDone: true, HasTotal: true, HasRemaining: true, HasTotalPages: true}, Strategies())
		p := Page{Records: 1, New: 1, Next: json.RawMessage(`"n"`)}
		v := json.RawMessage(c.value)
		switch c.witness {
		case "more":
			p.More = v
		case "done":
			p.Done = v
		case "total":
			p.Total = v
		case "remaining":
			p.Remaining = v
		case "total_pages":
			p.TotalPages = v
		}
		_, err := w.Step(State{}, p)
		var wrong *ValueError
		if c.ok != (err == nil) || !c.ok && (!errors.As(err, &wrong) || wrong.Witness != c.witness) {
			t.Errorf("%s %s: %v", c.witness, c.value, err)
		}
	}
}

func TestAtLeastAndEstimate(t *testing.T) {
	for _, typ := range []Type{Offset, PageNumber, Cursor} {
		for _, c := range []struct {
			kind CountKind
			says int64
			end  bool
		}{
			{Estimate, 5, true}, {Estimate, 53, true}, {Estimate, 5000, true},
			{AtLeast, 5, true}, {AtLeast, 53, true}, {AtLeast, 60, false},
			{Exact, 53, true}, {Exact, 60, false}, {"", 53, true},
		} {
			a := honest(typ, 53, 10, 1)
			a.rules.TotalKind = c.kind
			a.fault = func(n int, q Request, r *reply) { r.total = number(c.says) }
			o := drain(t, a, State{})
			proved := (c.kind == Exact || c.kind == "") && c.says == 53
			if (o.Verdict.Kind == End) != c.end || (o.Verdict.Attested == Proved) != proved || !slices.Equal(o.Delivered, upTo(53)) {
				t.Errorf("%s, %s total of %d: %v", typ, c.kind, c.says, o)
			}
			if c.kind == Estimate && len(o.Events) > 0 && o.Events[EventTotalChanged]+o.Events[EventTotalExceeded] > 0 {
				t.Errorf("%s: events %v", typ, o.Events)
			}
		}
	}
}
