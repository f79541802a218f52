package engine

import (
	"fmt"
	"slices"
)

// maxEmptyPages is the default of limits.empty_pages.
const maxEmptyPages = 10

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
	r := w.repeatOf(s, p)
	after, e, v, err := w.read(s, p, r)
	if _, says := e.decider(); r.same && e.repeated && !r.drop {
		r.drop = true
		after, e, v, err = w.read(s, p, r)
	} else if r.peek && says == SaysEnd && w.counted(s) { // there is nothing behind it to look at
		r = repeat{same: true, drop: true}
		after, e, v, err = w.read(s, p, r)
	}
	if err != nil {
		return v, err
	}
	v.Drop, v.Evidence = r.drop, e.Witnesses
	w.decide(s, after, p, e, &v)
	return v, nil
}

// read counts the page in and gathers all its evidence.
func (w *Walk) read(s State, p Page, r repeat) (after State, e Evidence, v Verdict, err error) {
	if after, err = w.countIn(s, p, r, &v); err != nil {
		return after, e, v, err
	}
	if e, err = common(w.Rules, s, after, p); err != nil {
		return after, e, v, err
	}
	if s.Rung == 0 {
		w.Strategy.Read(s, after, p, &e)
	} else {
		w.climb(s, after, p, &e)
	}
	w.hear(s, p, &e)
	if p.Class != PageOK {
		e.Deciders = append([]string{WitnessStatus}, e.Deciders...)
	}
	e.quiet()
	w.guard(s, &after, p, r, &e, &v)
	return after, e, v, nil
}

// countIn returns s with the page's counts in it; its Position is still the page's own.
func (w *Walk) countIn(s State, p Page, r repeat, v *Verdict) (State, error) {
	after := s
	after.Version = StateVersion
	after.Pages++
	after.Reread += 1 - s.advance(p, r.drop)
	if !r.peek {
		after.Twin = nil
	}
	if !r.drop {
		dup := int64(p.Records - p.New - p.Old)
		after.Received += int64(p.Records)
		after.Duplicates += dup
		known := p.New == 0 && p.Old == 0 && !r.grown && !w.Rules.positional() // a page of the server's choice that the walk has had
		if known || s.Recovered > 0 || s.Probe || s.Again || r.same || w.Rules.Type == Timestamp {
			after.Overlap += dup
		}
	}
	if p.Print != 0 {
		after.Print = p.Print
	}
	after.Largest = max(s.Largest, p.Records)
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
	return after, w.totals(s, &after, p, v)
}

// totals notes what the page says the whole counts are; the last ones stated hold. What a fallback
// asks for by key or by time may be the rest of the list: its counts are not those of the whole.
func (w *Walk) totals(s State, after *State, p Page, v *Verdict) error {
	n, known, err := count("total", p.Total)
	if err != nil {
		return err
	}
	rung := w.Rules.rung(s)
	rest := rung == FallbackSearchAfter || rung == FallbackTimestamp
	if known && p.Records == 0 && s.Total != nil && *s.Total > s.Count() && n < s.Count() && w.Rules.TotalKind != Estimate {
		// An empty page that takes back a total which is not reached, below what has arrived: an error
		// that is dressed as an answer.
		v.note(EventTotalChanged, "from %d to %d on an empty page, after %d records: not believed", *s.Total, n, s.Count())
		known = false
	}
	// What has arrived, said by an empty page, is no count of the rest: that would be zero. It holds when
	// it is said outside the run that was looking for what the total before it lacked.
	whole := p.Records == 0 && s.Recoveries == 0 && n > 0 && n == s.Received-s.Duplicates
	if known && (!rest || s.Total == nil || whole) {
		stated := n
		after.Total = &stated
		if s.Total != nil && *s.Total != n && w.Rules.TotalKind != Estimate {
			v.note(EventTotalChanged, "from %d to %d", *s.Total, n)
			after.TotalFell = s.TotalFell || n < *s.Total
		}
	}
	if err := w.totalPages(s, after, p, rest, v); err != nil {
		return err
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
		w.hookToken(s, p, e)
	}
	e.Deciders = append([]string{WitnessHook}, e.Deciders...)
}

func (w *Walk) hookToken(s State, p Page, e *Evidence) {
	e.set(WitnessHook, SaysMore, "token")
	e.Next, e.Rung = p.Hook.Token, 0
	if w.Rules.Repeat == "allow" || !w.Rules.repeated(s, p, e.Next) {
		return
	}
	e.Next, e.repeated = nil, true
	if w.Rules.Repeat == "end" {
		e.set(WitnessHook, SaysEnd, "repeated")
		return
	}
	e.set(WitnessHook, SaysMore, "repeated")
	e.Missing, e.Detail = CodeCycle, "the hook returned a token that was seen before in this chain"
}

// maxIdentical is how many identical pages in a row a walk follows whose records have no key: a server
// that goes in circles under ever new tokens is found at last.
const maxIdentical = 100_000

// guard notices empty and identical pages, and ends a walk that makes no progress.
func (w *Walk) guard(s State, after *State, p Page, r repeat, e *Evidence, v *Verdict) {
	after.Empty, after.Stale = 0, 0
	if p.Records == 0 && p.Class == PageOK {
		after.Empty = s.Empty + 1
	}
	w.gaps(s, after, p)
	elsewhere := r.same && !s.Probe && !s.Again && e.Of(WitnessTime) != SaysEnd
	if elsewhere {
		after.Stale = s.Stale + 1
		v.note(EventPageRepeated, "page %d brought the same records as the one before", s.Pages+1)
	}
	if r.peek || r.grown {
		v.note(EventPageRepeated, "page %d brings the same records as the one before still; looking behind it", s.Pages+1)
	}
	switch {
	case p.New > 0 || p.Old > 0:
		after.Barren = 0
	case p.Records > 0 && w.Rules.HasKey:
		after.Barren = s.Barren + 1
	}
	limit := max(0, w.Rules.EmptyPages)
	if w.Rules.EmptyPages == 0 {
		limit = maxEmptyPages
	}
	switch {
	case e.Missing != "":
	case elsewhere && w.refuses(s) && w.Rules.Repeat == "end":
		e.set(WitnessPage, SaysEnd, "repeated")
		e.Deciders = append([]string{WitnessPage}, e.Deciders...)
	case elsewhere && w.refuses(s):
		e.Missing, e.Detail = CodePageRepeated, "another position was answered with the same records"
		if w.counted(s) && e.Of(WitnessHook) != SaysEnd { // whatever it says: the client counted its position
			e.set(WitnessPage, SaysMore, "the records of the one before")
			e.Deciders = append([]string{WitnessPage}, e.Deciders...)
		}
	case after.Empty > limit:
		e.Missing, e.Detail = CodeStalled, fmt.Sprintf("%d empty pages in a row", after.Empty)
		if name := e.lacking(); name != "" && w.Rules.positional() {
			e.Missing, e.Detail = CodeShortOfTotal, e.sentence(name)
		}
	case after.Stale > limit && (w.Rules.HasKey || w.counted(s) || after.Stale > maxIdentical):
		e.Missing, e.Detail = CodeStalled, fmt.Sprintf("%d identical pages in a row", after.Stale+1)
	case after.Barren > int64(limit) && after.Received > after.Duplicates && after.Barren > after.Pages-after.Barren:
		// As many pages as the walk had before: it has been round once under other positions.
		e.Missing, e.Detail = CodeStalled, fmt.Sprintf("%d pages in a row brought nothing but what this walk had delivered before", after.Barren)
	}
}
