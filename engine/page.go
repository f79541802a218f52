package engine

import "encoding/json"

// PageClass is what the classes of section 4 leave of an answer when it reaches the engine.
type PageClass uint8

const (
	PageOK   PageClass = iota // a page, with or without records
	PageEnd                   // class `end`: a clean end signal, no records
	PageNone                  // 204: no records, and nothing to read a witness from
)

// Page is what the engine needs to know of an answer: counts, and the raw JSON of the declared
// witnesses (nil: absent from the answer, or not declared).
type Page struct {
	Class   PageClass
	Records int    // as received, before filter and de-duplication
	New     int    // of them, not dropped as duplicates
	Old     int    // of those that were dropped, the ones that an earlier walk delivered (an overlap with it)
	Print   uint64 // fingerprint of the records, 0 without

	Next       json.RawMessage // what `next` gave
	BadNext    string          // not "": Next is no token, and why (token.match, not a URL)
	URL        string          // address of the request, for patterns whose position is a URL
	Total      json.RawMessage
	Remaining  json.RawMessage
	TotalPages json.RawMessage
	More       json.RawMessage
	Done       json.RawMessage

	Backups []json.RawMessage // per rung of the fallback ladder: its `next`
	Hook    *HookSays         // nil: no hook, or it left the page to the YAML

	// Seen reports positions (HashPosition) of this walk that are remembered outside the State; may be
	// nil. They are forgotten when a fallback restarts the walk: its State then has a zero Trail.
	Seen func(hash uint64) bool
}

// HookSays is what a hook's next() returned.
type HookSays struct {
	Token json.RawMessage // go on here
	End   string          // with Ends: why the chain ends
	Ends  bool
	Fail  string // not "": the page contradicts itself
	Memo  json.RawMessage
}

// Request is the engine's part of the next request.
type Request struct {
	Rung   int             // 0: the value goes to the pattern's target; n: to Fallback[n-1]'s
	Value  json.RawMessage // position to send; nil: none
	Follow bool            // Value came from an answer: `only` applies, and a URL replaces the request's
	Index  int64           // of the page in its walk, from 0
	Offset int64           // records before this page, for patterns that count
	Number int64           // page number, for type page
	Limit  int64           // page size to ask for, 0: none
}
