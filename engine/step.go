package engine

import (
	"fmt"
	"slices"
)

// Walk is a pagination ready to be stepped: the rules and the strategy for their type. It is
// immutable and may be shared by any number of chains.
type Walk struct {
	Rules    *Rules
	Strategy Strategy
}

// NewWalk picks the strategy for the rules' type from the table.
func NewWalk(r *Rules, table map[Type]func(*Rules) Strategy) (*Walk, error) {
	make, ok := table[r.Type]
	if !ok {
		return nil, fmt.Errorf("no strategy for pagination type %q", r.Type)
	}
	return &Walk{Rules: r, Strategy: make(r)}, nil
}

// Ask returns the engine's part of the request for the page at s.
func (w *Walk) Ask(s State) Request {
	var q Request
	w.Strategy.Ask(s, &q)
	return q
}

// Step says what p, which was asked for at s, means for the chain. It is a pure function; the error
// is a *ValueError: a witness held something that is neither allowed nor absent.
func (w *Walk) Step(s State, p Page) (Verdict, error) {
	v := Verdict{}
	same := p.Records > 0 && p.Print != 0 && p.Print == s.Print && w.Rules.Type != None
	drop := same && (s.Probe || s.Rung == 0 && w.positional())
	after, err := w.countIn(s, p, drop, &v)
	if err != nil {
		return v, err
	}
	e, err := common(w.Rules, s, after, p)
	if err != nil {
		return v, err
	}
	w.Strategy.Read(s, after, p, &e)
	w.hear(s, p, &e)
	if p.Class != PageOK {
		e.Deciders = append([]string{WitnessStatus}, e.Deciders...)
	}
	w.guard(s, &after, p, same, &e, &v)
	if same && e.Missing == CodeCycle {
		drop = true
		if after, err = w.countIn(s, p, true, &Verdict{}); err != nil {
			return v, err
		}
	}
	v.Drop, v.Evidence = drop, e.Witnesses
	w.decide(s, after, p, e, &v)
	return v, nil
}

// positional reports whether positions are counted by the client, so that no server confirms them.
func (w *Walk) positional() bool { return w.Rules.Type == Offset || w.Rules.Type == PageNumber }

// countIn returns s with the page's counts in it; its Position is still the page's own.
func (w *Walk) countIn(s State, p Page, drop bool, v *Verdict) (State, error) {
	after := s
	after.Version = StateVersion
	after.Pages++
	if !drop {
		dup := int64(p.Records - p.New)
		after.Received += int64(p.Records)
		after.Duplicates += dup
		if s.Recovered > 0 || s.Probe {
			after.Overlap += dup
		}
	}
	if p.Print != 0 {
		after.Print = p.Print
	}
	if len(p.Backups) > 0 {
		after.Backups = slices.Clone(s.Backups)
		for len(after.Backups) < len(p.Backups) {
			after.Backups = append(after.Backups, nil)
		}
		for i, b := range p.Backups {
			if w.Rules.Present(b) {
				after.Backups[i] = b
			}
		}
	}
	if p.Hook != nil && p.Hook.Memo != nil {
		after.Memo = p.Hook.Memo
	}
	if err := w.total(s, &after, p, v); err != nil {
		return after, err
	}
	if n, known, err := count("total_pages", p.TotalPages); err != nil {
		return after, err
	} else if known {
		after.TotalPages = &n
	}
	return after, nil
}

// total notes what the page says the whole count is; the last one stated holds.
func (w *Walk) total(s State, after *State, p Page, v *Verdict) error {
	n, known, err := count("total", p.Total)
	if err != nil {
		return err
	}
	if known {
		after.Total = &n
		if s.Total != nil && *s.Total != n && w.Rules.TotalKind != Estimate {
			v.note(EventTotalChanged, "from %d to %d", *s.Total, n)
			after.TotalFell = s.TotalFell || n < *s.Total
		}
	}
	if t := after.Total; t != nil && (w.Rules.TotalKind == Exact || w.Rules.TotalKind == "") {
		distinct, before := after.Received-after.Duplicates, s.Received-s.Duplicates
		if distinct > *t && (s.Total == nil || before <= *s.Total) {
			v.note(EventTotalExceeded, "%d records, the total says %d", distinct, *t)
		}
	}
	return nil
}

func (v *Verdict) note(name, format string, args ...any) {
	v.Events = append(v.Events, Event{Name: name, Detail: fmt.Sprintf(format, args...)})
}

