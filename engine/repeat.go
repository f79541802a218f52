package engine

// repeat is what is known of a page that holds the same records as the one before.
type repeat struct {
	same  bool // it does, and the position before was another
	drop  bool // its records are not delivered
	grown bool // the list has grown by a page: it counts as any other
	peek  bool // it was refused by an earlier run; the page behind it tells what it is
}

// repeatOf says what becomes of p, which was asked for at s, when it repeats what was read.
func (w *Walk) repeatOf(s State, p Page) repeat {
	same := p.Records > 0 && p.Print != 0 && p.Print == s.Print && w.Rules.Type != None
	r := repeat{same: same}
	r.drop = same && (s.Probe || s.Again || w.refuses(s)) || s.Again && !w.Rules.HasKey && p.Records > 0 && p.New == 0
	if !same || s.Probe || s.Again || !w.refuses(s) || !sameJSON(s.Twin, s.Position) {
		return r
	}
	switch grew, known := w.grew(s, p); {
	case grew:
		return repeat{grown: true}
	case !known:
		return repeat{drop: true, peek: true}
	}
	return r
}

// grew reports whether the counts of p show that the list has grown by a page since the one before; known
// is false when no count tells.
func (w *Walk) grew(s State, p Page) (grew, known bool) {
	if n, ok, err := count("total", p.Total); ok && err == nil && w.Rules.HasTotal && s.Total != nil && w.Rules.TotalKind != Estimate {
		grew = n-*s.Total >= int64(p.Records)
		known = grew || w.Rules.TotalKind != AtLeast
	}
	if n, ok, err := count("total_pages", p.TotalPages); ok && err == nil && w.Rules.HasTotalPages && s.TotalPages != nil {
		grew, known = grew || n > *s.TotalPages, true
	}
	return grew, known
}

// refuses reports whether the page before, come again at the position of s, is refused: it shows that
// the server did not go there. `repeat: allow` takes it as a page like any other, and `repeat: end`
// too where the token, not the page, is what repeats. So is one whose position came from the server
// and whose records have no key: equal records may then be different things, and the token moved.
func (w *Walk) refuses(s State) bool {
	switch w.Rules.Repeat {
	case "allow":
		return false
	case "end":
		return w.counted(s)
	}
	return w.Rules.HasKey || w.counted(s)
}

// counted reports whether the position of s is one that the client counts.
func (w *Walk) counted(s State) bool {
	return s.Rung == 0 && w.Rules.positional() || w.Rules.rung(s) == FallbackOffset
}

// refused keeps a walk at a page that was refused. A list that has grown by a page looks like that, too,
// where keys tell: a later run looks at its counts, or else at the page behind it, and comes back when
// that is the same one still.
func (w *Walk) refused(s State, next *State) {
	if !w.Rules.HasKey {
		return
	}
	next.Total, next.TotalFell, next.TotalPages, next.PagesFell = s.Total, s.TotalFell, s.TotalPages, s.PagesFell
	if len(s.Twin) > 0 && w.counted(s) {
		next.Position = s.Twin
	}
	next.Twin = next.Position
}
