package engine

import "fmt"

// decide turns the judged evidence into the verdict and the next state.
func (w *Walk) decide(s, after State, p Page, e Evidence, v *Verdict) {
	f := judge(e)
	v.Decider, v.Next = f.decider, after
	for _, name := range f.flags {
		v.note(EventFlagDisagrees, "%s says end, %s says more", name, f.decider)
	}
	if p.New > 0 && !v.Drop {
		if s.Recoveries > 0 {
			v.note(EventRecovered, "new records after %d fallback(s)", s.Recoveries)
		}
		v.Next.Recoveries, v.Next.Ladder = 0, 0
	}
	switch {
	case f.doubt != "":
		w.doubt(s, p, e, f, v)
	case f.decision == SaysMore:
		w.goOn(s, p, e, v)
	default:
		w.end(s, p, e, v)
	}
	if after.Empty > 0 && v.Kind != End {
		v.note(EventEmptyPage, "page %d of the walk", after.Pages)
	}
}

// goOn moves to the next page.
func (w *Walk) goOn(s State, p Page, e Evidence, v *Verdict) {
	v.Kind, v.Code = Continue, "continue"
	if s.Probe && !w.Rules.positional() {
		v.note(EventNextTokenMissing, "the page said that it was the last one; asked again it says more")
	}
	v.Next.Probe = false
	w.move(s, p, e, &v.Next)
	v.Next.fill()
	if w.Capped(v.Next) {
		v.Kind, v.Code = Truncated, CodeCap
		v.Detail = fmt.Sprintf("the API refuses offsets from %d on", w.Rules.Cap)
	}
}

// move sets the position of the next page, and remembers the one that was asked for.
func (w *Walk) move(s State, p Page, e Evidence, next *State) {
	next.Position, next.Rung, next.Again = e.Next, e.Rung, false
	switch at := w.Rules.asked(s, p); {
	case at == nil:
	case s.Rung != 0:
		next.Trail = s.Trail.With(hashOn(s.Rung, at))
	case !w.Rules.positional():
		next.Trail = s.Trail.With(HashPosition(at))
	}
}

// Capped reports whether the page at s lies beyond what the API answers: a walk that stopped there is
// truncated again before it asks.
func (w *Walk) Capped(s State) bool {
	if !w.Rules.positional() || w.Rules.Cap == 0 || s.Rung != 0 || s.Position == nil {
		return false
	}
	at, err := integer(s.Position, 0)
	return err == nil && w.Rules.beyond(s, at)
}

// end closes the chain, or asks once more when one witness only saw the end and a probe is wanted.
func (w *Walk) end(s State, p Page, e Evidence, v *Verdict) {
	v.Kind, v.Code = End, "end"
	v.Attested = attest(w.Rules, v.Next, e)
	found := s.Probe && !s.Again && p.New > 0 && !v.Drop // the probe of the next page brought records
	if s.Probe && !found && v.Attested == Assumed {
		v.Attested = Confirmed // the same end, seen twice
	}
	if v.Decider == WitnessToken && !e.repeated {
		v.note(EventTokenAbsentAtEnd, "after %d records", v.Next.Received)
	}
	if !w.Rules.Probe || v.Attested != Assumed || w.Rules.Type == None || !w.probe(s, p, e, v) {
		v.Next.Probe, v.Next.Again = false, false
	}
}

// probe asks for the page after the one that said end, where there is a position for it, else for the
// same page again. It is false when the API would refuse.
func (w *Walk) probe(s State, p Page, e Evidence, v *Verdict) bool {
	next := v.Next
	next.Probe = true
	if p.Records > 0 && !v.Drop && e.Next != nil && e.Missing == "" {
		w.move(s, p, e, &next)
	} else {
		next.Again = delivered(s, p, v)
	}
	if w.Capped(next) {
		return false
	}
	v.Kind, v.Code, v.Detail = Probing, "probe", "one witness saw the end; asking once more"
	v.Next = next
	return true
}

// delivered reports whether the page at s has given its records, now or before.
func delivered(s State, p Page, v *Verdict) bool {
	return p.Records > 0 && (!v.Drop || s.Again)
}

// doubt climbs the ladder; without one the chain stops where it is, and a later run asks once more for
// the page that left the doubt, with a ladder and guards that begin anew.
func (w *Walk) doubt(s State, p Page, e Evidence, f finding, v *Verdict) {
	switch f.doubt {
	case CodeNextTokenMissing:
		v.note(EventNextTokenMissing, "%s", f.detail)
	case CodeCycle:
		v.note(EventTokenRepeated, "%s", f.detail)
	case CodeTokenMalformed:
		v.note(EventTokenMalformed, "%s", f.detail)
	}
	v.Code, v.Detail = f.doubt, f.detail
	if p.Records == 0 && s.Rung == 0 {
		v.Next.Reread++ // it is asked for again, or what it should have held is
	}
	if next, ok := w.Recover(v.Next, nil); ok {
		v.Kind, v.Next = Recover, next
		return
	}
	v.Kind = Doubt
	v.Next.Again = delivered(s, p, v)
	if f.doubt == CodeStalled && p.Records == 0 && !w.counted(s) {
		w.move(s, p, e, &v.Next) // an empty page is done with
		if s.Rung == 0 {
			v.Next.Reread--
		}
	}
	w.rewind(s, p, &v.Next)
	v.Next = v.Next.Rested()
	if f.doubt == CodePageRepeated {
		w.refused(s, &v.Next)
	}
}
