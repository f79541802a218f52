package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime/script"
)

func newValidate() *cobra.Command {
	return &cobra.Command{
		Use:   "validate <path>…",
		Short: "Check connector files: every problem, with file, line and column",
		Args:  wants("a connector file or folder", 1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := false
			for _, arg := range args {
				for _, path := range connectorsIn(arg) {
					c, err := lookUp(path, script.Options{})
					if hint := inFolder(path); hint != "" && errors.Is(err, fs.ErrNotExist) {
						err = errors.New(hint)
					} else if errors.Is(err, fs.ErrNotExist) {
						err = fmt.Errorf("%s: no such file or folder", path)
					}
					if err != nil {
						bad = true
						fmt.Fprintln(cmd.ErrOrStderr(), err)
						continue
					}
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: ok: connector %s, %d streams\n", c.Spec.File, c.Spec.Name, len(c.Spec.Streams))
					c.Close()
				}
			}
			if bad {
				return &exitError{exitUsage, nil}
			}
			return nil
		},
	}
}

// connectorsIn gives the connectors that a path means: itself, or those of a folder of folders.
func connectorsIn(path string) []string {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path}
	}
	if _, err := os.Stat(filepath.Join(path, "connector.yaml")); err == nil {
		return []string{path}
	}
	found, err := filepath.Glob(filepath.Join(path, "*", "connector.yaml"))
	if err != nil || len(found) == 0 {
		return []string{path}
	}
	return found
}
