package script

import "syscall"

// processAttr has the system end a child when its parent dies.
func processAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
