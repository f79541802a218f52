//go:build !race

package script

// rlimitFactor is how many times a call's memory a child process may have: the collector and the
// process itself need room, and the watch over the heap is exact.
const rlimitFactor = 4
