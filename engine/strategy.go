package engine

import "encoding/json"

// Strategy is one pattern of pagination. A strategy gathers evidence and never decides; it has no
// state of its own.
type Strategy interface {
	// Ask points r at the page after s; the zero State asks for the first page.
	Ask(s State, r *Request)
	// Read says what p, which was asked for at s, says about the next page. after is s with the
	// page counted in; e holds what every pattern shares. A page that a fallback asked for is read
	// only when it carries a token.
	Read(s, after State, p Page, e *Evidence)
}

// Strategies is the table of patterns. An embedder may use a longer one.
func Strategies() map[Type]func(*Rules) Strategy {
	return map[Type]func(*Rules) Strategy{
		None:       func(r *Rules) Strategy { return onePage{r} },
		Offset:     func(r *Rules) Strategy { return offset{r} },
		PageNumber: func(r *Rules) Strategy { return pageNumber{r} },
		Cursor:     func(r *Rules) Strategy { return newToken(r, WitnessToken) },
		Link:       func(r *Rules) Strategy { return newToken(r, WitnessToken) },
		SearchAfter: func(r *Rules) Strategy {
			return newToken(r, WitnessMore, WitnessPage)
		},
		Timestamp: func(r *Rules) Strategy {
			return timestamp{newToken(r, WitnessMore, WitnessTime, WitnessPage)}
		},
		HookType: func(r *Rules) Strategy {
			if r.HasNext { // what the hook leaves to the YAML is a cursor
				return newToken(r, WitnessHook, WitnessToken)
			}
			return newToken(r, WitnessHook, WitnessMore, WitnessDone, WitnessTotalPages, WitnessTotal, WitnessPage)
		},
	}
}

// ask is what every pattern's request has in common.
func (r *Rules) ask(s State, q *Request) {
	q.Index, q.Limit, q.Rung = s.Pages, r.Limit, s.Rung
	q.Value, q.Offset = s.Position, s.Received
	q.Follow = s.Position != nil && s.Rung == 0
	if s.Position == nil && r.First != "omit" {
		q.Value = r.Start
	}
}

// deciders puts the declared decider before the pattern's own.
func (r *Rules) deciders(own []string) []string {
	if r.Decides == "" || string(r.Decides) == own[0] {
		return own
	}
	return append([]string{string(r.Decides)}, own...)
}

// onePage is `type: none`.
type onePage struct{ r *Rules }

func (o onePage) Ask(s State, q *Request) { o.r.ask(s, q) }

func (o onePage) Read(s, after State, p Page, e *Evidence) {
	e.set(WitnessPage, SaysEnd, "the only page")
	e.Deciders = decidesPage
}

// token is `type: cursor`, `link`, `search_after` and `hook`: the position comes from the answer.
//
//	pagination: {type: cursor, next: body.next, send: query.cursor, more: body.has_more}
type token struct {
	r        *Rules
	deciders []string
	optional bool // the token is one of the page's last record: its absence repeats that the page is empty
}

func newToken(r *Rules, own ...string) token {
	t := token{r: r, deciders: r.deciders(own)}
	t.optional = r.Decides != ByToken && (r.Type == SearchAfter || r.Type == Timestamp || r.Type == HookType && !r.HasNext)
	return t
}

func (t token) Ask(s State, q *Request) { t.r.ask(s, q) }

func (t token) Read(s, after State, p Page, e *Evidence) {
	e.Deciders = t.deciders
	switch {
	case p.BadNext != "":
		e.say(WitnessToken, SaysMore, "malformed")
		e.Missing, e.Detail = CodeTokenMalformed, p.BadNext
	case !t.r.Present(p.Next):
		says := SaysEnd
		if t.optional {
			says = Silent
		}
		e.say(WitnessToken, says, "absent")
	case t.r.Repeat == "allow" || !t.r.repeated(s, p, p.Next):
		e.Next = p.Next
		e.say(WitnessToken, SaysMore, "present")
	case t.r.Repeat == "end":
		e.repeated = true
		e.say(WitnessToken, SaysEnd, "repeated")
		e.Deciders = append([]string{WitnessToken}, e.Deciders...)
	default:
		e.repeated = true
		e.say(WitnessToken, SaysMore, "repeated")
		e.Missing, e.Detail = CodeCycle, "the next token was seen before in this chain"
	}
}

// repeated reports whether the position next was asked for before in this walk.
func (r *Rules) repeated(s State, p Page, next json.RawMessage) bool {
	if s.Rung == 0 && sameJSON(next, r.asked(s, p)) {
		return true
	}
	h := HashPosition(next)
	return s.Trail.Has(h) || p.Seen != nil && p.Seen(h)
}

// asked is the position that p was asked for at; for a first page without one, its URL.
func (r *Rules) asked(s State, p Page) json.RawMessage {
	switch {
	case s.Position != nil:
		return s.Position
	case r.Start != nil && r.First != "omit":
		return r.Start
	case p.URL == "":
		return nil
	}
	b, _ := json.Marshal(p.URL)
	return b
}
