//go:build !linux

package script

import "runtime/debug"

// rlimit is a hint to the collector where the system cannot bound a process's data; the child's own
// watch over its heap is what ends it.
type rlimit struct{ slack int64 }

func newRlimit(memory int64) *rlimit {
	r := &rlimit{slack: 4*memory + 256<<20}
	debug.SetMemoryLimit(r.slack / 2)
	return r
}

func (r *rlimit) allow(size int) { debug.SetMemoryLimit((r.slack + 4*int64(size)) / 2) }
