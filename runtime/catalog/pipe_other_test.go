//go:build !unix

package catalog_test

import "os"

// pipe makes a folder where there are no named pipes.
func pipe(path string) error { return os.Mkdir(path, 0o755) }
