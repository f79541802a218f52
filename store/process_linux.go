package store

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// bootID identifies the machine's boot.
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

// pidNamespace names the name space in which this process's process numbers mean something.
func pidNamespace() string {
	s, _ := os.Readlink("/proc/self/ns/pid")
	return s
}

// processStart says when the process began, in the system's ticks since boot; "" when it does not
// exist or is a zombie. known is false when that cannot be told.
func processStart(pid int) (start string, known bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat("/proc/self/stat")
		return "", err == nil
	}
	if err != nil {
		return "", false
	}
	// proc(5): the name, field 2, is in parentheses and may hold anything; state is field 3, the
	// start field 22.
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return "", false
	}
	if f[0] == "Z" || f[0] == "X" {
		return "", true
	}
	return f[19], true
}
