package script

import (
	goruntime "runtime"
	"sync/atomic"
	"time"
)

// Limits bounds one call. A field that is zero has its default.
type Limits struct {
	Time   time.Duration // default 1s, from the moment that the call has its slot
	Depth  int           // of calls, default 256
	Memory int64         // bytes that the call may keep alive, default 64 MB
}

func (l Limits) filled() Limits {
	if l.Time <= 0 {
		l.Time = time.Second
	}
	if l.Depth <= 0 {
		l.Depth = 256
	}
	if l.Memory <= 0 {
		l.Memory = 64 << 20
	}
	return l
}

// Options says how a Program runs. The zero value runs in the process with the limits of the format.
type Options struct {
	Limits Limits
	// Log takes what console.log prints; nil drops it. It may be called by several goroutines.
	Log func(file string, line int, msg string)
	// Roles maps a role of Functions to the hook's function that plays it, where the YAML renames it.
	// No function is taken for a misspelling of a role that is renamed.
	Roles map[string]string
	// Slots bounds how many calls of all Programs that share it run at once; nil: one per CPU, for
	// this Program alone.
	Slots *Slots
	// Worker is the command line of the child process that calls are made in (see Worker); empty: calls
	// are made in this process.
	Worker []string
}

// Slots bounds calls to what the machine can run at once, so that the run time of a call is its own
// and not the time it waited for a CPU.
type Slots struct {
	free chan struct{}
	lone chan struct{} // held by the one that takes every slot

	waiting  atomic.Int64
	children atomic.Int64
	spent    []spent // by function: expressions, then Functions, then others
}

// spent is what calls of one function have come to.
type spent struct{ calls, nanos atomic.Int64 }

// SlotStats is how slots are used at one moment, and what calls they have seen.
type SlotStats struct {
	Slots    int // calls that may run at once
	Busy     int // that run
	Waiting  int // that wait for a slot
	Children int // child processes that are alive
	Calls    []FunctionStats
}

// FunctionStats are the calls of one function that have ended, one for each record where it is called
// for records.
type FunctionStats struct {
	Function string // of Functions, "expression" or "other": renamed by the connector
	Calls    int64
	Time     time.Duration // that they ran, their wait for a slot left out
}

// NewSlots returns n slots; n < 1 means one per CPU.
func NewSlots(n int) *Slots {
	if n < 1 {
		n = goruntime.GOMAXPROCS(0)
	}
	return &Slots{free: make(chan struct{}, n), lone: make(chan struct{}, 1), spent: make([]spent, len(Functions)+2)}
}

// Stats says how the slots are used now.
func (s *Slots) Stats() SlotStats {
	out := SlotStats{Slots: cap(s.free), Busy: len(s.free), Waiting: int(s.waiting.Load()), Children: int(s.children.Load())}
	for i := range s.spent {
		name := "other"
		switch {
		case i == 0:
			name = "expression"
		case i <= len(Functions):
			name = Functions[i-1].Name
		}
		n := &s.spent[i]
		out.Calls = append(out.Calls, FunctionStats{name, n.calls.Load(), time.Duration(n.nanos.Load())})
	}
	return out
}

// count notes a job that began then and has ended.
func (s *Slots) count(j *job, began time.Time) {
	i := 0
	if j.function != "" {
		for i = 1; i <= len(Functions) && Functions[i-1].Name != j.function; i++ {
		}
	}
	n := int64(1)
	if j.each {
		n = int64(len(j.records))
	}
	s.spent[i].calls.Add(n)
	s.spent[i].nanos.Add(int64(time.Since(began)))
}
