package engine

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// api is a simulated API over a list of records. A record is its index in the list; key(i) is its
// identity and time(i) its timestamp, which never fall.
type api struct {
	rules  Rules
	n      int                              // records
	size   int                              // records a page that the server is willing to give
	ties   int                              // records that share a timestamp, at least 1
	since  bool                             // timestamp: positions are inclusive
	empty  func(at int) int                 // token patterns: empty pages before the record at
	shape  string                           // of tokens: string number array object
	off    offer                            // witnesses it offers
	fault  func(n int, q Request, a *reply) // changes the answer to the n-th request, from 0
	noRung bool                             // answers to fallback requests carry no token
	serve  func(n int, q Request) reply     // not nil: answers in place of the list
}

type offer struct{ total, remaining, pages, more, done bool }

// reply is an answer before it becomes a Page.
type reply struct {
	at      int   // index of the first record
	ids     []int // records, by identity
	next    json.RawMessage
	bad     string
	class   PageClass
	total   json.RawMessage
	remain  json.RawMessage
	pages   json.RawMessage
	more    json.RawMessage
	done    json.RawMessage
	hook    *HookSays
	expired bool            // an error answer: the token is refused
	fresh   json.RawMessage // of an error answer: the new token in it
}

func (a *api) time(i int) int { return 1000 + i/max(1, a.ties) }

// token writes a position of the API as an opaque token.
func (a *api) token(at, empties int) json.RawMessage {
	switch a.shape {
	case "number":
		return number(int64(at*100 + empties + 1))
	case "array":
		return json.RawMessage(fmt.Sprintf(`[%d, "<%d&>"]`, at, empties))
	case "object":
		return json.RawMessage(fmt.Sprintf(`{"z": %d, "a&b": "%d"}`, at, empties))
	case "url":
		return json.RawMessage(fmt.Sprintf(`"/list?at=%d&empties=%d&x=<>"`, at, empties))
	}
	return json.RawMessage(fmt.Sprintf(`"c&%d<%d"`, at, empties))
}

func (a *api) parse(v json.RawMessage) (at, empties int) {
	s := string(v)
	var err error
	switch a.shape {
	case "number":
		var n int
		n, err = strconv.Atoi(s)
		at, empties = (n-1)/100, (n-1)%100
	case "array":
		var parts []any
		err = json.Unmarshal(v, &parts)
		at = int(parts[0].(float64))
		fmt.Sscanf(parts[1].(string), "<%d&>", &empties)
	case "object":
		var parts map[string]any
		err = json.Unmarshal(v, &parts)
		at = int(parts["z"].(float64))
		empties, _ = strconv.Atoi(parts["a&b"].(string))
	default:
		var text string
		if json.Unmarshal(v, &text) != nil {
			break
		}
		form := "c&%d<%d"
		if a.shape == "url" {
			form = "/list?at=%d&empties=%d"
		}
		_, err = fmt.Sscanf(text, form, &at, &empties)
	}
	if err != nil {
		panic(fmt.Sprintf("the engine sent the position %s: %v", v, err))
	}
	return at, empties
}

func atoi(v json.RawMessage, def int) int {
	if v == nil {
		return def
	}
	n, err := strconv.Atoi(strings.Trim(string(v), `"`))
	if err != nil {
		panic("the engine sent the position " + string(v))
	}
	return n
}

