package runtime

import (
	"encoding/json"

	"github.com/lastpage/lastpage/engine"
)

// Verdicts of a run, a stream and a chain, from best to worst.
const (
	Complete    = "complete"
	Truncated   = "truncated"
	Incomplete  = "incomplete"
	Parked      = "parked"
	Failed      = "failed"
	Interrupted = "interrupted"
)

// rank orders verdicts: the run's is the worst of its chains'. An interruption outranks the rest,
// because nothing can be said of what was not read.
var rank = map[string]int{"": 0, Complete: 1, Truncated: 2, Parked: 3, Incomplete: 4, Failed: 5, Interrupted: 6}

// worse returns the worse of two verdicts.
func worse(a, b string) string {
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// Report says how a run ended, and on what evidence (format, section 11).
type Report struct {
	Connector string             `json:"connector"`
	Verdict   string             `json:"verdict"`
	Attested  engine.Attestation `json:"attested"`
	Reason    string             `json:"reason"`
	Streams   Streams            `json:"streams"`

	Run     string `json:"run,omitempty"`
	Until   string `json:"until,omitempty"`   // parked: when to come back, RFC 3339
	Message string `json:"message,omitempty"` // one sentence for people
	Err     error  `json:"-"`                 // the first error of the worst chain
}

// StreamReport is one stream's part of a Report. Records are counted as delivered, Received as they
// came from the API; Total is what the API says the whole count is.
type StreamReport struct {
	Name       string             `json:"-"`
	Verdict    string             `json:"verdict"`
	Attested   engine.Attestation `json:"attested"`
	Reason     string             `json:"reason"`
	Detail     string             `json:"detail,omitempty"`
	Pages      int64              `json:"pages"`
	Records    int64              `json:"records"`
	Received   int64              `json:"received"`
	Duplicates int64              `json:"duplicates"`
	Requests   int64              `json:"requests"`
	Retries    int64              `json:"retries"`
	Recoveries int64              `json:"recoveries"`
	Total      *int64             `json:"total"`
	Chains     int64              `json:"chains"`
	Bytes      int64              `json:"bytes"`
	Seconds    float64            `json:"seconds"`
	Events     map[string]int64   `json:"events"`
	Until      string             `json:"until,omitempty"`
	Message    string             `json:"message,omitempty"`    // one sentence for people
	Bad        []ChainReport      `json:"bad_chains,omitempty"` // the chains that did not end complete, at most 20
	Err        error              `json:"-"`

	before  bool   // an earlier run saw the end of every chain
	crossed int64  // of Duplicates: records that stand in two windows
	met     int64  // of Received: records that an earlier run had delivered
	ladder  bool   // a fallback is declared
	instead string // what to try where the caller could not climb it

	above *StreamReport // of a parent that is in no report, by which this one did not end complete
}

// ChainReport names a chain that did not end complete.
type ChainReport struct {
	Chain   string `json:"chain"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// MarshalIndent is the report as `--report` writes it.
func (r *Report) MarshalIndent() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
}

// fails notes that the run could not be finished, unless it has failed of something else before.
func (r *Report) fails(err *Error) {
	if r.Verdict != Failed {
		r.Verdict, r.Reason, r.Attested, r.Until, r.Err = Failed, err.Code, "", "", err
		r.Message = Failed + ": " + err.Error() + "; the next run goes on from what is safe"
	}
}

// Streams keeps the order in which the streams were run.
type Streams []*StreamReport

// MarshalJSON writes an object by stream name, in order.
func (s Streams) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		k, _ := json.Marshal(r.Name)
		v, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, k...), ':'), v...)
	}
	return append(b, '}'), nil
}

// Of returns the report of the named stream, or nil.
func (s Streams) Of(name string) *StreamReport {
	for _, r := range s {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// conclude sums up the streams: the worst verdict, the weakest attestation.
func (r *Report) conclude() {
	r.Verdict, r.Attested, r.Reason, r.Until, r.Err = Complete, "", "", "", nil
	for _, s := range r.Streams {
		if worst := worse(r.Verdict, s.Verdict); worst != r.Verdict {
			r.Verdict, r.Reason, r.Err = worst, s.Reason, s.Err
		}
		if s.Verdict == Parked && (r.Until == "" || s.Until > r.Until) {
			r.Until = s.Until
		}
		r.Attested = r.Attested.Worse(s.Attested)
	}
	if r.Verdict != Complete {
		r.Attested = ""
	}
	if r.Verdict != Parked {
		r.Until = ""
	}
}
