package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// defaultState is the file of --state unless it is given.
const defaultState = "runner.db"

// runFlags are those of `runner run`.
type runFlags struct {
	settings
	recording   recording
	to          string
	state       string
	report      string
	fresh       bool
	maxPages    int64
	limit       int64
	chains      int
	timeLimit   string
	commitEvery string
}

func newRun(stop <-chan struct{}) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run <connector> [stream…]",
		Short: "Drain a connector's streams, from where the last run stopped",
		Long: "run drains the streams of a connector (a file, a folder, or the name of one that ships) and writes the records.\n" +
			"It goes on where the last run stopped; the last line on stderr says how it ended and on what evidence.\n" +
			"Ctrl-C once finishes the page and keeps the place; twice stops at once.\n\n" +
			"Exit: 0 complete, 1 failed, 2 usage or invalid connector, 3 incomplete, 4 truncated, 5 parked, 130 interrupted.",
		Example: "  runner run demo\n  runner run ./github --set org=golang --to jsonl:repos-{stream}.jsonl",
		Args:    wants("a connector: a file, a folder, or a name of `runner list`", 1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd, stop, args[0], args[1:])
		},
		ValidArgsFunction: completeStreams(-1),
	}
	f.settings.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.to, "to", "jsonl:-", "`SINK` to write records to, such as jsonl:out-{stream}.jsonl; see `runner sinks`")
	fl.StringVar(&f.state, "state", defaultState, "`FILE` with checkpoints")
	fl.StringVar(&f.report, "report", "", "write a report to `FILE` as JSON")
	fl.BoolVar(&f.fresh, "fresh", false, "forget checkpoint, watermark and kept position of the streams, and begin their files anew")
	fl.Int64Var(&f.maxPages, "max-pages", 0, "stop after `N` pages of each stream, as truncated; 0: no limit")
	fl.Int64Var(&f.limit, "limit", 0, "stop after `N` records of each stream, as truncated; 0: no limit")
	fl.IntVar(&f.chains, "chains", 0, "run `N` chains side by side, whatever the connector says")
	fl.StringVar(&f.timeLimit, "time-limit", "", "end after `DURATION` (such as 10m), as truncated")
	fl.StringVar(&f.commitEvery, "commit-every", "", "share a commit among `N` pages or those of a duration (such as 1s): for slow disks; what is not committed is fetched again after a crash")
	f.recording.flags(fl)
	must(cmd.RegisterFlagCompletionFunc("to", completeSinks))
	return cmd
}

func (f *runFlags) run(ctx context.Context, cmd *cobra.Command, stop <-chan struct{}, name string, streams []string) error {
	view, err := newView(cmd.ErrOrStderr(), f.settings)
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	job, done, err := f.settings.job(name, view, stop)
	if err != nil {
		return err
	}
	defer done()
	for _, s := range streams {
		if job.Connector.Spec.Stream(s) == nil {
			return usage("%s", unknownStream(job.Connector.Spec, s))
		}
	}
	job.Streams, job.Fresh, job.MaxPages, job.MaxRecords, job.Chains = streams, f.fresh, f.maxPages, f.limit, f.chains
	if f.commitEvery != "" {
		if job.Group, err = groupOf(f.commitEvery); err != nil {
			return err
		}
	}
	if f.timeLimit != "" {
		if job.TimeLimit, err = spec.ParseDuration(f.timeLimit); err != nil {
			return usage("--time-limit %s: want a duration, such as 90s or 10m", f.timeLimit)
		}
	}
	db, closing, err := f.open(ctx, job)
	if err != nil {
		return f.failed(view, job, err)
	}
	defer closing()
	end, err := withDemo(ctx, name, job)
	if err != nil {
		return err
	}
	defer end()
	hard, cancel := grace(ctx, stop)
	defer cancel()
	defer hearOut()()
	record, err := f.recording.begin(ctx, job, view.out)
	if err != nil {
		return err
	}
	lean(job.Connector.Spec)
	view.start(f.to)
	defer view.end()
	var told string
	job.Tell = func(r *runtime.Report) {
		view.end()
		told, err = r.Verdict, record(ctx, r)
		if cerr := f.conclude(view, r); cerr != nil {
			err = cerr
		}
		end()
		_ = db.Flush(ctx) // what it cannot do now is Close's
	}
	report, broken := runtime.Run(hard, job)
	view.end()
	if broken != nil {
		return f.failed(view, job, startError(job.Redact, broken))
	}
	if report.Verdict != told { // its end could not be stored
		return f.conclude(view, report)
	}
	return err
}

// lean collects garbage at half of what Go would let lie about where pages are in flight side by side,
// unless GOGC is set: 2 MB less for 4 % of the time (`make bench`). With a hook it would cost a fifth.
func lean(c *spec.Connector) {
	ahead := func(s *spec.Stream) bool { return s.Pagination.Rules.Parallel > 1 }
	if c.Hook == nil && os.Getenv("GOGC") == "" && slices.ContainsFunc(c.Streams, ahead) {
		debug.SetGCPercent(50)
	}
}

// check refuses what cannot be meant before anything is opened.
func (f *runFlags) check() error {
	for _, n := range []struct {
		flag  string
		value int64
	}{{"max-pages", f.maxPages}, {"limit", f.limit}, {"chains", int64(f.chains)}} {
		if n.value < 0 {
			return usage("--%s %d: want a number above 0", n.flag, n.value)
		}
	}
	return checkOutput("report", f.report)
}

