package engine

import (
	"encoding/json"
	"testing"
)

// TestPagesCountOnce: what total_pages is compared with does not grow by asking again, nor by a fallback
// that brings nothing.
func TestPagesCountOnce(t *testing.T) {
	lost := func(a *api, at int) { // no page that ends before the record at has a token
		a.fault = func(n int, q Request, r *reply) {
			if r.at+len(r.ids) == at {
				r.next = nil
			}
		}
	}
	for _, c := range []struct {
		name  string
		rules Rules
		fault func(*api)
		runs  int
		want  string
	}{
		{"a token that is never there", Rules{Type: Cursor, HasNext: true}, func(a *api) { lost(a, 16) }, 4, "incomplete next_token_missing, 16 records, 7 requests"},
		{"with a key", Rules{Type: Cursor, HasNext: true, HasKey: true}, func(a *api) { lost(a, 16) }, 4, "incomplete next_token_missing, 16 records, 7 requests"},
		{"a circle that is the end", Rules{Type: Cursor, HasNext: true, HasKey: true, Repeat: "end"}, func(a *api) {
			a.fault = func(n int, q Request, r *reply) {
				if r.at == 12 {
					r.next = a.token(8, 0)
				}
			}
		}, 3, "incomplete next_token_missing, 16 records, 6 requests"},
		{"a short page", Rules{Type: Offset, Limit: 4, ShortPage: true}, func(a *api) {
			a.fault = func(n int, q Request, r *reply) {
				if r.at == 4 {
					r.ids = r.ids[:2]
				}
			}
		}, 6, "incomplete short_of_total, 6 records, 7 requests"},
		{"an empty page without a token", Rules{Type: Cursor, HasNext: true}, func(a *api) {
			a.fault = func(n int, q Request, r *reply) {
				if r.at == 8 {
					r.ids, r.next = nil, nil
				}
			}
		}, 5, "incomplete next_token_missing, 8 records, 7 requests"},
		{"an offset that brings nothing", Rules{Type: Cursor, HasNext: true, Fallback: []FallbackKind{FallbackOffset}}, func(a *api) {
			a.fault = func(n int, q Request, r *reply) {
				if r.next = nil; q.Rung != 0 {
					r.ids = nil
				} else if r.at < 8 {
					r.next = a.token(r.at+4, 0)
				}
			}
		}, 2, "incomplete short_of_total, 12 records, 14 requests"},
		{"a restart over the same loss", Rules{Type: Cursor, HasNext: true, HasKey: true, Fallback: []FallbackKind{FallbackRestart}}, func(a *api) { lost(a, 12) },
			2, "incomplete next_token_missing, 12 records, 34 requests"},
		{"a restart that heals", Rules{Type: Cursor, HasNext: true, HasKey: true, Fallback: []FallbackKind{FallbackRestart}}, func(a *api) {
			a.fault = func(n int, q Request, r *reply) {
				if n == 2 {
					r.next = nil
				}
			}
		}, 1, "end confirmed, 20 records, 8 requests"},
		{"an offset that heals", Rules{Type: Cursor, HasNext: true, Fallback: []FallbackKind{FallbackOffset}}, func(a *api) { lost(a, 12) },
			1, "end assumed, 20 records, 5 requests"},
		{"a fallback that answers all at once", Rules{Type: Cursor, HasNext: true, Fallback: []FallbackKind{FallbackOffset}}, func(a *api) {
			a.fault = func(n int, q Request, r *reply) {
				if r.next = nil; q.Rung != 0 {
					r.ids = upTo(20)[min(r.at, 20):]
				} else if r.at < 4 {
					r.next = a.token(r.at+4, 0)
				}
			}
		}, 1, "end assumed, 20 records, 4 requests"},
	} {
		a := honest(c.rules.Type, 20, 4, 0)
		a.rules, a.off = c.rules, offer{pages: true}
		a.rules.HasTotalPages = true
		c.fault(a)
		o := drain(t, a, State{})
		for i := 1; i < c.runs && o.Verdict.Kind == Doubt; i++ {
			o.drain(t, a, nil, 100)
		}
		if o.String() != c.want {
			t.Errorf("%s: %v, want %s: %v", c.name, o, c.want, o.Verdict.Evidence)
		}
	}
}

// TestTotalPagesOneTooLow: a page that is asked for again after a contradicted end is still page four.
func TestTotalPagesOneTooLow(t *testing.T) {
	a := honest(Cursor, 9, 2, 0)
	a.rules = Rules{Type: Cursor, HasNext: true, HasTotal: true, HasTotalPages: true, Decides: ByTotalPages}
	a.off = offer{total: true, pages: true}
	a.fault = func(n int, q Request, r *reply) {
		if n < 4 {
			r.pages = json.RawMessage("4")
		}
	}
	o := drain(t, a, State{})
	if o.String() != "incomplete short_of_total, 8 records, 4 requests" {
		t.Fatalf("the first run: %v", o)
	}
	o.drain(t, a, nil, 10)
	if o.Requests != 6 || o.Verdict.Attested != Proved || o.Verdict.Next.Received-o.Verdict.Next.Duplicates != 9 {
		t.Errorf("the second run: %v", o)
	}
}

// TestTotalPagesIsNoCount: a total_pages that the walk has gone beyond, or that fell, proves no end.
func TestTotalPagesIsNoCount(t *testing.T) {
	for _, c := range []struct {
		name, want string
		rules      Rules
		pages      func(n int, r *reply) string
		exceeded   int
	}{
		{"zero", "end assumed, 12 records, 4 requests", Rules{Type: PageNumber}, func(int, *reply) string { return "0" }, 1},
		{"zero as text", "end assumed, 12 records, 4 requests", Rules{Type: PageNumber}, func(int, *reply) string { return `"0"` }, 1},
		{"too low for a token", "end assumed, 12 records, 3 requests", Rules{Type: Cursor, HasNext: true}, func(int, *reply) string { return "2" }, 1},
		{"as it is", "end confirmed, 12 records, 3 requests", Rules{Type: Cursor, HasNext: true}, func(int, *reply) string { return "3" }, 0},
		{"zero on an empty page, not believed", "end confirmed, 7 records, 4 requests", Rules{Type: PageNumber}, func(n int, r *reply) string {
			if n == 1 {
				r.ids = nil
				return "0"
			}
			return "4"
		}, 0},
		{"what is left", "end assumed, 12 records, 4 requests", Rules{Type: PageNumber}, func(n int, r *reply) string { return []string{"3", "2", "1", "0"}[n] }, 1},
	} {
		a := honest(c.rules.Type, 12, 5, 0)
		a.rules, a.off = c.rules, offer{pages: true}
		a.rules.HasTotalPages = true
		a.fault = func(n int, q Request, r *reply) { r.pages = json.RawMessage(c.pages(n, r)) }
		o := drain(t, a, State{})
		if o.String() != c.want || o.Events[EventTotalExceeded] != c.exceeded {
			t.Errorf("%s: %v, want %s; events %v", c.name, o, c.want, o.Events)
		}
	}
	a := honest(PageNumber, 0, 5, 0) // an empty list of no pages
	a.rules.HasTotalPages, a.off = true, offer{pages: true}
	if o := drain(t, a, State{}); o.String() != "end confirmed, 0 records, 1 requests" {
		t.Errorf("an empty list: %v", o)
	}
}
