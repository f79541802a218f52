package engine

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestGaps: pages of a pattern that counts come empty while a total says more. A later run asks for them,
// nothing comes twice, and a walk that stays short does not move on.
func TestGaps(t *testing.T) {
	offsets := Rules{Type: Offset, Limit: 4, StepLimit: true, HasTotal: true}
	numbers := Rules{Type: PageNumber, Limit: 4, HasTotal: true}
	both := Rules{Type: PageNumber, Limit: 4, HasTotal: true, HasTotalPages: true}
	for _, c := range []struct {
		name  string
		rules Rules
		at    []int // pages that are empty
		first string
		keyed bool // the page that left the doubt has records: keys must tell that they are known
	}{
		{"one", offsets, []int{8}, "incomplete short_of_total, 16 records, 16 requests", false},
		{"one, by page", numbers, []int{8}, "incomplete short_of_total, 16 records, 16 requests", false},
		{"three", offsets, []int{0, 8, 12}, "incomplete short_of_total, 8 records, 16 requests", false},
		{"three, by page", numbers, []int{0, 8, 12}, "incomplete short_of_total, 8 records, 16 requests", false},
		{"the last", offsets, []int{16}, "incomplete short_of_total, 16 records, 15 requests", false},
		{"the last two, by page", numbers, []int{12, 16}, "incomplete short_of_total, 12 records, 14 requests", false},
		{"in the middle and at the end", offsets, []int{4, 16}, "incomplete short_of_total, 12 records, 15 requests", false},
		{"all", numbers, []int{0, 4, 8, 12, 16}, "incomplete short_of_total, 0 records, 11 requests", false},
		{"total_pages ends it", both, []int{8}, "incomplete short_of_total, 16 records, 5 requests", true},
	} {
		for _, key := range []bool{false, true} {
			a := honest(c.rules.Type, 20, 4, 0)
			a.rules, a.off = c.rules, offer{total: true, pages: true}
			a.rules.HasKey = key
			ill := true
			a.fault = func(n int, q Request, r *reply) {
				if ill && slices.Contains(c.at, r.at) {
					r.ids = nil
				}
			}
			o := drain(t, a, State{})
			if o.String() != c.first {
				t.Errorf("%s: %v, want %s", c.name, o, c.first)
			}
			for range 3 { // still ill: no further, and nothing twice
				before := len(o.Delivered)
				if o.drain(t, a, nil, 40); o.Verdict.Code != CodeShortOfTotal || len(o.Delivered) != before {
					t.Errorf("%s, again: %v", c.name, o)
				}
			}
			ill = false
			o.drain(t, a, nil, 40)
			got := slices.Clone(o.Delivered)
			slices.Sort(got)
			if c.keyed && !key {
				continue
			}
			if o.Verdict.Kind != End || o.Verdict.Attested != Proved || !slices.Equal(got, upTo(20)) {
				t.Errorf("%s, key %v, healed: %v, %v, evidence %v", c.name, key, o, got, o.Verdict.Evidence)
			}
		}
	}
}

// TestStallOfPages: empty pages that go on for ever are a stall unless a count says that records are lacking.
func TestStallOfPages(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		hook  bool
		want  string
	}{
		{"a flag", Rules{Type: PageNumber, Limit: 5, HasMore: true, Decides: ByMore}, false, "incomplete stalled, 12 records, 14 requests"},
		{"a flag, by offset", Rules{Type: Offset, Limit: 5, HasMore: true, Decides: ByMore}, false, "incomplete stalled, 12 records, 14 requests"},
		{"a hook beyond the total", Rules{Type: Offset, Limit: 5, HasTotal: true}, true, "incomplete stalled, 12 records, 14 requests"},
		{"a total", Rules{Type: PageNumber, Limit: 5, HasTotal: true}, false, "incomplete short_of_total, 12 records, 14 requests"},
		{"total_pages", Rules{Type: PageNumber, Limit: 5, HasTotalPages: true}, false, "incomplete short_of_total, 12 records, 14 requests"},
	} {
		a := honest(c.rules.Type, 12, 5, 0)
		a.rules, a.off = c.rules, offer{total: true, pages: true}
		a.fault = func(n int, q Request, r *reply) {
			r.more = json.RawMessage("true")
			if c.hook {
				at, _ := integer(q.Value, 0)
				r.hook = &HookSays{Token: number(at + 5)}
			} else {
				r.total, r.pages = number(99), number(99)
			}
		}
		o := drain(t, a, State{})
		if o.String() != c.want {
			t.Errorf("%s: %v, want %s: %v", c.name, o, c.want, o.Verdict.Evidence)
		}
		at, _ := integer(o.next.Position, 0)
		o.drain(t, a, nil, 40)
		if again, _ := integer(o.next.Position, 0); at != again || o.Verdict.Kind != Doubt {
			t.Errorf("%s: the second run leaves off at %d, the first at %d: %v", c.name, again, at, o)
		}
	}
}
