//go:build !linux

package sink

// lockFile is what the file beside a database would be called.
const lockFile = "-tables"

// tableLocks are none: nothing is kept from writing.
type tableLocks struct{}

func (*tableLocks) take(database, table string) bool { return true }

func (*tableLocks) end(database string) {}
