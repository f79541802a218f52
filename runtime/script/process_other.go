//go:build !linux

package script

import "syscall"

// processAttr asks for nothing: a child ends when its standard input does.
func processAttr() *syscall.SysProcAttr { return nil }
