package engine

import (
	"encoding/json"
	"testing"
)

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
		// The page asked again differs in what is no record's business: nothing is delivered twice, and
		// what has come to it since is delivered.
		a = honest(Cursor, 23, 10, 0)
		a.rules.Probe, a.rules.HasKey = true, key
		w, _ := NewWalk(&a.rules, Strategies())
		s := State{Version: 1, Pages: 3, Received: 23, Position: a.token(20, 0), Probe: true, Again: true, Print: 5}
		v, err := w.Step(s, Page{Records: 3, Print: 6})
		if err != nil || v.Kind != End || v.Drop == key || v.Next.Count() != 23 {
			t.Errorf("key %v: %+v %v", key, v, err)
		}
		v, err = w.Step(s, Page{Records: 5, New: 2, Print: 7})
		if err != nil || v.Kind != End || v.Drop || v.Next.Count() != 25 {
			t.Errorf("key %v, two more: %+v %v", key, v, err)
		}
	}
}
