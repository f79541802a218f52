package engine

import "encoding/json"

// offset is `type: offset`.
//
//	pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 100}, total: body.total}
type offset struct{ r *Rules }

func (o offset) Ask(s State, q *Request) {
	o.r.ask(s, q)
	if s.Rung != 0 {
		return
	}
	at, _ := integer(s.Position, o.start())
	q.Offset = at
	if s.Position != nil || o.r.First != "omit" {
		q.Value = number(at)
	}
	q.Follow = false
	if room := o.r.Cap - at; o.r.Cap > 0 && q.Limit > room && room > 0 {
		q.Limit = room
	}
}

func (o offset) start() int64 {
	n, _ := integer(o.r.Start, 0)
	return n
}

func (o offset) Read(s, after State, p Page, e *Evidence) {
	e.Deciders = o.r.deciders(o.r.countDecider(WitnessPage)...)
	at, err := integer(s.Position, o.start())
	if err != nil || s.Rung != 0 {
		at = o.start() + after.Count() - int64(p.Records)
	}
	next := at + int64(p.Records)
	if o.r.StepLimit {
		next = at + o.r.Limit
	}
	e.Next = number(next)
}

// countDecider is the default of patterns that count: an exact or at-least total, else the rest.
func (r *Rules) countDecider(rest ...string) []string {
	if r.HasTotal && r.TotalKind != Estimate {
		return append([]string{WitnessTotal}, rest...)
	}
	return rest
}

// pageNumber is `type: page`.
//
//	pagination: {type: page, send: query.page, limit: {send: query.per_page, value: 100}, total_pages: body.pages}
type pageNumber struct{ r *Rules }

func (n pageNumber) Ask(s State, q *Request) {
	n.r.ask(s, q)
	if s.Rung != 0 {
		return
	}
	at, _ := integer(s.Position, n.start())
	q.Number = at
	if s.Position != nil || n.r.First != "omit" {
		q.Value = number(at)
	}
	q.Follow = false
}

func (n pageNumber) start() int64 {
	at, _ := integer(n.r.Start, 1)
	return at
}

func (n pageNumber) Read(s, after State, p Page, e *Evidence) {
	own := n.r.countDecider(WitnessPage)
	if n.r.HasTotalPages {
		own = append([]string{WitnessTotalPages}, own...)
	}
	e.Deciders = n.r.deciders(own...)
	at, err := integer(s.Position, n.start())
	if err != nil || s.Rung != 0 {
		at = n.start() + after.Pages - 1
		if n.r.Limit > 0 {
			at = n.start() + (after.Count()-1)/n.r.Limit
		}
	}
	e.Next = number(at + 1)
}

// Ahead returns the state that asks for the k-th page after s when every page in between is full:
// what `parallel` requests before the pages in between are read. ok is false for patterns whose
// position comes from the answer.
func (r *Rules) Ahead(s State, k int64) (ahead State, ok bool) {
	var start, step int64
	switch r.Type {
	case Offset:
		start, step = offset{r}.start(), r.Limit
	case PageNumber:
		start, step = pageNumber{r}.start(), 1
	}
	if step <= 0 || s.Rung != 0 || s.Probe {
		return State{}, false
	}
	at, err := integer(s.Position, start)
	if err != nil {
		return State{}, false
	}
	ahead = s
	ahead.Pages += k
	ahead.Position = json.RawMessage(number(at + k*step))
	return ahead, r.Cap == 0 || r.Type != Offset || at+k*step+r.Limit <= r.Cap
}
