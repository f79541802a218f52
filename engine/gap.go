package engine

import (
	"encoding/json"
	"slices"
)

// maxGaps is how many empty pages in mid-walk are remembered.
const maxGaps = 100

// Gaps are the pages of a pattern that counts which came empty although pages behind them had records.
// Where a total says in the end that records are lacking, the next run asks for them first.
type Gaps struct {
	At   []int64         `json:"at,omitempty"`   // positions
	Next int             `json:"next,omitempty"` // index of the one that is asked for, with Back
	Back json.RawMessage `json:"back,omitempty"` // where the walk goes on when all were asked for; nil: they are not
	Read bool            `json:"read,omitempty"` // the page at Back has been delivered
}

// IsZero lets `omitzero` leave them out of the checkpoint.
func (g Gaps) IsZero() bool { return len(g.At) == 0 && g.Back == nil }

// gaps notes the first of the empty pages in a row, and those that turn out to lie in mid-walk.
func (w *Walk) gaps(s State, after *State, p Page) {
	if !w.Rules.positional() || s.Rung != 0 || p.Class != PageOK {
		return
	}
	switch {
	case s.Gaps.Back != nil:
		w.filled(s, after, p)
	case p.Records == 0 && s.Empty == 0:
		if after.Void = s.Position; after.Void == nil {
			after.Void = number(w.Rules.start())
		}
	case p.Records > 0:
		w.gap(s, after, p)
		after.Void = nil
	}
}

// gap notes the empty pages before p, unless a hook chose where they were.
func (w *Walk) gap(s State, after *State, p Page) {
	from, err := integer(s.Void, 0)
	to, bad := integer(s.Position, 0)
	step := w.Rules.step()
	if s.Empty == 0 || s.Void == nil || step == 0 || s.Probe || p.Hook != nil || err != nil || bad != nil || to-from != int64(s.Empty)*step {
		return
	}
	for after.Gaps.At = slices.Clone(s.Gaps.At); from < to && len(after.Gaps.At) < maxGaps; from += step {
		after.Gaps.At = append(after.Gaps.At, from)
	}
}

// filled takes the gap that p was asked for off the list when it has records, else passes on to the next.
func (w *Walk) filled(s State, after *State, p Page) {
	after.Empty = 0 // each is asked for once
	g := &after.Gaps
	if at, err := integer(s.Position, 0); err != nil || g.Next >= len(g.At) || g.At[g.Next] != at {
		return
	}
	if p.Records == 0 {
		g.Next++
		return
	}
	g.At = slices.Delete(slices.Clone(g.At), g.Next, g.Next+1)
}

// fill is where a walk goes on that asks for its gaps.
func (s *State) fill() {
	g := &s.Gaps
	switch {
	case g.Back == nil:
	case g.Next < len(g.At):
		s.Position = number(g.At[g.Next])
	default:
		s.Position, s.Again = g.Back, g.Read
		g.Back, g.Read, g.Next = nil, false, 0
	}
}

// rewind takes a walk that ended in a doubt back to the first of the empty pages that it ended with, any
// of which may have been a false one, and to its gaps before it.
func (w *Walk) rewind(s State, p Page, next *State) {
	if !w.Rules.positional() || s.Rung != 0 || s.Gaps.Back != nil {
		return
	}
	if p.Records == 0 && next.Void != nil {
		next.Position = next.Void
	}
	next.Void = nil
	if len(next.Gaps.At) > 0 && (p.Records == 0 || w.Rules.HasKey) {
		next.Gaps.Back, next.Gaps.Read, next.Again = next.Position, next.Again, false
		next.Position = number(next.Gaps.At[0])
	}
}

// start is the first position of a pattern that counts.
func (r *Rules) start() int64 {
	if r.Type == PageNumber {
		return pageNumber{r}.start()
	}
	return offset{r}.start()
}

// step is how far an empty page moves the position.
func (r *Rules) step() int64 {
	switch {
	case r.Type == PageNumber:
		return 1
	case r.StepLimit:
		return r.Limit
	}
	return 0
}
