package engine

import (
	"encoding/json"
	"fmt"
)

// StateVersion is the layout of State that this engine writes.
const StateVersion = 1

// State is where a chain stands after its last page: everything that the next step needs, a few
// kilobytes of JSON, no secret and no configuration. The zero State asks for the first page.
type State struct {
	Version  int             `json:"v,omitempty"`
	Pages    int64           `json:"pages,omitempty"`  // pages read in this walk
	Reread   int64           `json:"reread,omitempty"` // of them, those that are no further page of the list: asked for again, refused, or brought nothing by a fallback; negative where a fallback's page held several
	Position json.RawMessage `json:"at,omitempty"`     // position of the page to ask for; nil: the first page

	Origin json.RawMessage `json:"origin,omitempty"` // position the walk began at: a kept one; nil: the first page

	// The ladder of fallbacks.
	Ladder     int               `json:"ladder,omitempty"`     // rung tried last, 0 before the first and after a new record
	Rung       int               `json:"rung,omitempty"`       // 0: Position is the pattern's own; n: it is Fallback[n-1]'s
	Recoveries int               `json:"recoveries,omitempty"` // fallbacks since the last new record
	Recovered  int64             `json:"recovered,omitempty"`  // fallbacks in this walk
	Backups    []json.RawMessage `json:"backups,omitempty"`    // per rung: where it would go on

	// Counts, in records.
	Received   int64 `json:"received,omitempty"`   // as received
	Duplicates int64 `json:"duplicates,omitempty"` // of them, dropped by key because this walk had delivered them
	Overlap    int64 `json:"overlap,omitempty"`    // duplicates that a fallback, a probe, a page that came twice or an inclusive time brought: they do not count towards a total

	// What the witnesses said last.
	Total      *int64 `json:"total,omitempty"`
	TotalFell  bool   `json:"total_fell,omitempty"` // a total became smaller during the walk: its "reached" proves nothing
	TotalPages *int64 `json:"total_pages,omitempty"`
	PagesFell  bool   `json:"pages_fell,omitempty"` // total_pages became smaller during the walk

	// Guards.
	Empty   int             `json:"empty,omitempty"`   // empty pages in a row
	Void    json.RawMessage `json:"void,omitempty"`    // patterns that count: position of the first of them
	Gaps    Gaps            `json:"gaps,omitzero"`     // empty pages in mid-walk
	Stale   int             `json:"stale,omitempty"`   // pages in a row that brought the same records as the one before
	Barren  int64           `json:"barren,omitempty"`  // pages in a row whose records this walk had all delivered before
	Print   uint64          `json:"print,omitempty"`   // fingerprint of the last page with records
	Largest int             `json:"largest,omitempty"` // most records that a page has brought
	Trail   Trail           `json:"trail,omitzero"`    // positions seen
	Twin    json.RawMessage `json:"twin,omitempty"`    // position whose page was refused as a repetition; Position, or the one behind it when a later run looks there
	Probe   bool            `json:"probe,omitempty"`   // the end has been seen; the page asked for now confirms it
	Again   bool            `json:"again,omitempty"`   // the page at Position has been delivered and is asked for once more

	Memo json.RawMessage `json:"memo,omitempty"` // the hook's own
}

// Rested is s as a later run takes it up: with a ladder and guards that begin anew.
func (s State) Rested() State {
	s.Ladder, s.Recoveries, s.Empty, s.Stale, s.Barren = 0, 0, 0, 0, 0
	return s
}

// Count is the running count that a total is compared with: records as received, less those that were
// asked for a second time.
func (s State) Count() int64 { return s.Received - s.Overlap }

// StartAt returns the State of a walk that begins at a kept position.
func StartAt(position json.RawMessage) State {
	return State{Version: StateVersion, Position: position, Origin: position}
}

// ParseState reads a State that MarshalJSON of this or an older engine wrote.
func ParseState(b []byte) (State, error) {
	var s State
	if len(b) == 0 {
		return s, nil
	}
	var layout struct {
		Version int `json:"v"`
	}
	if err := json.Unmarshal(b, &layout); err != nil {
		return State{}, fmt.Errorf("state: %w", err)
	}
	if layout.Version > StateVersion {
		return State{}, fmt.Errorf("state: written by a newer version (layout %d, this one knows %d)", layout.Version, StateVersion)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return State{}, fmt.Errorf("state: %w", err)
	}
	if name := s.negative(); name != "" {
		return State{}, fmt.Errorf("state: %s is negative", name)
	}
	return s, nil
}

// negative names a count below zero, "" when there is none.
func (s *State) negative() string {
	for _, c := range [...]struct {
		name string
		n    int64
	}{
		{"v", int64(s.Version)}, {"pages", s.Pages}, {"ladder", int64(s.Ladder)}, {"rung", int64(s.Rung)},
		{"recoveries", int64(s.Recoveries)}, {"recovered", s.Recovered}, {"received", s.Received},
		{"duplicates", s.Duplicates}, {"overlap", s.Overlap}, {"empty", int64(s.Empty)}, {"stale", int64(s.Stale)}, {"barren", s.Barren},
	} {
		if c.n < 0 {
			return c.name
		}
	}
	return ""
}
