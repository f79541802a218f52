package host

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// Job is one entry of a jobs file: what to run, where to and when.
type Job struct {
	Name      string
	Pos       spec.Pos
	Connector string
	Streams   []string // empty: all
	Config    Values
	To        string // a sink's URI
	State     string // name under which checkpoints are kept; the connector's unless it is given
	Schedule  *Schedule
	Enabled   bool

	SkipIfRunning bool          // a due run is left out while one of the job is under way; else it waits its turn
	Jitter        time.Duration // up to so much later, at random
	TimeLimit     time.Duration // of a run, 0: none
	MaxPages      int64         // per stream and run, 0: no limit
	Limit         int64         // records per stream and run, 0: no limit
	Chains        int           // overrides chains.concurrency when above 0

	On map[string]Reaction // by verdict
}

// Reaction is what happens when a run of a job ends with a verdict.
type Reaction struct {
	RetryAfter time.Duration // 0: not before the next due time
	Retries    int           // in a row, at most
	Webhook    Value         // is sent the run as JSON
}

// defaultRetries is how often a job is tried again in a row unless it says otherwise.
const defaultRetries = 3

// Value is a config value: JSON, or where its text is read when a run begins.
type Value struct {
	JSON json.RawMessage `json:"json,omitempty"`
	Env  string          `json:"env,omitempty"`  // an environment variable
	File string          `json:"file,omitempty"` // a file; one line end at its end is not part of it
}

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v.JSON == nil && v.Env == "" && v.File == "" }

// Values are config values by name.
type Values map[string]Value

// sortedNames are the names of values, in order.
func sortedNames(v Values) []string { return slices.Sorted(maps.Keys(v)) }
