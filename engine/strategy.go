package engine

import "encoding/json"

// Strategy is one pattern of pagination. A strategy gathers evidence and never decides; it has no
// state of its own.
type Strategy interface {
	// Ask points r at the page after s; the zero State asks for the first page.
	Ask(s State, r *Request)
	// Read says what p, which was asked for at s, says about the next page. after is s with the
	// page counted in; e holds what every pattern shares.
	Read(s, after State, p Page, e *Evidence)
}

// Strategies is the table of patterns. An embedder may use a longer one.
func Strategies() map[Type]func(*Rules) Strategy {
	return map[Type]func(*Rules) Strategy{
		None:        func(r *Rules) Strategy { return onePage{r} },
		Offset:      func(r *Rules) Strategy { return offset{r} },
		PageNumber:  func(r *Rules) Strategy { return pageNumber{r} },
		Cursor:      func(r *Rules) Strategy { return token{r, []string{WitnessToken}} },
		Link:        func(r *Rules) Strategy { return token{r, []string{WitnessToken}} },
		SearchAfter: func(r *Rules) Strategy { return token{r, []string{WitnessMore, WitnessPage}} },
		Timestamp:   func(r *Rules) Strategy { return timestamp{token{r, []string{WitnessMore, WitnessTime, WitnessPage}}} },
		HookType: func(r *Rules) Strategy {
			return token{r, []string{WitnessHook, WitnessMore, WitnessDone, WitnessTotalPages, WitnessTotal, WitnessPage}}
		},
	}
}

// ask is what every pattern's request has in common.
func (r *Rules) ask(s State, q *Request) {
	q.Index, q.Limit, q.Rung = s.Pages, r.Limit, s.Rung
	q.Value, q.Offset = s.Position, s.Received
	q.Follow = s.Position != nil && s.Rung == 0
	if s.Position == nil && r.Start != nil {
		q.Value = r.Start
	}
	if s.Position == nil && r.First == "omit" {
		q.Value = nil
	}
}

// deciders puts the declared decider before the pattern's own.
func (r *Rules) deciders(own ...string) []string {
	if r.Decides == "" {
		return own
	}
	return append([]string{string(r.Decides)}, own...)
}

// onePage is `type: none`.
type onePage struct{ r *Rules }

func (o onePage) Ask(s State, q *Request) { o.r.ask(s, q) }

func (o onePage) Read(s, after State, p Page, e *Evidence) {
	e.set(WitnessPage, SaysEnd, "the only page")
	e.Deciders = []string{WitnessPage}
}

// token is `type: cursor`, `link`, `search_after` and `hook`: the position comes from the answer.
//
//	pagination: {type: cursor, next: body.next, send: query.cursor, more: body.has_more}
type token struct {
	r   *Rules
	own []string // its deciders
}

func (t token) Ask(s State, q *Request) { t.r.ask(s, q) }

func (t token) Read(s, after State, p Page, e *Evidence) {
	e.Deciders = t.r.deciders(t.own...)
	decides := e.Deciders[0] == WitnessToken
	switch {
	case p.BadNext != "":
		e.say(WitnessToken, SaysMore, "malformed")
		e.Missing, e.Detail = CodeTokenMalformed, p.BadNext
	case !t.r.Present(p.Next):
		says := SaysEnd
		if t.r.Type == SearchAfter || t.r.Type == Timestamp || t.r.Type == HookType && !t.r.HasNext {
			says = Silent // the token is the page's last record: its absence repeats that the page is empty
			if decides {
				says = SaysEnd
			}
		}
		e.say(WitnessToken, says, "absent")
	default:
		t.present(s, p, e, decides)
	}
}

func (t token) present(s State, p Page, e *Evidence, decides bool) {
	e.Next = p.Next
	says := Silent
	if decides {
		says = SaysMore
	}
	if t.r.Repeat == "allow" || !repeated(s, p, e.Next) {
		e.say(WitnessToken, says, "present")
		return
	}
	e.Next = nil
	if t.r.Repeat == "end" {
		e.say(WitnessToken, SaysEnd, "repeated")
		if e.Of(WitnessPage) == SaysMore || e.Deciders[0] != WitnessPage {
			e.Deciders = append([]string{WitnessToken}, e.Deciders...)
		}
		return
	}
	e.say(WitnessToken, says, "repeated")
	e.Missing, e.Detail = CodeCycle, "the next token was seen before in this chain"
}

// repeated reports whether the position next was asked for before in this walk.
func repeated(s State, p Page, next json.RawMessage) bool {
	if s.Rung == 0 && sameJSON(next, asked(s, p)) {
		return true
	}
	h := HashPosition(next)
	return s.Trail.Has(h) || p.Seen != nil && p.Seen(h)
}

// asked is the position that p was asked for at; for a first page without one, its URL.
func asked(s State, p Page) json.RawMessage {
	if s.Position != nil {
		return s.Position
	}
	if p.URL == "" {
		return nil
	}
	b, _ := json.Marshal(p.URL)
	return b
}