// answer is what an honest server says.
func (a *api) answer(q Request) reply {
	r := &a.rules
	at, empties := 0, 0
	kind := r.Type
	if q.Rung > 0 {
		kind = Type(r.Fallback[q.Rung-1])
	}
	switch kind {
	case Offset:
		base := 0
		if q.Rung == 0 {
			base = atoi(r.Start, 0)
			if base > 1 {
				base = 0
			}
		}
		at = atoi(q.Value, base) - base
	case PageNumber:
		base := atoi(r.Start, 1)
		base = min(base, 1)
		at = (atoi(q.Value, base) - base) * a.size
	case SearchAfter:
		at = atoi(q.Value, 0)
	case Timestamp:
		if q.Value != nil {
			t := atoi(q.Value, 0)
			for at < a.n && (a.time(at) < t || !a.since && a.time(at) == t) {
				at++
			}
		}
	case Cursor, Link, HookType:
		if q.Value != nil && string(q.Value) != string(r.Start) {
			at, empties = a.parse(q.Value)
		} else if a.empty != nil && a.n > 0 {
			empties = a.empty(0)
		}
	}
	size := a.size
	if q.Limit > 0 {
		size = min(size, int(q.Limit))
	}
	if kind == None {
		size = a.n
	}
	if empties > 0 {
		size = 0
	}
	from, to := min(at, a.n), min(at+size, a.n)
	p := reply{at: from}
	for i := from; i < to; i++ {
		p.ids = append(p.ids, i)
	}
	if empties == 0 && a.empty != nil && to < a.n {
		empties = a.empty(to) + 1
	}
	if !a.noRung || q.Rung == 0 {
		p.next = a.next(p, to, empties)
	}
	a.witness(&p, to, empties > 1)
	if a.noRung && q.Rung != 0 {
		p.hook = nil // it finds no token and leaves the page to the YAML
	}
	return p
}

func (a *api) next(p reply, to, empties int) json.RawMessage {
	switch a.rules.Type {
	case Cursor, Link, HookType:
		if to >= a.n {
			return nil
		}
		return a.token(to, max(0, empties-1))
	case SearchAfter:
		if len(p.ids) > 0 {
			return number(int64(p.ids[len(p.ids)-1] + 1))
		}
	case Timestamp:
		if len(p.ids) > 0 {
			return number(int64(a.time(p.ids[len(p.ids)-1])))
		}
	}
	return nil
}

// witness adds the truth about the whole list.
func (a *api) witness(p *reply, to int, emptiesAhead bool) {
	if a.off.total {
		p.total = number(int64(a.n))
	}
	if a.off.remaining {
		p.remain = number(int64(a.n - to))
	}
	if a.off.pages {
		pages := (a.n + a.size - 1) / a.size
		for at := 0; a.empty != nil && at < a.n; at += a.size {
			pages += a.empty(at)
		}
		p.pages = number(int64(pages))
	}
	more := to < a.n || emptiesAhead
	if a.off.more {
		p.more = json.RawMessage(strconv.FormatBool(more))
	}
	if a.off.done {
		p.done = json.RawMessage(strconv.FormatBool(!more))
	}
	if a.rules.Type == HookType {
		p.hook = &HookSays{Ends: true, End: "that was all"}
		if p.next != nil {
			p.hook = &HookSays{Token: p.next}
		}
		p.next = nil
	}
}

// outcome is what a walk came to.
type outcome struct {
	Verdict   Verdict
	Delivered []int
	Requests  int
	Last      int // the request that brought the last new record, from 1; 0 when there was none
	Events    map[string]int
	Refused   bool // an error answer, and no fallback left
	biggest   int  // bytes of the largest checkpoint
	next      State
	keys      map[int]bool
}

func (o outcome) String() string {
	v := o.Verdict
	name := v.Kind.String()
	if o.Refused {
		name = "refused"
	}
	if v.Code != "" && v.Kind != End {
		name += " " + v.Code
	}
	if v.Attested != "" && v.Kind == End {
		name += " " + string(v.Attested)
	}
	return fmt.Sprintf("%s, %d records, %d requests", name, len(o.Delivered), o.Requests)
}

// drain walks the API as the runtime does: ask, fetch, step, deliver, commit the next state as JSON.
func drain(t testing.TB, a *api, s State) outcome {
	t.Helper()
	o := outcome{next: s, Events: map[string]int{}, keys: map[int]bool{}}
	o.drain(t, a, nil, 20_000)
	return o
}

