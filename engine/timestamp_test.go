package engine

import (
	"testing"
)

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
