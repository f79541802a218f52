package runtime

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// Bounds of what a walk by steps carries from call to call.
const (
	maxStepChains = 1000 // chains that are listed at a time: of the stream, or of one record of its parent
	maxParents    = 500  // parent's records whose chains are not listed yet
	fewParents    = 250  // with fewer of them the parent is read on
	knownParents  = 1024 // parent's records that are known again, the newest
	maxOnePage    = 5000 // parent's records of one page, where a token that works once forbids to read it in parts
)

// walkAt is where a walk by steps stands: all that the call after needs to know.
type walkAt struct {
	Print string    `json:"f,omitempty"` // fingerprint of the stream as the walk began
	Began time.Time `json:"t"`           // what windows and relative times count from
	Named string    `json:"n,omitempty"` // key of the one chain that it is of, when the caller has named it

	Open     bool              `json:"o,omitempty"` // Chain is being read
	Chain    json.RawMessage   `json:"c,omitempty"` // its key; nil: the only one of a stream without partitions
	Position json.RawMessage   `json:"p,omitempty"` // nil: its first page
	Chains   []json.RawMessage `json:"r,omitempty"` // keys of those to be read after it
	Combos   []json.RawMessage `json:"m,omitempty"` // what parent's records give to chains that are not listed yet
	Known    identities        `json:"k,omitempty"` // hashes of such, the newest last
	Parent   *walkAt           `json:"u,omitempty"` // nil without a parent, and when it has been read

	Lacking bool `json:"d,omitempty"` // a record of the parent had no field to take

	Session  *sessionState `json:"s,omitempty"` // that the chains share
	Parts    uint64        `json:"l,omitempty"` // hash of its list
	Reopened bool          `json:"a,omitempty"`
	had      *sessionState // Session when the call began

	Verdict  string             `json:"v,omitempty"` // the worst of what has ended
	Reason   string             `json:"e,omitempty"`
	Message  string             `json:"w,omitempty"`
	Attested engine.Attestation `json:"h,omitempty"` // the weakest of what has ended
	Above    engine.Attestation `json:"b,omitempty"` // of the parent
}

// maxWhy bounds the sentence that a walk carries about its worst chain.
const maxWhy = 500

// openWalk reads what a step before has handed out; the zero walk without.
func openWalk(next json.RawMessage) (*walkAt, error) {
	at := new(walkAt)
	if next == nil {
		return at, nil
	}
	if err := json.Unmarshal(next, at); err != nil || at.Began.IsZero() {
		return nil, &ArgumentError{"position", "it is not one that a step of a walk has handed out"}
	}
	for p := at; p != nil; p = p.Parent {
		p.had = p.Session
	}
	return at, nil
}

// begin sets a walk through all chains of the stream at its first.
func (at *walkAt) begin(c *spec.Connector, st *spec.Stream, began time.Time) {
	at.Began = began
	parent, _ := parentOf(st)
	switch {
	case len(st.Partitions) == 0:
		at.Open = true
	case parent != "":
		at.Parent = new(walkAt)
		at.Parent.begin(c, c.Stream(parent), began)
	default:
		at.Combos = []json.RawMessage{json.RawMessage("{}")}
	}
}

// belongs makes sure that the stream still makes the same requests.
func (at *walkAt) belongs(sr *streamRun) error {
	switch at.Print {
	case "":
		at.Print = sr.roundData.Fingerprint
	case sr.roundData.Fingerprint:
	default:
		return &ArgumentError{"position", "it was handed out by another version of this connector or under other values; begin again without it"}
	}
	return nil
}

// enter opens the first of the chains that are listed.
func (at *walkAt) enter() {
	at.Open, at.Chain, at.Position, at.Chains = true, at.Chains[0], nil, at.Chains[1:]
}

// over reports whether nothing is left.
func (at *walkAt) over() bool {
	return !at.Open && len(at.Chains) == 0 && len(at.Combos) == 0 && at.Parent == nil
}

// lists reports whether chains are still to be listed.
func (at *walkAt) lists() bool { return len(at.Combos) > 0 || at.Parent != nil }

// read notes what a page of the open chain has brought.
func (at *walkAt) read(r *StepResult) {
	switch {
	case r.nothing():
		return
	case r.Next != nil:
		at.Position = r.Next
		return
	case r.Halves != nil:
		at.Chains = slices.Concat(r.Halves, at.Chains)
	default:
		at.ended(r.Verdict, r.Reason, r.Message, r.Attested)
	}
	at.Open, at.Chain, at.Position = false, nil, nil
}

// ended counts an end in.
func (at *walkAt) ended(verdict, reason, message string, attested engine.Attestation) {
	if w := worse(at.Verdict, verdict); w != at.Verdict {
		at.Verdict, at.Reason, at.Message = w, reason, ""
		if w != Complete {
			at.Message = strings.ToValidUTF8(message[:min(len(message), maxWhy)], "")
		}
	}
	at.Attested = at.Attested.Worse(attested)
}

// add notes what a parent's record contributes, once.
func (at *walkAt) add(from combo) {
	key := from.key()
	h := xxhash.Sum64String(key)
	if slices.Contains(at.Known, h) {
		return
	}
	if at.Known = append(at.Known, h); len(at.Known) > knownParents {
		at.Known = at.Known[len(at.Known)-knownParents:]
	}
	at.Combos = append(at.Combos, json.RawMessage(orElse(key, "{}")))
}

// close ends the parent's walk when it is over: its verdict counts.
func (at *walkAt) close(parent string) {
	p := at.Parent
	if !p.over() {
		return
	}
	at.Parent, at.Above = nil, p.attested()
	if p.Verdict == Complete || p.Verdict == "" {
		return
	}
	why := "stream " + parent + ", whose records make the chains, ended " + p.Verdict
	if p.Message != "" {
		why += ": " + p.Message
	}
	reason := CodeStream
	if p.Verdict == Failed { // as of a run that walks the parent for its children alone
		reason = p.Reason
	}
	at.ended(p.Verdict, reason, why, "")
}

// attested is how well the end of the whole walk is.
func (at *walkAt) attested() engine.Attestation {
	switch {
	case at.Verdict != Complete && at.Verdict != "":
		return ""
	case at.Reopened:
		return engine.Assumed
	case at.Attested != "":
		return at.Attested
	case at.Above != "" && len(at.Known) == 0: // no parent's record: the parent's end says so
		return at.Above
	}
	return engine.Assumed
}

// conclude turns a call's result into the walk's: where it goes on, or how it has ended.
func (at *walkAt) conclude(r *StepResult) (*StepResult, error) {
	if r.Stands = r.nothing(); r.Stands {
		return r, nil
	}
	r.Halves, r.Detail, r.Err = nil, "", nil
	if !at.over() {
		next, err := json.Marshal(at)
		r.Next, r.Verdict, r.Attested, r.Reason = next, Complete, "", ""
		r.Message = orElse(r.Message, "more to come")
		return r, err
	}
	r.Next, r.Verdict, r.Reason, r.Attested = nil, orElse(at.Verdict, Complete), at.Reason, at.attested()
	if r.Message = orElse(at.Message, r.Message); r.Message == "" {
		r.Message = fmt.Sprintf("%s: nothing is left to be read", r.Verdict)
	}
	return r, nil
}
