package engine

// timestamp is `type: timestamp`: the position is a time, and the next page begins at it or after it.
//
//	pagination: {type: timestamp, next: header.X-TAXII-Date-Added-Last, send: query.added_after, more: body.more}
type timestamp struct{ token }

// Read adds the witness `time`: a position that does not move ends the chain when the page brought
// nothing new or was shorter than the limit; otherwise one timestamp fills a page.
func (t timestamp) Read(s, after State, p Page, e *Evidence) {
	still := s.Rung == 0 && p.BadNext == "" && t.r.Present(p.Next) && sameJSON(p.Next, t.r.asked(s, p))
	if !still {
		t.token.Read(s, after, p, e)
		return
	}
	e.Deciders = t.deciders
	e.repeated = true
	e.Missing, e.Detail = CodeTimestampFull, "the position did not move past "+shorten(p.Next)
	if p.Records == 0 { // the page itself says so
		return
	}
	size := t.r.Limit
	if size == 0 {
		size = int64(s.Largest) // what the server has shown that a page can hold
	}
	full := int64(p.Records) >= size
	stuck := t.r.Limit > 0 && p.Print != 0 && p.Print == s.Print // the same full page again: there may be more behind it
	if full && (!t.r.HasKey || p.New > 0 || stuck || known(s)) {
		e.say(WitnessTime, Silent, "one timestamp fills the page")
		return
	}
	e.say(WitnessTime, SaysEnd, "no progress")
	if t.deciders[0] == WitnessPage {
		e.Deciders = append([]string{WitnessTime}, t.deciders...)
	}
}

// known reports whether the walk is on ground that it has been to, where it is no sign of the end that
// a page brings nothing new: after a fallback, or at a page that left a doubt in an earlier run.
func known(s State) bool { return s.Recoveries > 0 || s.Again && !s.Probe }
