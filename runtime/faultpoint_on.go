//go:build faultpoints

package runtime

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// With the build tag faultpoints the process kills itself (SIGKILL) at a point of a commit, or of its end,
// that the environment names: RUNNER_FAULTPOINT=after-write:3 means the third time. The crash tests use it.
var fault = parseFault(os.Getenv("RUNNER_FAULTPOINT"))

type faultAt struct {
	name string
	left atomic.Int64
}

func parseFault(s string) *faultAt {
	name, times, ok := strings.Cut(s, ":")
	if !ok {
		return nil
	}
	n, err := strconv.ParseInt(times, 10, 64)
	if err != nil || n < 1 {
		return nil
	}
	f := &faultAt{name: name}
	f.left.Store(n)
	return f
}

// faultPoint kills the process when its point has come.
func faultPoint(name string) {
	if fault != nil && fault.name == name && fault.left.Add(-1) == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
}
