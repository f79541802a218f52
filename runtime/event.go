package runtime

import "time"

// Event is everything that can be observed of a run; progress, logs, metrics and the journal are
// renderings of it. It carries no secret.
type Event struct {
	At        time.Time
	Kind      EventKind
	Run       string
	Connector string
	Stream    string
	Chain     string // canonical JSON of the partition, "" without partitions

	Page    *PageEvent    // with EventPage
	Name    string        // with EventNotice: next_token_missing, flag_disagrees, …
	Detail  string        // with EventNotice, EventWait, EventRetry, EventChainEnd: one clause
	Until   time.Time     // with EventWait
	Verdict string        // with EventChainEnd, EventStreamEnd, EventRunEnd
	Reason  string        // likewise
	Wait    time.Duration // with EventRetry: before the next attempt
}

// EventKind is the kind of an Event.
type EventKind string

const (
	EventRunStart   EventKind = "run_start"
	EventChainStart EventKind = "chain_start"
	EventPage       EventKind = "page"   // a page is committed
	EventNotice     EventKind = "notice" // something worth counting was noticed
	EventRetry      EventKind = "retry"  // an attempt failed and is repeated
	EventWait       EventKind = "wait"   // the chain waits until Until
	EventChainEnd   EventKind = "chain_end"
	EventStreamEnd  EventKind = "stream_end"
	EventRunEnd     EventKind = "run_end"
	EventConsole    EventKind = "console" // console.log of a hook
)

// PageEvent says what a committed page brought.
type PageEvent struct {
	Index    int64 // in the walk, from 0
	Records  int   // as received
	New      int   // delivered
	Bytes    int64 // of the decoded body
	Took     time.Duration
	Attempts int
	Received int64 // in the walk so far, as received
	Total    int64 // what the API says the whole count is; -1 unknown
	Verdict  string
}

// Names of the events that the runtime notices, beside those of package engine.
const (
	NoticeClockSkew      = "clock_skew"
	NoticeOrderViolated  = "order_violated"
	NoticeDetailsMissing = "details_missing"
	NoticeParentGone     = "parent_gone"          // a parent's record of an earlier run is not there any more
	NoticePartitionGone  = "partition_gone"       // the values of a chain are in no list any more
	NoticeParentField    = "parent_field_missing" // a parent's record lacks a field that is taken
	NoticeTokenDropped   = "position_not_reused"  // the connector changed: the walk begins anew
	NoticeMarkDropped    = "watermark_not_reused" // the configuration asks for other records: the walk begins anew
	NoticeWindowSplit    = "window_split"
	NoticeSkipped        = "skipped"
	NoticeSessionLost    = "session_expired"
	NoticePoisoned       = "poison_checkpoint"
	NoticeKeepMissing    = "keep_missing" // no page held what the next run is to start from
)
