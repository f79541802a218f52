package engine

import (
	"encoding/json"
	"strconv"
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
	Detail string // "absent", "1200 of 1234"
}

// Evidence is all that a page says about going on.
type Evidence struct {
	Witnesses []Witness
	Deciders  []string        // names, most trusted first; the first that is not silent decides
	Next      json.RawMessage // position of the next page, nil: there is none to go to
	Rung      int             // 0: Next is the pattern's own; n: it is Fallback[n-1]'s
	Missing   string          // not "": code of why Next cannot be used
	Detail    string          // a sentence about Missing

	repeated bool // the next position was asked for before
}

func (e *Evidence) say(name string, s Says, detail string) {
	e.Witnesses = append(e.Witnesses, Witness{Name: name, Says: s, Detail: detail})
}

// Of returns what the named witness said; Silent when it is not declared.
func (e *Evidence) Of(name string) Says {
	for i := range e.Witnesses {
		if e.Witnesses[i].Name == name {
			return e.Witnesses[i].Says
		}
	}
	return Silent
}

// sentence writes what a witness said as a clause.
func (e *Evidence) sentence(name string) string {
	for _, w := range e.Witnesses {
		if w.Name != name {
			continue
		}
		switch name {
		case WitnessMore, WitnessDone:
			return name + " is " + w.Detail
		case WitnessPage:
			return "the page brought " + w.Detail
		}
		return name + " says " + w.Detail
	}
	return name + " says nothing"
}

// set changes what a witness said, or adds it.
func (e *Evidence) set(name string, s Says, detail string) {
	for i := range e.Witnesses {
		if e.Witnesses[i].Name == name {
			e.Witnesses[i].Says, e.Witnesses[i].Detail = s, detail
			return
		}
	}
	e.say(name, s, detail)
}

// lacking names the count that says that more is to come, "" when none does.
func (e *Evidence) lacking() string {
	for _, name := range [...]string{WitnessTotal, WitnessRemaining, WitnessTotalPages} {
		if e.Of(name) == SaysMore {
			return name
		}
	}
	return ""
}

// decider returns the first decider that is not silent and what it says, "" and Silent when all are.
func (e *Evidence) decider() (string, Says) {
	for _, name := range e.Deciders {
		if says := e.Of(name); says != Silent {
			return name, says
		}
	}
	return "", Silent
}

// quiet silences a token that is present but decides nothing: APIs that tell the end by a flag or a
// count send one with their last page too.
func (e *Evidence) quiet() {
	if e.Missing != "" || e.Of(WitnessToken) != SaysMore {
		return
	}
	if name, _ := e.decider(); name != WitnessToken {
		e.set(WitnessToken, Silent, "present")
	}
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
	if err := e.counts(r, s, after, p); err != nil {
		return e, err
	}
	switch asked := r.size(s); {
	case p.Class == PageNone || p.Class == PageEnd:
		e.say(WitnessPage, SaysEnd, "no page")
	case p.Records == 0:
		e.say(WitnessPage, SaysEnd, "empty")
	case r.ShortPage && asked > 0 && int64(p.Records) < asked:
		e.say(WitnessPage, SaysEnd, "short: "+outOf(int64(p.Records), asked))
	default:
		e.say(WitnessPage, SaysMore, strconv.Itoa(p.Records)+" records")
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

func (e *Evidence) counts(r *Rules, s, after State, p Page) error {
	if r.HasTotal {
		if after.Total == nil {
			e.say(WitnessTotal, Silent, "absent")
		} else {
			says, detail := totalSays(r, after)
			e.say(WitnessTotal, says, detail)
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
			e.say(WitnessRemaining, SaysMore, strconv.FormatInt(n, 10))
		}
	}
	if r.HasTotalPages {
		if after.TotalPages == nil {
			e.say(WitnessTotalPages, Silent, "absent")
		} else {
			says, detail := totalPagesSays(r, s, after, p)
			e.say(WitnessTotalPages, says, detail)
		}
	}
	return nil
}

// totalSays compares the running count with the total. A count above an exact total shows that the
// total is not the whole count; a total that fell may be what remains: neither then says "end".
func totalSays(r *Rules, s State) (Says, string) {
	before, known := r.before(s)
	got, total := before+s.Count(), *s.Total
	distinct := before + s.Received - s.Duplicates
	switch {
	case r.TotalKind == Estimate:
		return Silent, strconv.FormatInt(got, 10) + " of about " + strconv.FormatInt(total, 10)
	case got < total && !known:
		return Silent, outOf(got, total) + ", of a walk that began in the middle"
	case got < total:
		return SaysMore, outOf(got, total)
	case r.TotalKind == AtLeast:
		return Silent, strconv.FormatInt(got, 10) + " of at least " + strconv.FormatInt(total, 10)
	case distinct > total:
		return Silent, strconv.FormatInt(distinct, 10) + " received, more than the total of " + strconv.FormatInt(total, 10)
	case s.TotalFell:
		return Silent, outOf(got, total) + ", a total that fell during the walk"
	}
	return SaysEnd, outOf(got, total)
}

// outOf writes "3 of 10".
func outOf(n, of int64) string {
	b := make([]byte, 0, 48)
	b = append(strconv.AppendInt(b, n, 10), " of "...)
	return string(strconv.AppendInt(b, of, 10))
}
