package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

// stepFlags are those of `runner step`.
type stepFlags struct {
	settings
	position  string
	partition string
	limit     int64
	state     string
}

func newStep(stop <-chan struct{}) *cobra.Command {
	var f stepFlags
	cmd := &cobra.Command{
		Use:   "step <connector> [stream]",
		Short: "Read one page, given its position, and print where the next one is",
		Long: "step reads one page without any state file and prints one line of JSON: {\"records\":[…],\"next\":…}.\n" +
			"`next` is the position of the next page and is left out at the end; hand it back with --position as it is.\n" +
			"The page's verdict goes to stderr. The stream may be left out where the connector has one.\n\n" +
			"Exit: 0 the page left no doubt, otherwise as `runner run`.",
		Example: "  runner step demo cursor\n  runner step demo offset --position 500",
		Args:    wants("a connector, and a stream where it has several", 1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd, stop, args)
		},
		ValidArgsFunction: completeStreams(1),
	}
	f.settings.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.position, "position", "", "`JSON` of the page's position: `next` of the page before, a token, an offset, a URL; null or left out: the first page")
	fl.StringVar(&f.partition, "partition", "", "`JSON` object that names the chain, for streams with partitions")
	fl.Int64Var(&f.limit, "limit", 0, "hand over at most `N` records; `next` then goes on inside the page")
	fl.StringVar(&f.state, "state", "", "`FILE` that keeps credentials which the API rotates; nothing else is read or written")
	return cmd
}

func (f *stepFlags) run(ctx context.Context, cmd *cobra.Command, stop <-chan struct{}, args []string) error {
	view, err := newView(cmd.ErrOrStderr(), f.settings)
	if err != nil {
		return err
	}
	job, done, err := f.settings.job(args[0], view, stop)
	if err != nil {
		return err
	}
	defer done()
	at := runtime.StepAt{}
	if at.Stream, err = oneStream(job.Connector.Spec, args[1:]); err != nil {
		return err
	}
	if cmd.Flags().Changed("position") {
		if at.Position, err = jsonFlag("position", f.position); err != nil {
			return err
		}
	}
	if cmd.Flags().Changed("partition") {
		if at.Partition, err = jsonFlag("partition", f.partition); err != nil {
			return err
		}
	}
	if f.limit < 0 {
		return usage("--limit takes a number above 0")
	}
	job.MaxRecords = f.limit
	closing, err := f.open(ctx, job)
	if err != nil {
		return err
	}
	defer closing()
	end, err := withDemo(ctx, args[0], job)
	if err != nil {
		return err
	}
	defer end()
	hard, cancel := grace(ctx, stop)
	defer cancel()
	r, err := runtime.Step(hard, job, at)
	view.end()
	if err != nil {
		return startError(job.Redact, err)
	}
	if r.Fetched || r.Verdict == runtime.Complete {
		if err := printStep(cmd.OutOrStdout(), r); err != nil {
			return &exitError{exitFailed, err}
		}
	}
	if r.Forgot {
		view.log.Warn("the API has rotated the refresh token and it is not kept: give --state FILE")
	}
	view.say(r.Message, "verdict", r.Verdict, "attested", string(r.Attested), "reason", r.Reason)
	if code := exitCode(r.Verdict); code != exitComplete {
		return &exitError{code, nil}
	}
	return nil
}

// open opens the trace, and the file that keeps credentials.
func (f *stepFlags) open(ctx context.Context, job *runtime.Job) (func(), error) {
	har, err := f.settings.openTrace(job)
	if err != nil {
		return nil, err
	}
	if f.state == "" {
		return har, nil
	}
	db, err := store.Open(ctx, f.state, store.Options{SecretKey: os.Getenv(keyVariable)})
	if err != nil {
		har()
		return nil, stateError(err)
	}
	job.Ledger = db
	return func() {
		har()
		db.Close()
	}, nil
}

// printStep writes the page as one line of JSON; records and position are the bytes that came.
func printStep(out io.Writer, r *runtime.StepResult) error {
	w := bufio.NewWriterSize(out, 64<<10)
	w.WriteString(`{"records":[`)
	for i, rec := range r.Records {
		if i > 0 {
			w.WriteByte(',')
		}
		w.Write(rec)
	}
	w.WriteByte(']')
	if r.Next != nil {
		w.WriteString(`,"next":`)
		w.Write(r.Next)
	}
	w.WriteString("}\n")
	return w.Flush()
}

// jsonFlag reads a flag whose value is JSON.
func jsonFlag(name, value string) (json.RawMessage, error) {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value), nil
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return nil, usage("--%s %s: this is not JSON; a text is written with its quotes: --%s '%s'", name, value, name, quoted)
}
