package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// chainState is a chain's checkpoint: the engine's State and what the runtime adds to it. It holds
// neither configuration nor secrets.
type chainState struct {
	engine.State

	Fingerprint string                     `json:"fp,omitempty"`        // of the request and pagination parts that this walk began with
	Times       map[string]json.RawMessage `json:"times,omitempty"`     // relative times of the configuration that requests name, pinned for the walk
	Watermark   json.RawMessage            `json:"watermark,omitempty"` // pinned for the walk: what requests filter by
	Pending     json.RawMessage            `json:"pending,omitempty"`   // greatest watermark seen in the walk
	Latest      json.RawMessage            `json:"latest,omitempty"`    // watermark field of the last record, to check the order
	Unordered   bool                       `json:"unordered,omitempty"` // the declared order was violated
	Recent      recentKeys                 `json:"recent,omitzero"`     // keys next to Pending

	Shown     json.RawMessage `json:"shown,omitempty"`      // the position as people may see it; nil: as it is
	TokenAt   time.Time       `json:"token_at,omitzero"`    // when the answer that carried the position came
	TokenSkew apart           `json:"token_skew,omitempty"` // the server's clock minus ours then
	LastToken json.RawMessage `json:"last_token,omitempty"` // for keep: token
	Keep      json.RawMessage `json:"keep,omitempty"`       // for keep: what the last page that holds it says
	KeptIDs   identities      `json:"kept_ids,omitempty"`   // records of the page that gave what is kept, and of those after it
	Session   *sessionState   `json:"session,omitempty"`
	Delivered int64           `json:"delivered,omitempty"` // records of this walk
	Skip      int             `json:"skip,omitempty"`      // records of the page at Position that are delivered already, where several are made of one
	Recount   bool            `json:"recount,omitempty"`   // Skip counts from the first page of the walk on, which is read again
	Part      identities      `json:"part,omitempty"`      // which of the records of the page at Position are delivered: a limit has cut it, or it is asked for again
	Short     *shortPage      `json:"short,omitempty"`     // the page before Position, if it was not full
	PartBy    string          `json:"part_by,omitempty"`   // what Part tells records by (identifiedBy); "": by what the stream's key says
	Bytes     identities      `json:"bytes,omitempty"`     // the same records as Part by their bytes, where Part goes by key
	Moved     identities      `json:"moved,omitempty"`     // records of a page that a person has moved the walk away from
	Unpinned  bool            `json:"unpinned,omitempty"`  // a person has chosen where the walk begins: what it filters by is still to be pinned
	Stuck     stuck           `json:"stuck,omitzero"`      // where the latest runs took the walk up
	First     bool            `json:"first,omitempty"`     // no earlier walk: Watermark is `start`, not where one ended
	Passed    int             `json:"passed,omitempty"`    // identities in the ledger that earlier walks of this round have left, the first of the chain's: they are not this walk's
	Inherit   []string        `json:"inherit,omitempty"`   // chains of wider windows, whose records are not delivered again
}

// stuck counts the runs that took up a walk where the run before did, with nothing delivered between.
type stuck struct {
	At        uint64 `json:"at"`        // hash of the position and its rung
	Delivered int64  `json:"delivered"` // records of the walk
	Runs      int    `json:"runs"`
}

// sessionState is an open session, so that a later run can go on in it or close it.
type sessionState struct {
	ID      json.RawMessage `json:"id,omitempty"`
	Body    json.RawMessage `json:"body,omitempty"`
	Opened  time.Time       `json:"opened"`
	Waiting bool            `json:"waiting,omitempty"` // it was not ready when it was last asked
}

func (s *chainState) marshal() (json.RawMessage, error) {
	b := bytes.NewBuffer(make([]byte, 0, 1536)) // with a full trail
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false) // positions are often URLs, and people read them
	if err := enc.Encode(s); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

func parseState(b []byte) (chainState, error) {
	var s chainState
	if len(b) == 0 {
		return s, nil
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("checkpoint: %w", err)
	}
	if s.Version > engine.StateVersion {
		return s, fmt.Errorf("checkpoint: written by a newer version (layout %d, this one knows %d)", s.Version, engine.StateVersion)
	}
	return s, nil
}
