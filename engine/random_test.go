package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

// Random APIs with faults at random requests: an end that is called clean has every record, once, in
// whatever order the recoveries brought them.
func TestRandomFaults(t *testing.T) {
	seeds := uint64(2000)
	if testing.Short() {
		seeds = 500
	}
	ends := map[Kind]int{}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { // go test -run 'TestRandomFaults/^17$'
			a, lied := randomAPI(seed)
			o := drain(t, a, State{})
			if !o.Refused {
				ends[o.Verdict.Kind]++
			}
			set := slices.Clone(o.Delivered)
			slices.Sort(set)
			if len(slices.Compact(slices.Clone(set))) != len(set) {
				t.Fatalf("records came twice: %v\n%+v", brief(set), a.rules)
			}
			if !o.Refused && o.Verdict.Kind == End && !slices.Equal(set, upTo(a.n)) {
				t.Fatalf("%v of %d, evidence %v\n%+v", o, a.n, o.Verdict.Evidence, a.rules)
			}
			if o.biggest > 4<<10 {
				t.Fatalf("a checkpoint of %d bytes", o.biggest)
			}
			a.fault = nil
			if (o.Refused || o.Verdict.Kind != End) && !*lied && slices.Equal(set, upTo(len(set))) {
				// nothing was left out so far, and the server is well again: the next run has them all
				o.drain(t, a, nil, 2000)
				set = slices.Clone(o.Delivered)
				slices.Sort(set)
				if o.Verdict.Kind != End || !slices.Equal(set, upTo(a.n)) {
					t.Fatalf("the next run: %v (%s) of %d: %v\n%+v", o, o.Verdict.Detail, a.n, brief(o.Delivered), a.rules)
				}
			}
		})
	}
	if ends[End] < int(seeds)/2 || ends[Doubt] == 0 {
		t.Errorf("how the walks ended: %v", ends)
	}
}

// randomAPI makes an API and the connector for it; lied is set when it states a total that is too high.
func randomAPI(seed uint64) (a *api, lied *bool) {
	rnd := random(seed)
	types := []Type{Offset, PageNumber, Cursor, Link, SearchAfter, Timestamp, HookType}
	size := 1 + rnd.IntN(8)
	a, lied = honest(types[rnd.IntN(len(types))], rnd.IntN(80), size, 1), new(bool) // a total: without one losses are invisible
	r := &a.rules
	r.HasKey, r.Probe = true, rnd.IntN(3) == 0
	a.shape = []string{"string", "number", "array", "object", "url"}[rnd.IntN(5)]
	a.noRung = rnd.IntN(2) == 0
	if rnd.IntN(2) == 0 {
		r.HasMore, a.off.more = true, true
	}
	if rnd.IntN(3) == 0 && r.Type != Offset && r.Type != PageNumber {
		r.Limit = 0
	}
	rungs := []FallbackKind{FallbackOffset, FallbackSearchAfter, FallbackTimestamp, FallbackRestart, FallbackToken}
	for range rnd.IntN(4) {
		r.Fallback = append(r.Fallback, rungs[rnd.IntN(len(rungs))])
	}
	if rnd.IntN(3) == 0 && (r.Type == Cursor || r.Type == Link) {
		a.empty = func(at int) int { return (at*5 + int(seed)) % 3 }
	}
	odds := 2 + rnd.IntN(12) // a fault every so many requests
	var before reply
	var sent []json.RawMessage
	a.fault = func(n int, q Request, rep *reply) {
		honest := *rep
		defer func() {
			if before = honest; q.Rung == 0 {
				sent = append(sent, q.Value)
			}
		}()
		if n == 0 || rnd.IntN(odds) > 0 {
			return
		}
		token := !r.positional()
		switch rnd.IntN(8) {
		case 0:
			if token && r.Type != HookType && rep.at+len(rep.ids) < a.n {
				rep.next = nil
			}
		case 1:
			if token && hasNext(rep) && q.Rung == 0 && q.Value != nil {
				rep.setNext(q.Value)
			}
		case 2:
			if token && hasNext(rep) && q.Rung == 0 && len(sent) > 2 && sent[len(sent)-1] != nil {
				rep.setNext(sent[len(sent)-1])
			}
		case 3:
			if len(before.ids) > 0 {
				rep.ids = before.ids
			}
		case 4:
			if q.Value != nil {
				rep.expired = true
				if rnd.IntN(2) == 0 && q.Rung == 0 && token {
					rep.fresh = q.Value
				}
			}
		case 5:
			*lied = true
			rep.total = number(int64(a.n + 1 + rnd.IntN(9)))
		case 6:
			rep.total = nil
		case 7:
			if rep.more != nil && r.Type != SearchAfter && r.Type != Timestamp {
				rep.more = json.RawMessage(fmt.Sprint(rnd.IntN(2) == 0))
			}
		}
	}
	return a, lied
}
