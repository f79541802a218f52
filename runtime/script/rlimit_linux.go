package script

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"syscall"
)

// rlimit bounds the memory of a child process, so that one step of native code that asks for all of
// the machine's memory ends the child and nothing else.
type rlimit struct {
	base  uint64 // data of the process before the first call
	slack uint64
	now   uint64
}

func newRlimit(memory int64) *rlimit {
	r := &rlimit{base: dataSize(), slack: uint64(memory)*rlimitFactor + 256<<20}
	r.set(r.slack)
	debug.SetMemoryLimit(int64(r.slack) / 2)
	return r
}

// allow makes room for a job of that many bytes.
func (r *rlimit) allow(size int) {
	want := r.slack + 4*uint64(size)
	if want > r.now {
		r.set(want)
		debug.SetMemoryLimit(int64(want) / 2)
	}
}

func (r *rlimit) set(above uint64) {
	r.now = above
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_DATA, &lim) != nil {
		return
	}
	lim.Cur = min(r.base+above, lim.Max)
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &lim)
}

// dataSize is the process's data and stack in bytes, as RLIMIT_DATA counts them (proc(5), statm).
func dataSize() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 1 << 30
	}
	fields := bytes.Fields(text)
	if len(fields) < 6 {
		return 1 << 30
	}
	pages, _ := strconv.ParseUint(string(fields[5]), 10, 64)
	return pages * uint64(os.Getpagesize())
}
