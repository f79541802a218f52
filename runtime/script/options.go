package script

import (
	goruntime "runtime"
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
}

// NewSlots returns n slots; n < 1 means one per CPU.
func NewSlots(n int) *Slots {
	if n < 1 {
		n = goruntime.GOMAXPROCS(0)
	}
	return &Slots{free: make(chan struct{}, n), lone: make(chan struct{}, 1)}
}
