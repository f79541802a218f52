package engine

import (
	"encoding/json"
	"time"
)

// The types of this file are what a ledger keeps: plain data, so that package store need not know
// package runtime. States are opaque to it.

// StreamKey names a stream of a connector in a ledger.
type StreamKey struct{ Connector, Stream string }

// Owner says who holds a lease.
type Owner struct {
	ID    string // random, one per process start
	Host  string
	PID   int
	Boot  string // identifies the machine's boot, so that a PID is not mistaken for a later one
	Since time.Time
}

// Lease is the right to move a stream's chains. A newer lease of the same stream has a greater
// Epoch; a commit under an older one is refused (fenced).
type Lease struct {
	Stream StreamKey
	Epoch  int64
	Owner  Owner
}

// Round is one walk over all chains of a stream. A round that is open goes on in the next run:
// its chains that are done stay done.
type Round struct {
	Number int64     // from 1; 0: the stream has never been walked
	Open   bool      // not every chain has ended
	Listed bool      // the list of its chains is whole
	Now    time.Time // `now`, pinned when the round began
	Data   json.RawMessage
}

// Chain is one chain of a round: a partition, or the whole stream when Key is "".
type Chain struct {
	Key     string // canonical JSON object of the partition's values; "" without partitions
	Ordinal int64  // order in which chains were listed
	Done    bool   // its walk has ended, as Verdict says
	Verdict string // complete incomplete truncated parked failed …, "" before the first end
	Reason  string
	State   json.RawMessage // State after the last committed page, nil before the first
	Updated time.Time
}

// Bookmark is what outlives a round: where the next walk of a chain starts. Base is the chain's key
// without its window.
type Bookmark struct {
	Base      string
	Watermark json.RawMessage // nil: none yet
	Kept      json.RawMessage // kept position, nil without
	Asked     json.RawMessage // what said which records it stands for, as the runtime keeps it; nil: not known
	Recent    json.RawMessage // keys of the records next to the watermark, so that an overlap is not delivered twice
	Updated   time.Time
}

// Mark is how far a sink's output is committed. Target names the output (a file's absolute path,
// a table), Data is the sink's own. Volatile says that a power cut may still take back some of it.
type Mark struct {
	Target   string
	Data     json.RawMessage
	Volatile bool
}

// PageEntry is the journal's row of one page.
type PageEntry struct {
	Run      string
	Chain    string // Chain.Key
	Page     int64  // index in the walk, from 0
	At       time.Time
	Position json.RawMessage // shortened and with secrets removed: for people, not for going on
	Status   int             // HTTP status
	Records  int             // as received
	New      int             // delivered
	Bytes    int64           // of the decoded body
	Millis   int64           // from the first attempt to the body's last byte
	Attempts int
	Retries  json.RawMessage // why each attempt before the last failed, nil without
	Evidence json.RawMessage // what each witness said
	Verdict  string          // code of the verdict
	Events   json.RawMessage // names of the events of this page, nil without
}

// Commit is one step of one chain, made durable in one transaction with the sinks' marks.
type Commit struct {
	Chain    Chain
	Entry    *PageEntry // nil when no page was read
	Keys     []uint64   // hashes of the keys of the records that were delivered, kept for the round; nil when not needed
	Bookmark *Bookmark  // nil when it does not move
}

// Run is one run in a ledger.
type Run struct {
	ID        string
	Connector string
	Streams   []string
	Started   time.Time
	Ended     time.Time // zero while it runs, or when it died
	Verdict   string
	Reason    string
	Report    json.RawMessage
}