// drain goes on from where the walk stands; seen is the memory of positions that a run keeps outside
// the state, nil without.
func (o *outcome) drain(t testing.TB, a *api, seen map[uint64]bool, limit int) {
	t.Helper()
	w, err := NewWalk(&a.rules, Strategies())
	if err != nil {
		t.Fatal(err)
	}
	s, keys := o.next, o.keys
	for limit += o.Requests; o.Requests < limit; {
		q := w.Ask(s)
		var rep reply
		if a.serve != nil {
			rep = a.serve(o.Requests, q)
		} else {
			rep = a.answer(q)
		}
		if a.fault != nil {
			a.fault(o.Requests, q, &rep)
		}
		o.Requests++
		if rep.expired {
			next, ok := w.Recover(s, rep.fresh)
			if !ok {
				o.Refused = true
				return
			}
			s = roundTrip(t, next, o)
			continue
		}
		p := a.page(rep, q, keys)
		if seen != nil {
			p.Seen = func(h uint64) bool { return seen[h] }
			if s.Position != nil {
				seen[HashPosition(s.Position)] = true
			}
		}
		v, err := w.Step(s, p)
		if err != nil {
			t.Fatalf("request %d: %v", o.Requests, err)
		}
		if !v.Drop {
			for _, id := range rep.ids {
				if a.rules.HasKey && keys[id] {
					continue
				}
				keys[id] = true
				o.Delivered = append(o.Delivered, id)
				o.Last = o.Requests
			}
		}
		for _, e := range v.Events {
			o.Events[e.Name]++
		}
		o.Verdict = v
		s = roundTrip(t, v.Next, o)
		o.next, o.Refused = s, false
		switch v.Kind {
		case Continue, Recover, Probing:
			if v.Kind == Continue && s.Position == nil {
				t.Fatalf("request %d: the walk goes on at no position", o.Requests)
			}
		default:
			return
		}
	}
	t.Fatalf("no end after %d requests: %v, events %v", o.Requests, o.Verdict, o.Events)
}

func (a *api) page(rep reply, q Request, keys map[int]bool) Page {
	p := Page{Class: rep.class, Records: len(rep.ids), New: len(rep.ids), Next: rep.next, BadNext: rep.bad,
		Total: rep.total, Remaining: rep.remain, TotalPages: rep.pages, More: rep.more, Done: rep.done, Hook: rep.hook,
		URL: "http://127.0.0.1/list?at=first&x=1"}
	h := fnv.New64a()
	for _, id := range rep.ids {
		fmt.Fprintln(h, id)
		if a.rules.HasKey && keys[id] {
			p.New--
		}
	}
	if len(rep.ids) > 0 {
		p.Print = h.Sum64()
		last := rep.ids[len(rep.ids)-1]
		for _, f := range a.rules.Fallback {
			switch f {
			case FallbackSearchAfter:
				p.Backups = append(p.Backups, number(int64(last+1)))
			case FallbackTimestamp:
				p.Backups = append(p.Backups, number(int64(a.time(last))))
			default:
				p.Backups = append(p.Backups, nil)
			}
		}
	}
	return p
}

func roundTrip(t testing.TB, s State, o *outcome) State {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	o.biggest = max(o.biggest, len(b))
	back, err := ParseState(b)
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return back
}

// upTo lists 0 … n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// wantAll checks that every record came once, in order, with a clean end.
func wantAll(t testing.TB, a *api, o outcome, from int) {
	t.Helper()
	if o.Verdict.Kind != End {
		t.Errorf("verdict %s %s (%s); evidence %v", o.Verdict.Kind, o.Verdict.Code, o.Verdict.Detail, o.Verdict.Evidence)
	}
	if !slices.Equal(o.Delivered, upTo(a.n)[min(from, a.n):]) {
		t.Errorf("delivered %d records of %d: %v", len(o.Delivered), a.n, brief(o.Delivered))
	}
}

func brief(ids []int) string {
	s := fmt.Sprint(ids)
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x1a57)) }
