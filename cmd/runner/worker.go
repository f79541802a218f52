package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime/script"
)

// workerCommand is the hidden verb under which this binary runs scripts of connectors that are not
// trusted.
const workerCommand = "script-worker"

func newWorker() *cobra.Command {
	return &cobra.Command{
		Use: workerCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := script.Worker(os.Stdin, os.Stdout); err != nil {
				return &exitError{exitFailed, err}
			}
			return nil
		},
	}
}

// scriptOptions says where scripts run.
func scriptOptions(untrusted bool, log func(file string, line int, msg string)) (script.Options, error) {
	opt := script.Options{Log: log}
	if untrusted {
		self, err := os.Executable()
		if err != nil {
			return opt, &exitError{exitFailed, err}
		}
		opt.Worker = []string{self, workerCommand}
	}
	return opt, nil
}
