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
	if e.unmoved(t.r, s, p, CodeTimestampFull) && t.deciders[0] == WitnessPage {
		e.Deciders = append([]string{WitnessTime}, t.deciders...)
	}
}

// unmoved says what it means that a page leaves the position where it was; code is the doubt when it
// is no end, which is what it reports.
func (e *Evidence) unmoved(r *Rules, s State, p Page, code string) bool {
	e.Missing, e.Detail = code, "the position did not move past "+shorten(p.Next)
	short := r.Limit > 0 && int64(p.Records) < r.Limit
	again := s.Again && !s.Probe // of a page that left this doubt before, nothing is new
	switch {
	case p.Records == 0:
		return false // the page itself says so
	case short, r.HasKey && p.New == 0 && !again:
		e.say(WitnessTime, SaysEnd, "no progress")
		return true
	}
	e.say(WitnessTime, Silent, "one position fills the page")
	return false
}
