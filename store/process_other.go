//go:build !linux

package store

import (
	"errors"
	"os"
	"syscall"
)

func bootID() string { return "" }

func pidNamespace() string { return "" }

// processStart cannot tell here when a process began, only whether it is there.
func processStart(pid int) (start string, known bool) {
	p, err := os.FindProcess(pid)
	if err != nil {
		return "", true
	}
	if err := p.Signal(syscall.Signal(0)); err != nil && errors.Is(err, os.ErrProcessDone) {
		return "", true
	}
	return "running", true
}
