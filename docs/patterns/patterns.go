// Package patterns holds a sample connector for each way in which APIs page, with cases that prove
// it: what docs/patterns/*.md explains, and what `runner new --like` starts from.
package patterns

import (
	"embed"
	"io/fs"
)

// FS has a folder per pattern: connector.yaml, hook.js where it is needed, cases.
//
//go:embed */connector.yaml */hook.js */cases/*.txtar
var FS embed.FS

// Names lists the patterns.
func Names() []string {
	entries, err := fs.ReadDir(FS, ".")
	if err != nil {
		return nil // embedded: cannot be
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
