package engine

import (
	"encoding/json"
	"fmt"
	"testing"
)

// Every pattern, whatever its sizes and witnesses: every record once, in order, a clean end, and at
// most one request after the one that brought the last record.
func TestEveryRecordOnce(t *testing.T) {
	for _, typ := range Types {
		for mask := range 64 {
			name := fmt.Sprintf("%s/%06b", typ, mask)
			t.Run(name, func(t *testing.T) {
				rnd := random(uint64(mask)<<8 + uint64(len(typ)))
				for _, size := range []int{1, 2, 7} {
					for _, n := range []int{0, 1, size - 1, size, size + 1, 3*size - 1, 3 * size, 3*size + 1, rnd.IntN(60)} {
						a := honest(typ, n, size, mask)
						if rnd.IntN(2) == 0 && typ != None {
							a.rules.Limit = int64(size + rnd.IntN(3)) // the server caps it
							a.rules.ShortPage = a.rules.ShortPage && a.rules.Limit == int64(size)
						}
						a.shape = []string{"string", "number", "array", "object", "url"}[rnd.IntN(5)]
						if rnd.IntN(3) == 0 && a.rules.Type != Offset && a.rules.Type != PageNumber {
							a.empty = func(at int) int { return (at*7 + mask) % 4 }
						}
						if a.rules.ShortPage || typ == SearchAfter || typ == Timestamp || typ == None {
							a.empty = nil
						}
						o := drain(t, a, State{})
						wantAll(t, a, o, 0)
						if extra := o.Requests - max(1, o.Last); extra > 1 {
							t.Errorf("%d of %d a page: %d requests after the last record", n, size, extra)
						}
						if want := a.off.total; want != (o.Verdict.Attested == Proved) {
							t.Errorf("%d of %d a page: attested %q, evidence %v", n, size, o.Verdict.Attested, o.Verdict.Evidence)
						}
						if t.Failed() {
							t.Fatalf("%+v", *a)
						}
					}
				}
			})
		}
	}
}

// honest is an API that tells the truth and offers the witnesses of the mask.
func honest(typ Type, n, size, mask int) *api {
	a := &api{n: n, size: size, ties: 1}
	bit := func(i int) bool { return mask>>i&1 == 1 }
	a.off = offer{total: bit(0), remaining: bit(1), pages: bit(2), more: bit(3), done: bit(4)}
	if typ == None {
		a.size = max(1, n)
	}
	a.rules = Rules{Type: typ, Limit: int64(size), HasTotal: bit(0), HasRemaining: bit(1), HasTotalPages: bit(2), HasMore: bit(3),
		HasDone: bit(4), ShortPage: bit(5), HasNext: typ == Cursor || typ == Link || typ == SearchAfter || typ == Timestamp}
	if typ == Timestamp && mask%2 == 1 {
		if size > 1 { // fewer ties than a page holds, or the time cannot move
			a.since, a.ties, a.rules.HasKey = true, 1+mask%(size-1), true
		}
		a.rules.HasTotalPages, a.off.pages = false, false // overlaps make more pages than the list has
	}
	return a
}

func TestStartAndFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		first string // the position that the first request carries
		skip  int    // records before it
	}{
		{"offset", Rules{Type: Offset}, "0", 0},
		{"offset omitted", Rules{Type: Offset, First: "omit"}, "", 0},
		{"offset from 1", Rules{Type: Offset, Start: number(1)}, "1", 0},
		{"offset from 20", Rules{Type: Offset, Start: number(20)}, "20", 20},
		{"offset from 20 in a string", Rules{Type: Offset, Start: json.RawMessage(`"20"`)}, "20", 20},
		{"page", Rules{Type: PageNumber}, "1", 0},
		{"page omitted", Rules{Type: PageNumber, First: "omit"}, "", 0},
		{"page from 0", Rules{Type: PageNumber, Start: number(0)}, "0", 0},
		{"page from 0 omitted", Rules{Type: PageNumber, Start: number(0), First: "omit"}, "", 0},
		{"page from 3", Rules{Type: PageNumber, Start: number(3)}, "3", 20},
		{"cursor", Rules{Type: Cursor, HasNext: true}, "", 0},
		{"cursor with a start", Rules{Type: Cursor, HasNext: true, Start: json.RawMessage(`"*"`)}, `"*"`, 0},
		{"cursor with a start omitted", Rules{Type: Cursor, HasNext: true, Start: json.RawMessage(`"*"`), First: "omit"}, "", 0},
		{"search_after from 0", Rules{Type: SearchAfter, HasNext: true, Start: number(0)}, "0", 0},
		{"search_after from 20", Rules{Type: SearchAfter, HasNext: true, Start: number(20)}, "20", 20},
		{"timestamp from", Rules{Type: Timestamp, HasNext: true, Start: number(900)}, "900", 0},
	} {
		for mask := range 8 {
			t.Run(fmt.Sprint(c.name, mask), func(t *testing.T) {
				a := &api{rules: c.rules, n: 53, size: 10, ties: 1}
				a.rules.Limit = 10
				a.rules.HasTotal = mask&1 == 1 && c.rules.Type != SearchAfter
				a.rules.HasTotalPages = mask&2 == 2 && c.rules.Type == PageNumber
				a.rules.HasMore = mask&4 == 4
				a.off = offer{total: a.rules.HasTotal, pages: a.rules.HasTotalPages, more: a.rules.HasMore}
				a.fault = func(n int, q Request, _ *reply) {
					if n == 0 && string(q.Value) != c.first {
						t.Errorf("the first request carries %q, want %q", q.Value, c.first)
					}
					if n == 0 && q.Follow {
						t.Error("the first request follows an answer")
					}
					if n > 0 && q.Value == nil {
						t.Errorf("request %d carries no position", n)
					}
				}
				o := drain(t, a, State{})
				wantAll(t, a, o, c.skip)
				if extra := o.Requests - o.Last; extra > 1 {
					t.Errorf("%d requests after the last record", extra)
				}
				if o.Verdict.Attested == Proved && c.skip > 0 {
					t.Error("a walk that began in the middle is not proved")
				}
			})
		}
	}
}