// open opens the ledger, the sink and the trace.
func (f *runFlags) open(ctx context.Context, job *runtime.Job) (*store.DB, func(), error) {
	out, err := sink.New(ctx, f.to, sink.Options{Ledger: sink.Resolve(f.state)}) // touches nothing: a wrong address makes no state file
	if err != nil {
		return nil, nil, usage("--to: %w", err)
	}
	if err := f.apart(out, job.Connector.Spec, job.Streams); err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, f.state, store.Options{SecretKey: os.Getenv(keyVariable)})
	if err != nil {
		return nil, nil, stateError(err)
	}
	trace, err := f.settings.openTrace(job)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	job.Ledger, job.Sink = db, out
	return db, func() {
		trace()
		db.Close()
	}, nil
}

// apart refuses files that would be written over one another.
func (f *runFlags) apart(out sink.Sink, c *spec.Connector, streams []string) error {
	taken := map[string]string{c.File: "the connector", f.config: "the file of --config"}
	if c.Hook != nil {
		taken[c.Hook.File] = "the connector's hook"
	}
	sink.Beside(taken, f.state, "the state file")
	for _, w := range []struct{ flag, path string }{{"trace", f.trace}, {"report", f.report}} {
		if w.path == "" {
			continue
		}
		for path, what := range taken {
			if path != "" && sink.Same(path, w.path) {
				return usage("--%s %s: it is %s; name another file", w.flag, w.path, what)
			}
		}
		taken[w.path] = "the file of --" + w.flag
	}
	if len(streams) == 0 {
		for _, s := range c.Streams {
			streams = append(streams, s.Name)
		}
	}
	if path, what := sink.Clash(out, streams, taken); what != "" {
		return usage("--to: %s is %s; name another output", path, what)
	}
	return nil
}

// graceTime is how long the pages in flight may take to finish after the first Ctrl-C, stuckTime how long
// a run that is stopped hard may take to end: one that takes longer waits for an output that takes nothing.
const (
	graceTime = 10 * time.Second
	stuckTime = 3 * time.Second
)

// grace is a context that ends with ctx, or some time after the run was asked to stop. Where the run has not
// ended, which the function says, soon after that, the process does.
func grace(ctx context.Context, stop <-chan struct{}) (context.Context, func()) {
	hard, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer cancel()
		select {
		case <-ended:
			return
		case <-ctx.Done():
		case <-stop:
			select {
			case <-ended:
				return
			case <-ctx.Done():
			case <-time.After(graceTime):
			}
		}
		cancel()
		select {
		case <-ended:
			return
		case <-time.After(stuckTime):
		}
		go fmt.Fprintln(os.Stderr, "runner: interrupted: the output takes nothing more; the next run goes on from the last checkpoint")
		time.Sleep(stuckTime / 30) // standard error may be what is stuck
		os.Exit(exitInterrupted)
	}()
	return hard, func() { close(ended) }
}

// failed writes the report of a run that could not begin, unless what was asked for is at fault.
func (f *runFlags) failed(view *view, job *runtime.Job, err error) error {
	var e *exitError
	if f.report == "" || !errors.As(err, &e) || e.code != exitFailed {
		return err
	}
	code := "start"
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		code = coded.ErrorCode()
	}
	r := &runtime.Report{Connector: job.Connector.Spec.Name, Verdict: runtime.Failed, Reason: code, Message: err.Error()}
	return errors.Join(err, f.writeReport(view, r))
}

// conclude writes the report and the last line, and turns the verdict into the exit code.
func (f *runFlags) conclude(view *view, r *runtime.Report) error {
	err := f.writeReport(view, r)
	view.verdict(r)
	if code := exitCode(r.Verdict); code != exitComplete {
		return &exitError{code, nil}
	}
	return err
}

// writeReport writes the report of --report; when it cannot, it says so.
func (f *runFlags) writeReport(view *view, r *runtime.Report) error {
	if f.report == "" {
		return nil
	}
	hush(view.redact, r)
	b, err := r.MarshalIndent()
	if err == nil {
		err = writeWhole(f.report, b)
	}
	if err == nil {
		return nil
	}
	fmt.Fprintf(view.out, "runner: --report %s: %s\n", f.report, because(err))
	return &exitError{exitFailed, nil}
}

// hush removes secrets from what the report quotes. Numbers stay what they are, also where a secret is
// a number.
func hush(redact *transport.Redactor, r *runtime.Report) {
	texts := []*string{&r.Message, &r.Reason}
	for _, s := range r.Streams {
		texts = append(texts, &s.Message, &s.Reason, &s.Detail)
		for i := range s.Bad {
			texts = append(texts, &s.Bad[i].Chain, &s.Bad[i].Detail)
		}
	}
	for _, t := range texts {
		*t = redact.String(*t)
	}
}

// writeWhole writes a file whole or not at all.
func writeWhole(path string, b []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, b, 0o644)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(b)
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chmod(tmp.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
	}
	return err
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// groupOf reads --commit-every: a number of pages or a duration.
func groupOf(s string) (runtime.Group, error) {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return runtime.Group{Pages: n}, nil
	}
	d, err := spec.ParseDuration(s)
	if err != nil || d <= 0 {
		return runtime.Group{}, usage("--commit-every %s: want a number of pages above 0, or a duration such as 1s", s)
	}
	return runtime.Group{Every: d}, nil
}
