package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
)

// exitCode is the code of a verdict (format, section 11).
func exitCode(verdict string) int {
	switch verdict {
	case runtime.Complete:
		return exitComplete
	case runtime.Incomplete:
		return exitIncomplete
	case runtime.Truncated:
		return exitTruncated
	case runtime.Parked:
		return exitParked
	case runtime.Interrupted:
		return exitInterrupted
	}
	return exitFailed
}

// startError is why a run did not begin.
func startError(redact *transport.Redactor, err error) error {
	var held *engine.HeldError
	var config *runtime.ConfigError
	var invalid spec.Errors
	var one *spec.Error
	var scripts script.Errors
	var argument *runtime.ArgumentError
	msg := errors.New(redact.String(err.Error()))
	switch {
	case errors.As(err, &held):
		return &exitError{exitUsage, heldMessage(held)}
	case errors.As(err, &argument):
		return usage("--%w", msg)
	case errors.As(err, &config), errors.As(err, &invalid), errors.As(err, &one), errors.As(err, &scripts):
		return &exitError{exitUsage, msg}
	}
	return &exitError{exitFailed, msg}
}

func heldMessage(held *engine.HeldError) error {
	return fmt.Errorf("%w; wait for it to end, or stop it", held)
}

// plain says what went wrong with a file in one clause: its name and why.
func plain(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err
	}
	why := path.Err.Error()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		why = "no permission"
	case errors.Is(err, syscall.EISDIR):
		why = "it is a folder"
	case errors.Is(err, syscall.ENOTDIR):
		why = "a part of its path is no folder"
	case errors.Is(err, syscall.EROFS):
		why = "it lies on a read-only file system"
	case errors.Is(err, syscall.ENOSPC):
		why = "the disk is full"
	}
	return fmt.Errorf("%s: %s", path.Path, why)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// exists reports whether something stands at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
