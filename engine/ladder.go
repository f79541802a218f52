package engine

import "encoding/json"

// maxRecoveries is the default of max_recoveries.
const maxRecoveries = 5

// Recover climbs the fallback ladder: it returns the state that asks for the next page by the next
// rung that can be used, or false when none can or max_recoveries have brought no new record. token
// is what the error answer carried for a {token: …} rung, nil without. The rungs are tried in order
// and then again from the first; a new record starts the ladder anew.
func (w *Walk) Recover(s State, token json.RawMessage) (State, bool) {
	limit := w.Rules.MaxRecoveries
	if limit == 0 {
		limit = maxRecoveries
	}
	n := len(w.Rules.Fallback)
	if n == 0 || s.Recoveries >= limit {
		return s, false
	}
	for i := range n {
		rung := (s.Ladder+i)%n + 1
		next := s
		next.Ladder, next.Rung, next.Probe = rung, rung, false
		next.Empty, next.Stale, next.Print = 0, 0, 0
		switch w.Rules.Fallback[rung-1] {
		case FallbackOffset:
			next.Position = number(s.Count())
		case FallbackSearchAfter, FallbackTimestamp:
			if rung > len(s.Backups) || s.Backups[rung-1] == nil {
				continue
			}
			next.Position = s.Backups[rung-1]
		case FallbackToken:
			if !w.Rules.Present(token) {
				continue
			}
			next.Position, next.Rung = token, 0
		case FallbackRestart:
			next.Position, next.Rung, next.Trail = s.Origin, 0, Trail{}
		}
		next.Version = StateVersion
		next.Recoveries++
		next.Recovered++
		return next, true
	}
	return s, false
}
