package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// Checkpoint is what a chain's state says to people. States are written by Run alone.
type Checkpoint struct {
	Position   json.RawMessage `json:"position,omitempty"` // of the page to ask for, secrets removed; nil: the first, or the walk has ended
	Pages      int64           `json:"pages"`              // read in the walk
	Received   int64           `json:"received"`           // records as they came
	Delivered  int64           `json:"delivered"`
	Total      *int64          `json:"total,omitempty"`     // as the API says
	Watermark  json.RawMessage `json:"watermark,omitempty"` // that the walk's requests filter by
	Pending    json.RawMessage `json:"pending,omitempty"`   // greatest seen in the walk
	Fallback   int             `json:"fallback,omitempty"`  // the rung of the fallback ladder that the walk is on, from 1
	Recoveries int64           `json:"recoveries,omitempty"`
	TokenAt    time.Time       `json:"token_at,omitzero"` // when the answer that carried the position came
	Session    bool            `json:"session,omitempty"` // one is open
}

// ReadCheckpoint reads a chain's state; nil is the state before the first page.
func ReadCheckpoint(state json.RawMessage) (Checkpoint, error) {
	s, err := parseState(state)
	if err != nil {
		return Checkpoint{}, err
	}
	shown := s.Position
	if s.Shown != nil {
		shown = s.Shown
	}
	return Checkpoint{
		Position: shown, Pages: s.Pages, Received: s.Received, Delivered: s.Delivered, Total: s.Total, Watermark: s.Watermark,
		Pending: s.Pending, Fallback: s.Rung, Recoveries: s.Recovered, TokenAt: s.TokenAt, Session: s.Session != nil,
	}, nil
}

// MoveCheckpoint gives the state from which a chain goes on at a position that a person has chosen.
// fingerprint is the round's (RoundFingerprint). What a walk that is under way filters by stays as it was;
// one that has ended, or has not begun, begins there, behind the watermark.
func MoveCheckpoint(state json.RawMessage, fingerprint string, position json.RawMessage) (json.RawMessage, error) {
	s, err := parseState(state)
	if err != nil {
		return nil, err
	}
	moved := chainState{State: engine.StartAt(position), Fingerprint: fingerprint, Times: s.Times, Watermark: s.Watermark, Pending: s.Pending,
		Recent: s.Recent, First: s.First, Passed: s.Passed, Inherit: s.Inherit, Unordered: true, KeptIDs: s.KeptIDs, Moved: append(s.Moved, s.Part...),
		Unpinned: s.Unpinned || s.Fingerprint == ""}
	return moved.marshal()
}

// RoundFingerprint says which requests the round's positions belong to, "" when the round does not.
func RoundFingerprint(r engine.Round) string { return roundDataOf(r).Fingerprint }

// HidesTokens reports whether the round's tokens, and what was kept of them, are secrets.
func HidesTokens(r engine.Round) bool { return roundDataOf(r).Hidden }

// BeginRound is the first round of a stream that has never been run: one chain, listed.
func BeginRound(fingerprint string, now time.Time) engine.Round {
	return engine.Round{Number: 1, Open: true, Listed: true, Now: now, Data: roundData{Fingerprint: fingerprint}.marshal()}
}

// Fingerprint says which requests positions of the stream belong to under the job's configuration.
func Fingerprint(ctx context.Context, job *Job, stream string) (string, error) {
	own := *job
	own.Ledger, own.Sink = &memory{}, &collector{}
	b, err := bind(ctx, &own)
	if err != nil {
		return "", err
	}
	defer b.program.Close()
	st := b.connector.Stream(stream)
	if st == nil {
		return "", fmt.Errorf("connector %s has no stream %s", b.connector.Name, stream)
	}
	return (&streamRun{bound: b, spec: st}).stands().hash(), nil
}

// ChainBase is the chain's key without its window: the base of its bookmark.
func ChainBase(key string) (string, error) {
	_, _, base, err := parseKey(key)
	return base, err
}

// Said is what the witnesses said of one page, as the journal keeps it.
type Said struct {
	Decider   string    `json:"decider"`
	Detail    string    `json:"detail,omitempty"`
	Witnesses []Witness `json:"witnesses"`
}

// Witness is one witness of a page: what it says is more, end or nothing.
type Witness struct {
	Name   string `json:"name"`
	Says   string `json:"says"`
	Detail string `json:"detail,omitempty"`
}

// ReadEvidence reads PageEntry.Evidence.
func ReadEvidence(evidence json.RawMessage) Said {
	var raw struct {
		Decider string
		Detail  string
		Said    [][3]string
	}
	if rawjson.Kind(evidence) != '{' || json.Unmarshal(evidence, &raw) != nil {
		return Said{}
	}
	s := Said{Decider: raw.Decider, Detail: raw.Detail}
	for _, w := range raw.Said {
		s.Witnesses = append(s.Witnesses, Witness{w[0], w[1], w[2]})
	}
	return s
}

// decided says who decided what, and why.
func (s Said) decided() string {
	for _, w := range s.Witnesses {
		if w.Name == s.Decider {
			return fmt.Sprintf("%s decides: %s (%s)", w.Name, w.Says, w.Detail)
		}
	}
	return s.Decider + " decides"
}
