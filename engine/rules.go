package engine

import "encoding/json"

// Type is the pattern of a pagination (format, section 6).
type Type string

const (
	None        Type = "none"
	Offset      Type = "offset"
	PageNumber  Type = "page"
	Cursor      Type = "cursor"
	Link        Type = "link"
	SearchAfter Type = "search_after"
	Timestamp   Type = "timestamp"
	HookType    Type = "hook"
)

// Types lists every Type, in the order of the format.
var Types = []Type{None, Offset, PageNumber, Cursor, Link, SearchAfter, Timestamp, HookType}

// CountKind says how far a total may be trusted.
type CountKind string

const (
	Exact    CountKind = "exact"
	AtLeast  CountKind = "at_least"
	Estimate CountKind = "estimate"
)

// FallbackKind is the kind of one rung of the fallback ladder.
type FallbackKind string

const (
	FallbackOffset      FallbackKind = "offset"
	FallbackSearchAfter FallbackKind = "search_after"
	FallbackTimestamp   FallbackKind = "timestamp"
	FallbackToken       FallbackKind = "token"
	FallbackRestart     FallbackKind = "restart"
)

// Rules is what a stream's `pagination` says about going on and ending, without the references
// and targets, which package runtime evaluates.
type Rules struct {
	Type  Type            `json:"type"`
	Start json.RawMessage `json:"start,omitempty"` // first position; nil for the type's own
	First string          `json:"first,omitempty"` // send omit, "" for the default: send when there is one

	Limit     int64 `json:"limit,omitempty"` // page size asked for, 0 when none is
	LimitMin  int64 `json:"limit_min,omitempty"`
	LimitMax  int64 `json:"limit_max,omitempty"`
	StepLimit bool  `json:"step_limit,omitempty"` // step: limit

	Decides   Decider           `json:"decides,omitempty"` // "" for the type's own
	EndValues []json.RawMessage `json:"end_values,omitempty"`
	Repeat    string            `json:"repeat,omitempty"` // fail (default) end allow

	HasNext       bool      `json:"has_next,omitempty"` // witnesses that are declared
	HasTotal      bool      `json:"has_total,omitempty"`
	TotalKind     CountKind `json:"total_kind,omitempty"`
	HasRemaining  bool      `json:"has_remaining,omitempty"`
	HasTotalPages bool      `json:"has_total_pages,omitempty"`
	HasMore       bool      `json:"has_more,omitempty"`
	HasDone       bool      `json:"has_done,omitempty"`
	ShortPage     bool      `json:"short_page,omitempty"`
	HasKey        bool      `json:"has_key,omitempty"` // records.key is declared

	Fallback      []FallbackKind `json:"fallback,omitempty"`
	MaxRecoveries int            `json:"max_recoveries,omitempty"` // 0: 5; negative: none
	EmptyPages    int            `json:"empty_pages,omitempty"`    // default 10
	Parallel      int            `json:"parallel,omitempty"`       // 0 or 1: one page at a time
	Cap           int64          `json:"cap,omitempty"`            // 0 without
	Probe         bool           `json:"probe,omitempty"`          // on_end.unconfirmed: probe
}

// Decider is the witness that decides whether the chain goes on.
type Decider string

const (
	ByToken      Decider = "token"
	ByMore       Decider = "more"
	ByDone       Decider = "done"
	ByTotal      Decider = "total"
	ByTotalPages Decider = "total_pages"
	ByPage       Decider = "page"
	ByHook       Decider = "hook"
)

// Deciders lists every Decider, in the order of the format.
var Deciders = []Decider{ByToken, ByMore, ByDone, ByTotal, ByTotalPages, ByPage, ByHook}
