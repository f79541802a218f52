package engine

import (
	"testing"
)

// ignoring is an API of 20 records in pages of 4 that answers every position with the first page, for as
// long as it is ill; from then on it has grown records more at its head.
func ignoring(rules Rules, ill, grown int) *api {
	a := &api{rules: rules}
	a.rules.Limit, a.rules.HasKey = 4, true
	a.serve = func(n int, q Request) reply {
		list := upTo(20)
		if n > 0 {
			for i := range grown {
				list = append([]int{100 + i}, list...)
			}
		}
		at := atoi(q.Value, 0)
		if rules.Type == PageNumber {
			at = 4 * (atoi(q.Value, 1) - 1)
		}
		if n < ill {
			at = 0
		}
		return reply{at: at, ids: list[min(at, len(list)):min(at+4, len(list))], total: number(int64(len(list))), pages: number(int64(len(list)+3) / 4)}
	}
	return a
}

// TestPageThatStaysTheSame: a page that repeats the one before is no progress, in whatever run. One that
// does so because the list has grown by a page does not hold the walk up.
func TestPageThatStaysTheSame(t *testing.T) {
	total, pages := Rules{Type: Offset, HasTotal: true}, Rules{Type: PageNumber, HasTotalPages: true}
	both := Rules{Type: PageNumber, HasTotal: true, HasTotalPages: true}
	for _, c := range []struct {
		name       string
		rules      Rules
		ill, grown int
		runs       int
		want       string
	}{
		{"total", total, 99, 0, 8, "incomplete page_repeated, 4 records, 9 requests"},
		{"total_pages", pages, 99, 0, 8, "incomplete page_repeated, 4 records, 9 requests"},
		{"both", both, 99, 0, 8, "incomplete page_repeated, 4 records, 9 requests"},
		{"no count", Rules{Type: Offset}, 99, 0, 8, "incomplete page_repeated, 4 records, 16 requests"},
		{"a count that may grow", Rules{Type: Offset, HasTotal: true, TotalKind: AtLeast}, 99, 0, 8, "incomplete page_repeated, 4 records, 16 requests"},
		{"healed, with a total", total, 3, 0, 3, "end proved, 20 records, 7 requests"},
		{"healed, with total_pages", pages, 3, 0, 3, "end assumed, 20 records, 7 requests"},
		{"healed while looking behind", Rules{Type: Offset}, 4, 0, 3, "end assumed, 20 records, 9 requests"},
		{"grown, with a total", total, 0, 4, 2, "end assumed, 20 records, 7 requests"},
		{"grown, with total_pages", pages, 0, 4, 2, "end assumed, 20 records, 7 requests"},
		{"grown, no count", Rules{Type: Offset}, 0, 4, 2, "end assumed, 20 records, 8 requests"},
		{"grown, by page", Rules{Type: PageNumber}, 0, 4, 2, "end assumed, 20 records, 8 requests"},
	} {
		a := ignoring(c.rules, c.ill, c.grown)
		o := drain(t, a, State{})
		if o.String() != "incomplete page_repeated, 4 records, 2 requests" {
			t.Errorf("%s: the first run: %v", c.name, o)
		}
		for i := 1; i < c.runs && o.Verdict.Kind == Doubt; i++ {
			o.drain(t, a, nil, 20)
		}
		if o.String() != c.want {
			t.Errorf("%s: %v, want %s; events %v, evidence %v", c.name, o, c.want, o.Events, o.Verdict.Evidence)
		}
	}
}

// TestPageRepeatedAtTheEnd: whatever says that the repeated page is the last, it is none.
func TestPageRepeatedAtTheEnd(t *testing.T) {
	for _, r := range []Rules{{Type: PageNumber, HasTotalPages: true}, {Type: PageNumber, HasTotalPages: true, HasKey: true},
		{Type: Offset, HasTotal: true}, {Type: Offset, HasMore: true, Decides: ByMore}} {
		a := &api{rules: r}
		a.serve = func(n int, q Request) reply {
			return reply{ids: upTo(4), total: number(8), pages: number(2), more: []byte([]string{"true", "false"}[n])}
		}
		if o := drain(t, a, State{}); o.String() != "incomplete page_repeated, 4 records, 2 requests" {
			t.Errorf("%+v: %v", r, o)
		}
	}
}
