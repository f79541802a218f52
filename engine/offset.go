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
	q.Limit = o.r.size(s)
}

func (o offset) start() int64 {
	n, _ := integer(o.r.Start, 0)
	return n
}

func (o offset) Read(s, after State, p Page, e *Evidence) {
	e.Deciders = o.r.deciders(o.r.counting())
	at, err := integer(s.Position, o.start())
	if err != nil {
		at = o.start() + after.Count() - int64(p.Records)
	}
	next := at + int64(p.Records)
	if o.r.StepLimit && o.r.Limit > 0 {
		next = at + o.r.Limit
	}
	e.Next = number(next)
	e.onGround(after)
}

// onGround lets a walk that has begun again go on over ground that it knows: the count has reached the
// total before the walk has reached the end, and what speaks of this page itself decides.
func (e *Evidence) onGround(after State) {
	if after.Recovered == 0 {
		return
	}
	for _, name := range [...]string{WitnessRemaining, WitnessTotalPages, WitnessMore, WitnessDone} {
		if e.Of(name) == SaysMore && e.Of(WitnessPage) == SaysMore {
			e.Deciders = append([]string{name}, e.Deciders...)
			return
		}
	}
}

var (
	decidesPage       = []string{WitnessPage}
	decidesTotal      = []string{WitnessTotal, WitnessPage}
	decidesPages      = []string{WitnessTotalPages, WitnessPage}
	decidesPagesTotal = []string{WitnessTotalPages, WitnessTotal, WitnessPage}
)

// counting is the default of patterns that count: an exact or at-least total, else the page.
func (r *Rules) counting() []string {
	if r.HasTotal && r.TotalKind != Estimate {
		return decidesTotal
	}
	return decidesPage
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
	own := n.r.counting()
	if n.r.HasTotalPages {
		if len(own) == 1 {
			own = decidesPages
		} else {
			own = decidesPagesTotal
		}
	}
	e.Deciders = n.r.deciders(own)
	at, err := integer(s.Position, n.start())
	if err != nil {
		at = n.start() + s.Pages
	}
	e.Next = number(at + 1)
	e.onGround(after)
}

// positional reports whether positions are counted by the client, so that no server confirms them.
func (r *Rules) positional() bool { return r.Type.Counts() }

// size is the page size to ask for at s, 0 when none is: less than the limit next to the cap.
func (r *Rules) size(s State) int64 {
	if r.Type != Offset || r.Cap == 0 || s.Rung != 0 {
		return r.Limit
	}
	at, _ := integer(s.Position, offset{r}.start())
	if room := r.Cap - at; room > 0 && room < r.Limit {
		return room
	}
	return r.Limit
}

// beyond reports whether the API refuses every page at the position: the cap lies before it, or leaves
// less room than the smallest page that the API grants.
func (r *Rules) beyond(s State, at int64) bool {
	room := r.Cap - r.reach(s, at)
	return room <= 0 || r.Type == Offset && room < min(r.LimitMin, r.Limit)
}

// before is how many records of the whole list lie before the place where the walk began; known is
// false when only the server can tell.
func (r *Rules) before(s State) (n int64, known bool) {
	if !r.positional() {
		return 0, len(s.Origin) == 0
	}
	base := r.base()
	first, err := integer(r.Start, base)
	if err == nil && len(s.Origin) > 0 {
		first, err = integer(s.Origin, first)
	}
	n = max(0, first-base)
	if r.Type == PageNumber && n > 0 {
		return n * r.Limit, err == nil && r.Limit > 0
	}
	return n, err == nil
}

// base is the position of the list's first page: pages count from 1 unless `start` says 0, offsets
// from 0 unless `start` says 1.
func (r *Rules) base() int64 {
	if r.Type == PageNumber {
		first, _ := integer(r.Start, 1)
		return max(0, min(first, 1))
	}
	if first, _ := integer(r.Start, 0); first == 1 {
		return 1
	}
	return 0
}

// reach is how many records lie before the position at. Pages whose size is not declared are as large as
// the largest that has come.
func (r *Rules) reach(s State, at int64) int64 {
	if r.Type != PageNumber {
		return at
	}
	size := r.Limit
	if size == 0 {
		size = int64(s.Largest)
	}
	return (at - r.base()) * size
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
	if step <= 0 || s.Rung != 0 || s.Probe || s.Again || len(s.Twin) > 0 || s.Gaps.Back != nil {
		return State{}, false
	}
	at, err := integer(s.Position, start)
	if err != nil {
		return State{}, false
	}
	ahead = s
	ahead.Pages += k
	ahead.Received += k * r.Limit
	ahead.Position = json.RawMessage(number(at + k*step))
	return ahead, r.Cap == 0 || r.reach(s, at+k*step)+r.Limit <= r.Cap
}
