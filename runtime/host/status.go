package host

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// Phase says where a run stands.
type Phase string

const (
	Queued    Phase = "queued"    // waits for its streams or for a free place
	Running   Phase = "running"   // pages are being read
	Paused    Phase = "paused"    // until it is resumed
	Sleeping  Phase = "parked"    // the API asked for a long wait: it goes on by itself at Until
	Ended     Phase = "ended"     // Verdict says how
	Cancelled Phase = "cancelled" // it was told to end; its checkpoint is kept
)

// Over reports whether a run in this phase stays in it.
func (p Phase) Over() bool { return p == Ended || p == Cancelled }

// RunStatus is a run as the API shows it.
type RunStatus struct {
	ID        string   `json:"id"`
	Job       string   `json:"job,omitempty"`
	Connector string   `json:"connector"`
	Version   string   `json:"version,omitempty"` // of the connector, that the run works with
	Streams   []string `json:"streams,omitempty"` // empty: all
	State     string   `json:"state"`             // name under which its checkpoints are kept
	Trigger   string   `json:"trigger"`           // schedule, missed, retry, api
	Phase     Phase    `json:"status"`

	Created time.Time `json:"created"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Until   time.Time `json:"until,omitzero"` // parked: when it goes on

	Slices  int   `json:"slices"` // times that it was taken up: 1, and 1 more for each pause, park and restart
	Pages   int64 `json:"pages"`
	Records int64 `json:"records"`
	Bytes   int64 `json:"bytes"`
	Retries int64 `json:"retries"`

	Verdict  string          `json:"verdict,omitempty"`
	Attested string          `json:"attested,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	Message  string          `json:"message,omitempty"`
	Report   json.RawMessage `json:"report,omitempty"` // of the last slice, as `runner run --report` writes it; its counts are the whole run's
}

// Plan is what a run is to do. It may hold secrets that a caller has sent.
type Plan struct {
	Job       string   `json:"job,omitempty"`
	Connector string   `json:"connector"`
	Streams   []string `json:"streams,omitempty"`
	Config    Values   `json:"config,omitempty"`
	To        string   `json:"to"`
	State     string   `json:"state"`
	Trigger   string   `json:"trigger"`
	Fresh     bool     `json:"fresh,omitempty"` // until it has begun
	// Rounds are the rounds of the streams that the run works on, once it has begun: a slice after this
	// one leaves out the streams whose round has been closed since.
	Rounds    map[string]int64 `json:"rounds,omitempty"`
	MaxPages  int64            `json:"max_pages,omitempty"`
	Limit     int64            `json:"limit,omitempty"`
	Chains    int              `json:"chains,omitempty"`
	TimeLimit time.Duration    `json:"time_limit,omitempty"`
}

// plan is a run of the job.
func (j *Job) plan(trigger string) Plan {
	return Plan{Job: j.Name, Connector: j.Connector, Streams: j.Streams, Config: j.Config, To: j.To, State: j.State, Trigger: trigger,
		MaxPages: j.MaxPages, Limit: j.Limit, Chains: j.Chains, TimeLimit: j.TimeLimit}
}

// ranks orders verdicts from best to worst.
var ranks = []string{"", runtime.Complete, runtime.Truncated, runtime.Parked, runtime.Incomplete, runtime.Failed, runtime.Interrupted}

// worse returns the worse of two verdicts.
func worse(a, b string) string {
	if slices.Index(ranks, b) > slices.Index(ranks, a) {
		return b
	}
	return a
}