// A walk that begins at a kept position ends cleanly although the total is that of the whole list.
func TestKeptPosition(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		kept  string
		from  int
	}{
		{"offset", Rules{Type: Offset}, "20", 20},
		{"page", Rules{Type: PageNumber}, "3", 20},
		{"cursor", Rules{Type: Cursor, HasNext: true}, `"c&20<0"`, 20},
		{"search_after", Rules{Type: SearchAfter, HasNext: true}, "20", 20},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, restart), func(t *testing.T) {
				a := &api{rules: c.rules, n: 53, size: 10, off: offer{total: true, pages: true}}
				a.rules.Limit, a.rules.HasTotal, a.rules.HasTotalPages = 10, true, true
				if restart {
					a.rules.HasKey, a.rules.Fallback = true, []FallbackKind{FallbackRestart}
					a.fault = func(n int, q Request, r *reply) { r.expired = n == 2 }
				}
				o := drain(t, a, StartAt(json.RawMessage(c.kept)))
				wantAll(t, a, o, c.from)
			})
		}
	}
}

func TestStepLimit(t *testing.T) {
	for n := range 25 {
		a := &api{rules: Rules{Type: Offset, Limit: 5, StepLimit: true}, n: n, size: 5}
		wantAll(t, a, drain(t, a, State{}), 0)
	}
	// A page that the API has filtered is short; step: limit moves past what it left out.
	a := &api{rules: Rules{Type: Offset, Limit: 5, StepLimit: true}, n: 25, size: 5}
	a.fault = func(n int, q Request, r *reply) {
		if len(r.ids) > 2 {
			r.ids = r.ids[:2]
		}
	}
	o := drain(t, a, State{})
	if o.Verdict.Kind != End || fmt.Sprint(o.Delivered) != "[0 1 5 6 10 11 15 16 20 21]" {
		t.Errorf("%v: %v", o, o.Delivered)
	}
}

func TestCap(t *testing.T) {
	for _, c := range []struct {
		typ   Type
		n     int
		limit int64
		total bool
		want  string
	}{
		{Offset, 300, 10, true, "truncated cap, 100 records, 10 requests"},
		{Offset, 300, 30, true, "truncated cap, 100 records, 4 requests"}, // the last page asks for ten
		{Offset, 100, 10, true, "end proved, 100 records, 10 requests"},
		{Offset, 100, 10, false, "truncated cap, 100 records, 10 requests"}, // nobody says that this was all
		{Offset, 99, 10, false, "end assumed, 99 records, 11 requests"},
		{PageNumber, 300, 10, true, "truncated cap, 100 records, 10 requests"},
		{PageNumber, 95, 10, true, "end proved, 95 records, 10 requests"},
	} {
		a := honest(c.typ, c.n, 30, 0)
		a.rules.Limit, a.rules.Cap, a.size = c.limit, 100, int(c.limit)
		a.rules.HasTotal, a.off.total = c.total, c.total
		a.fault = func(n int, q Request, r *reply) {
			if q.Offset+q.Limit > 100 && c.typ == Offset && q.Offset < 99 {
				t.Errorf("%v: asked for %d from %d, beyond the cap", c, q.Limit, q.Offset)
			}
		}
		if got := drain(t, a, State{}); got.String() != c.want {
			t.Errorf("%+v\n got %v\nwant %s", c, got, c.want)
		}
		a.rules.ShortPage = true // a page that the cap cut is not short
		if c.n == 300 && c.typ == Offset {
			if got := drain(t, a, State{}); got.Verdict.Kind != Truncated {
				t.Errorf("%+v with short_page: %v", c, got)
			}
		}
	}
}
