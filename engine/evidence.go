package engine

import (
	"encoding/json"
	"fmt"
)

// Says is what one witness says about the next page.
type Says int8

const (
	Silent   Says = iota
	SaysMore      // there is another page
	SaysEnd       // this was the last one
)

func (s Says) String() string { return [...]string{"nothing", "more", "end"}[s] }

// Names of the witnesses.
const (
	WitnessStatus     = "status"
	WitnessToken      = "token"
	WitnessMore       = "more"
	WitnessDone       = "done"
	WitnessTotal      = "total"
	WitnessRemaining  = "remaining"
	WitnessTotalPages = "total_pages"
	WitnessPage       = "page"
	WitnessTime       = "time"
	WitnessHook       = "hook"
)

// Witness is what one witness said of one page.
type Witness struct {
	Name   string
	Says   Says
	Detail string // "absent", "1,200 of 1,234"
}

// Evidence is all that a page says about going on.
type Evidence struct {
	Witnesses []Witness
	Deciders  []string        // names, most trusted first; the first that is not silent decides
	Next      json.RawMessage // position of the next page, nil: there is none to go to
	Missing   string          // not "": code of why Next cannot be used
	Detail    string          // a sentence about Missing
}

func (e *Evidence) say(name string, s Says, format string, args ...any) {
	d := format
	if len(args) > 0 {
		d = fmt.Sprintf(format, args...)
	}
	e.Witnesses = append(e.Witnesses, Witness{Name: name, Says: s, Detail: d})
}

// Of returns what the named witness said; Silent when it is not declared.
func (e *Evidence) Of(name string) Says {
	for _, w := range e.Witnesses {
		if w.Name == name {
			return w.Says
		}
	}
	return Silent
}

// set changes what a witness said, or adds it.
func (e *Evidence) set(name string, s Says, detail string) {
	for i := range e.Witnesses {
		if e.Witnesses[i].Name == name {
			e.Witnesses[i].Says, e.Witnesses[i].Detail = s, detail
			return
		}
	}
	e.Witnesses = append(e.Witnesses, Witness{name, s, detail})
}

// common gathers the evidence that does not depend on the pattern: status, flags, counts and the
// page itself. s is the state before the page, after the state with the page counted in.
func common(r *Rules, s, after State, p Page) (Evidence, error) {
	e := Evidence{Witnesses: make([]Witness, 0, 8)}
	switch p.Class {
	case PageEnd:
		e.say(WitnessStatus, SaysEnd, "the answer is an end signal")
	case PageNone:
		e.say(WitnessStatus, SaysEnd, "204")
	}
	if err := e.flags(r, p); err != nil {
		return e, err
	}
	if err := e.counts(r, after, p); err != nil {
		return e, err
	}
	switch {
	case p.Class == PageNone || p.Class == PageEnd:
		e.say(WitnessPage, SaysEnd, "no page")
	case p.Records == 0:
		e.say(WitnessPage, SaysEnd, "empty")
	case r.ShortPage && r.Limit > 0 && int64(p.Records) < r.Limit:
		e.say(WitnessPage, SaysEnd, "short: %d of %d", p.Records, r.Limit)
	default:
		e.say(WitnessPage, SaysMore, "%d records", p.Records)
	}
	return e, nil
}

func (e *Evidence) flags(r *Rules, p Page) error {
	if r.HasMore {
		v, known, err := flag("more", p.More)
		switch {
		case err != nil:
			return err
		case !known:
			e.say(WitnessMore, Silent, "absent")
		case v:
			e.say(WitnessMore, SaysMore, "true")
		default:
			e.say(WitnessMore, SaysEnd, "false")
		}
	}
	if r.HasDone {
		v, known, err := flag("done", p.Done)
		switch {
		case err != nil:
			return err
		case !known:
			e.say(WitnessDone, Silent, "absent")
		case v:
			e.say(WitnessDone, SaysEnd, "true")
		default:
			e.say(WitnessDone, SaysMore, "false")
		}
	}
	return nil
}

func (e *Evidence) counts(r *Rules, after State, p Page) error {
	if r.HasTotal {
		if after.Total == nil {
			e.say(WitnessTotal, Silent, "absent")
		} else {
			says, detail := totalSays(r.TotalKind, after)
			e.say(WitnessTotal, says, "%s", detail)
		}
	}
	if r.HasRemaining {
		n, known, err := count("remaining", p.Remaining)
		switch {
		case err != nil:
			return err
		case !known:
			e.say(WitnessRemaining, Silent, "absent")
		case n == 0:
			e.say(WitnessRemaining, SaysEnd, "0")
		default:
			e.say(WitnessRemaining, SaysMore, "%d", n)
		}
	}
	if r.HasTotalPages {
		if after.TotalPages == nil {
			e.say(WitnessTotalPages, Silent, "absent")
		} else {
			read := pagesRead(r, after)
			says := SaysMore
			if read >= *after.TotalPages {
				says = SaysEnd
			}
			e.say(WitnessTotalPages, says, "%d of %d", read, *after.TotalPages)
		}
	}
	return nil
}

// totalSays compares the running count with the total. A count above an exact total shows that the
// total is not the whole count; a total that fell may be what remains: neither then says "end".
func totalSays(kind CountKind, s State) (Says, string) {
	got, total := s.Count(), *s.Total
	distinct := s.Received - s.Duplicates
	switch {
	case kind == Estimate:
		return Silent, fmt.Sprintf("%d of about %d", got, total)
	case got < total:
		return SaysMore, fmt.Sprintf("%d of %d", got, total)
	case kind == AtLeast:
		return Silent, fmt.Sprintf("%d of at least %d", got, total)
	case distinct > total:
		return Silent, fmt.Sprintf("%d received, more than the total of %d", distinct, total)
	case s.TotalFell:
		return Silent, fmt.Sprintf("%d of %d, a total that fell during the walk", got, total)
	}
	return SaysEnd, fmt.Sprintf("%d of %d", got, total)
}

// pagesRead is how many pages of the whole list lie behind the walk.
func pagesRead(r *Rules, after State) int64 {
	if r.Type != PageNumber {
		return after.Pages
	}
	first, _ := integer(r.Start, 1)
	base := int64(1)
	if first < 1 {
		base = first
	}
	number, err := integer(after.Position, first)
	if err != nil || after.Rung != 0 {
		return after.Pages
	}
	return number - base + 1
}
