package engine

import (
	"encoding/json"
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
	for _, length := range []int{1, 2, 3, 63, 64, 65, 129, 500, 2000} {
		for _, tail := range []int{0, 1, 2, 50, 777} {
			if length > 65 && tail > 1 && length+tail != 550 && length+tail != 906 {
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
