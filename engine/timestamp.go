package engine

// timestamp is `type: timestamp`: the position is a time, and the next page begins at it or after it.
//
//	pagination: {type: timestamp, next: header.X-TAXII-Date-Added-Last, send: query.added_after, more: body.more}
type timestamp struct{ token }

// Read adds the witness `time`: a position that does not move ends the chain when the page brought
// nothing new or was shorter than the limit; otherwise one timestamp fills a page.
func (t timestamp) Read(s, after State, p Page, e *Evidence) {
	still := s.Rung == 0 && s.Position != nil && t.r.Present(p.Next) && p.BadNext == "" && sameJSON(p.Next, s.Position)
	if !still {
		t.token.Read(s, after, p, e)
		return
	}
	e.Deciders = t.r.deciders(t.own...)
	e.Missing, e.Detail = CodeTimestampFull, "the position did not move past "+shorten(p.Next)
	short := t.r.Limit > 0 && int64(p.Records) < t.r.Limit
	if t.r.HasKey && p.New == 0 || short || p.Records == 0 {
		e.say(WitnessTime, SaysEnd, "no progress")
		return
	}
	e.say(WitnessTime, Silent, "one timestamp fills the page")
}
