package engine

import "encoding/json"

// maxRecoveries is the default of max_recoveries.
const maxRecoveries = 5

// Recoveries is how many recoveries may follow one another without a new record; 0 and less: none.
func (r *Rules) Recoveries() int {
	if r.MaxRecoveries == 0 {
		return maxRecoveries
	}
	return r.MaxRecoveries
}

// Recover climbs the fallback ladder: it returns the state that asks for the next page by the next
// rung that can be used, or false when none can or max_recoveries have brought no new record. token
// is what the error answer carried for a {token: …} rung, nil without. The rungs are tried in order
// and then again from the first; a new record starts the ladder anew.
func (w *Walk) Recover(s State, token json.RawMessage) (State, bool) {
	n := len(w.Rules.Fallback)
	if n == 0 || s.Recoveries >= w.Rules.Recoveries() {
		return s, false
	}
	for i := range n {
		rung := (s.Ladder+i)%n + 1
		next := s
		next.Ladder, next.Rung, next.Probe, next.Again = rung, rung, false, false
		next.Empty, next.Stale, next.Barren = 0, 0, 0
		next.Void, next.Gaps = nil, Gaps{}
		switch kind := w.Rules.Fallback[rung-1]; kind {
		case FallbackOffset:
			next.Position = number(w.Rules.first(s) + w.Rules.behind(s))
		case FallbackSearchAfter, FallbackTimestamp:
			if rung > len(s.Backups) || s.Backups[rung-1] == nil {
				continue
			}
			next.Position = s.Backups[rung-1]
			if kind == FallbackTimestamp {
				next.Print = 0 // records of one time may fill the page again
			}
		case FallbackToken:
			if !w.Rules.Present(token) {
				continue
			}
			next.Position, next.Rung = token, 0
		case FallbackRestart:
			if sameJSON(s.Position, s.Origin) {
				next.Origin = nil // a kept position that is refused leads nowhere: the first page does
			}
			next.Position, next.Rung, next.Trail, next.Print = next.Origin, 0, Trail{}, 0
			next.Reread = next.Pages // its pages count anew
		}
		next.Version = StateVersion
		next.Recoveries++
		next.Recovered++
		return next, true
	}
	return s, false
}

// behind is how many records a fallback by offset leaves behind it. A page that the server has chosen
// may hold what another one held: where keys tell, a record counts once.
func (r *Rules) behind(s State) int64 {
	if r.HasKey && !r.positional() {
		return s.Received - s.Duplicates
	}
	return s.Count()
}

// first is the offset that a walk by offset began at; 0 for the other patterns.
func (r *Rules) first(s State) int64 {
	if r.Type != Offset {
		return 0
	}
	start, _ := integer(r.Start, 0)
	at, err := integer(s.Origin, start)
	if err != nil {
		return start
	}
	return at
}

// rung is the fallback that the page at s is asked by, "" when it is asked by the pattern.
func (r *Rules) rung(s State) FallbackKind {
	if s.Rung < 1 || s.Rung > len(r.Fallback) {
		return ""
	}
	return r.Fallback[s.Rung-1]
}

// climb reads a page that a fallback asked for. A token in it leads back to the pattern; without one
// the chain goes on by the fallback, since an answer to a query of another kind need not carry a
// token, and its absence says nothing about the end.
func (w *Walk) climb(s, after State, p Page, e *Evidence) {
	r := w.Rules
	if !r.positional() && p.BadNext == "" && r.Present(p.Next) {
		w.Strategy.Read(s, after, p, e)
		return
	}
	if r.HasNext || p.BadNext != "" {
		e.say(WitnessToken, Silent, "absent after a fallback")
	}
	e.Deciders = append(e.Deciders, WitnessMore, WitnessDone)
	if r.Decides != "" && r.Decides != ByToken && r.Decides != ByHook {
		e.Deciders = append([]string{string(r.Decides)}, e.Deciders...)
	}
	if p.Records > 0 {
		if t := after.Total; t != nil && after.Received-after.Duplicates >= *t {
			e.Deciders = append(e.Deciders, WitnessTotal) // it has them all
		}
		e.Deciders = append(e.Deciders, WitnessTime)
		w.nextRung(s, p, e)
	}
	e.Deciders = append(e.Deciders, WitnessPage)
}

// nextRung finds where a fallback goes on after a page with records.
func (w *Walk) nextRung(s State, p Page, e *Evidence) {
	r := w.Rules
	e.Rung = s.Rung
	if r.rung(s) == FallbackOffset {
		at, _ := integer(s.Position, 0)
		e.Next = number(at + int64(p.Records))
		return
	}
	if s.Rung > len(p.Backups) || !r.Present(p.Backups[s.Rung-1]) {
		return
	}
	next := p.Backups[s.Rung-1]
	switch {
	case sameJSON(next, s.Position):
		w.unmoved(s, p, next, e)
	case s.Trail.Has(hashOn(s.Rung, next)):
		e.Missing, e.Detail = CodeCycle, "the fallback's position was seen before in this chain"
	default:
		e.Next = next
	}
}

// unmoved is a fallback's page that ends where it began: the end, when the API answers the record at
// the position too and the page holds nothing else; a page as large as any other shows a server that
// stands still, or a time that fills a page.
func (w *Walk) unmoved(s State, p Page, next []byte, e *Evidence) {
	if p.New == 0 && p.Records < s.Largest {
		e.say(WitnessTime, SaysEnd, "no progress")
		return
	}
	e.Missing, e.Detail = CodeCycle, "the fallback's position did not move past "+shorten(next)
	if w.Rules.rung(s) == FallbackTimestamp {
		e.Missing = CodeTimestampFull
	}
}

// hashOn is the hash of a position of a rung: positions of different rungs are different places.
func hashOn(rung int, position []byte) uint64 {
	return HashPosition(position) ^ uint64(rung)*0x9E3779B97F4A7C15
}