// hear lets the hook correct the evidence: what it says of the next page decides, and is
// contradicted by the same witnesses as any other decider.
func (w *Walk) hear(s State, p Page, e *Evidence) {
	h := p.Hook
	if h == nil || h.Token == nil && !h.Ends && h.Fail == "" {
		if w.Rules.Type == HookType || w.Rules.Decides == ByHook {
			e.say(WitnessHook, Silent, "leaves it to the YAML")
		}
		return
	}
	e.Missing, e.Detail = "", ""
	switch {
	case h.Fail != "":
		e.set(WitnessHook, SaysMore, "contradiction: "+h.Fail)
		e.Next, e.Missing, e.Detail = nil, CodeNextTokenMissing, h.Fail
	case h.Ends:
		e.set(WitnessHook, SaysEnd, h.End)
	case !w.Rules.Present(h.Token):
		e.set(WitnessHook, SaysMore, "an empty token")
		e.Next, e.Missing, e.Detail = nil, CodeNextTokenMissing, "the hook returned the token "+shorten(h.Token)
	default:
		e.set(WitnessHook, SaysMore, "token")
		e.Next = h.Token
		if w.Rules.Repeat != "allow" && repeated(s, p, h.Token) {
			e.Next = nil
			if w.Rules.Repeat == "end" {
				e.set(WitnessHook, SaysEnd, "repeated")
			} else {
				e.Missing, e.Detail = CodeCycle, "the hook returned a token that was seen before in this chain"
			}
		}
	}
	e.Deciders = append([]string{WitnessHook}, e.Deciders...)
}

// guard notices empty and identical pages, and ends a walk that makes no progress.
func (w *Walk) guard(s State, after *State, p Page, same bool, e *Evidence, v *Verdict) {
	after.Empty, after.Stale = 0, 0
	if p.Records == 0 && p.Class == PageOK {
		after.Empty = s.Empty + 1
	}
	if same && !s.Probe {
		after.Stale = s.Stale + 1
		v.note(EventPageRepeated, "page %d brought the same records as the one before", s.Pages+1)
	}
	limit := w.Rules.EmptyPages
	if limit == 0 {
		limit = 10
	}
	switch {
	case e.Missing != "":
	case same && !s.Probe && s.Rung == 0 && w.positional():
		e.Missing, e.Detail = CodePageRepeated, "another position was answered with the same records"
	case after.Empty > limit && w.positional():
		e.Missing, e.Detail = CodeShortOfTotal, fmt.Sprintf("%d empty pages in a row", after.Empty)
	case after.Empty > limit:
		e.Missing, e.Detail = CodeStalled, fmt.Sprintf("%d empty pages in a row", after.Empty)
	case after.Stale > limit:
		e.Missing, e.Detail = CodeStalled, fmt.Sprintf("%d identical pages in a row", after.Stale+1)
	}
}

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
		w.doubt(f, v)
	case f.decision == SaysMore:
		w.goOn(s, p, e, v)
	default:
		w.end(s, p, e, v)
	}
	if after.Empty > 0 && v.Kind != End {
		v.note(EventEmptyPage, "page %d of the walk", after.Pages)
	}
}

func (w *Walk) goOn(s State, p Page, e Evidence, v *Verdict) {
	v.Kind, v.Code = Continue, "continue"
	next := &v.Next
	next.Position, next.Rung, next.Probe = e.Next, 0, false
	if w.positional() {
		if at, err := integer(e.Next, 0); err == nil && w.Rules.Cap > 0 && w.Rules.reach(at) >= w.Rules.Cap {
			v.Kind, v.Code = Truncated, CodeCap
			v.Detail = fmt.Sprintf("the API refuses offsets from %d on", w.Rules.Cap)
		}
		return
	}
	if at := asked(s, p); at != nil {
		next.Trail = s.Trail.With(HashPosition(at))
	}
}

// reach is how many records lie before the position at.
func (r *Rules) reach(at int64) int64 {
	if r.Type == PageNumber {
		return (at - pageNumber{r}.start()) * r.Limit
	}
	return at
}

func (w *Walk) end(s State, p Page, e Evidence, v *Verdict) {
	v.Kind, v.Code = End, "end"
	v.Attested = attest(w.Rules, v.Next, e)
	if s.Probe && v.Attested == Assumed {
		v.Attested = Confirmed // the same end, seen twice
	}
	if e.Of(WitnessToken) == SaysEnd && v.Decider == WitnessToken {
		v.note(EventTokenAbsentAtEnd, "after %d records", v.Next.Received)
	}
	if !w.Rules.Probe || s.Probe || v.Attested != Assumed || w.Rules.Type == None {
		return
	}
	v.Kind, v.Code, v.Detail = Probing, "probe", "one witness saw the end; asking once more"
	v.Next.Probe, v.Next.Rung = true, s.Rung
	if w.positional() && p.Records > 0 {
		v.Next.Position = e.Next
	}
}

func (w *Walk) doubt(f finding, v *Verdict) {
	switch f.doubt {
	case CodeNextTokenMissing:
		v.note(EventNextTokenMissing, "%s", f.detail)
	case CodeCycle:
		v.note(EventTokenRepeated, "%s", f.detail)
	case CodeTokenMalformed:
		v.note(EventTokenMalformed, "%s", f.detail)
	}
	v.Code, v.Detail = f.doubt, f.detail
	if next, ok := w.Recover(v.Next, nil); ok {
		v.Kind, v.Next = Recover, next
		return
	}
	v.Kind = Doubt
}
