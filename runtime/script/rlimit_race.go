//go:build race

package script

// rlimitFactor is how many times a call's memory a child process may have: the race detector keeps
// several bytes beside each.
const rlimitFactor = 40
