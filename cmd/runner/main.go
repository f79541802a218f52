// Command runner drains paginated APIs to their last record, and says how it knows.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/script"
)

// Exit codes (format, section 11).
const (
	exitComplete    = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3
	exitTruncated   = 4
	exitParked      = 5
	exitInterrupted = 130
)

// exitError ends the command with a code. A message that is "" has been told already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() { os.Exit(run(os.Args[1:])) }

// run executes the command and returns its exit code.
func run(args []string) int {
	outlast()
	stop, ctx, cancel := signals()
	defer cancel()
	root := newRoot(stop)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitComplete
	}
	var e *exitError
	if !errors.As(err, &e) { // cobra's own: flags that exclude each other
		fmt.Fprintf(os.Stderr, "runner: %s; try `%s --help`\n", oneLine(err.Error()), cmd.CommandPath())
		return exitUsage
	}
	var file spec.Errors
	var scripts script.Errors
	switch msg := e.Error(); {
	case msg == "":
	case errors.As(err, &file), errors.As(err, &scripts): // each line begins with its place
		fmt.Fprintln(os.Stderr, msg)
	default:
		fmt.Fprintln(os.Stderr, "runner:", msg)
	}
	return e.code
}

// signals gives a channel that the first Ctrl-C or SIGTERM closes, and a context that the second
// cancels.
func signals() (<-chan struct{}, context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := make(chan struct{})
	in := make(chan os.Signal, 2)
	signal.Notify(in, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-in:
			close(stop)
		case <-ctx.Done():
			return
		}
		select {
		case <-in:
			cancel()
		case <-ctx.Done():
		}
	}()
	return stop, ctx, func() {
		signal.Stop(in)
		cancel()
	}
}

func newRoot(stop <-chan struct{}) *cobra.Command {
	root := &cobra.Command{
		Use:           "runner",
		Short:         "Drain paginated APIs to their last record, and prove it",
		Long:          "runner reads a connector file that says how an API pages, fetches every page, writes the records,\nand says how the run ended: complete, incomplete, truncated, parked or failed, with the evidence.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		Args:          cobra.ArbitraryArgs,
	}
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, c := range cmd.Commands() {
			if !c.Hidden {
				names = append(names, c.Name())
			}
		}
		if near := spec.Nearest(args[0], names); near != "" {
			return usage("there is no command %s; did you mean %s?", args[0], near)
		}
		return usage("there is no command %s; it is one of %s", args[0], strings.Join(names, ", "))
	}
	root.SetFlagErrorFunc(flagError)
	root.SetVersionTemplate("runner {{.Version}}\n")
	root.AddCommand(newRun(stop), newStep(stop), newValidate(), newState(), newWhy(), newList(), newTest(), newShow(), newNew(), newPlan(), newSinks(), newDemo(stop), newServe(stop), newVersion(), newWorker())
	return root
}
