package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// settings are the flags that every command shares which reads from an API.
type settings struct {
	set       []string
	config    string
	untrusted bool
	verbose   bool
	logFormat string
	trace     string
}

func (s *settings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.set, "set", nil, "config value `name=value`, may be repeated")
	f.StringVar(&s.config, "config", "", "`FILE` (YAML or JSON) with config values")
	f.BoolVar(&s.untrusted, "untrusted", false, "run the connector's JavaScript in a child process with hard limits")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "log at debug level, console.log of hooks included")
	f.StringVar(&s.logFormat, "log-format", "text", "`text` or json")
	f.StringVar(&s.trace, "trace", "", "write every HTTP attempt to `FILE` as HAR 1.2, secrets removed")
}

// values reads --set and --config.
func (s *settings) values() (set map[string]string, file map[string]json.RawMessage, err error) {
	set = map[string]string{}
	for _, kv := range s.set {
		name, value, ok := cut(kv)
		if !ok {
			return nil, nil, usage("--set %s: write --set name=value", kv)
		}
		set[name] = value
	}
	if s.config == "" {
		return set, nil, nil
	}
	b, err := os.ReadFile(s.config)
	if err != nil {
		return nil, nil, usage("--config: %w", err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(b, &values); err != nil {
		return nil, nil, usage("--config %s: %w", s.config, err)
	}
	file = map[string]json.RawMessage{}
	for k, v := range values {
		if t, ok := v.(time.Time); ok {
			v = t.Format(time.RFC3339Nano)
		}
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, nil, usage("--config %s: %s: %w", s.config, k, err)
		}
		file[k] = raw
	}
	return set, file, nil
}

func cut(kv string) (name, value string, ok bool) {
	for i := range len(kv) {
		if kv[i] == '=' {
			return kv[:i], kv[i+1:], i > 0
		}
	}
	return "", "", false
}

// runFlags are those of `runner run`.
type runFlags struct {
	settings
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
			"It goes on where the last run stopped; the last line on stderr says how it ended and on what evidence.\n\n" +
			"Exit: 0 complete, 1 failed, 2 usage or invalid connector, 3 incomplete, 4 truncated, 5 parked, 130 interrupted.",
		Example: "  runner run demo\n  runner run ./github --set org=golang --to jsonl:repos-{stream}.jsonl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd.Context(), cmd, stop, args[0], args[1:])
		},
	}
	f.settings.flags(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.to, "to", "jsonl:-", "`SINK` to write records to, such as jsonl:out-{stream}.jsonl; see `runner sinks`")
	fl.StringVar(&f.state, "state", "runner.db", "`FILE` with checkpoints")
	fl.StringVar(&f.report, "report", "", "write a report to `FILE` as JSON")
	fl.BoolVar(&f.fresh, "fresh", false, "forget checkpoint, watermark and kept position of the streams, and begin their files anew")
	fl.Int64Var(&f.maxPages, "max-pages", 0, "stop after `N` pages of each stream, as truncated")
	fl.Int64Var(&f.limit, "limit", 0, "stop after `N` records of each stream, as truncated")
	fl.IntVar(&f.chains, "chains", 0, "run `N` chains side by side, whatever the connector says")
	fl.StringVar(&f.timeLimit, "time-limit", "", "end after `DURATION` (such as 10m), as truncated")
	return cmd
}

func (f *runFlags) run(ctx context.Context, cmd *cobra.Command, stop <-chan struct{}, name string, streams []string) error {
	view, err := newView(cmd.ErrOrStderr(), f.logFormat, f.verbose)
	if err != nil {
		return err
	}
	opt, err := scriptOptions(f.untrusted, view.console)
	if err != nil {
		return err
	}
	c, err := find(name, opt)
	if err != nil {
		return err
	}
	defer c.Close()
	set, file, err := f.values()
	if err != nil {
		return err
	}
	if f.maxPages < 0 || f.limit < 0 || f.chains < 0 {
		return usage("--max-pages, --limit and --chains take numbers above 0")
	}
	job := &runtime.Job{
		Connector: c, Streams: streams, Set: set, Config: file, Env: os.LookupEnv, Owner: store.Self(time.Now()),
		Fresh: f.fresh, MaxPages: f.maxPages, MaxRecords: f.limit, Chains: f.chains, Stop: stop, Script: opt,
		Redact: new(transport.Redactor), UserAgent: "lastpage/" + release, Log: view.log,
	}
	if f.timeLimit != "" {
		if job.TimeLimit, err = spec.ParseDuration(f.timeLimit); err != nil {
			return usage("--time-limit: %w", err)
		}
	}
	close, err := f.open(ctx, job, opt)
	if err != nil {
		return err
	}
	defer close()
	if name == "demo" {
		end, err := withDemo(ctx, job)
		if err != nil {
			return err
		}
		defer end()
	}
	hard, cancel := grace(ctx, stop)
	defer cancel()
	job.Observe = view.observe
	report, err := runtime.Run(hard, job)
	view.end()
	if err != nil {
		return startError(job.Redact, err)
	}
	return f.conclude(view, job.Redact, report)
}

// open opens the ledger, the sink and the trace.
func (f *runFlags) open(ctx context.Context, job *runtime.Job, opt script.Options) (func(), error) {
	db, err := store.Open(ctx, f.state, store.Options{SecretKey: os.Getenv("RUNNER_SECRET_KEY")})
	if err != nil {
		return nil, &exitError{exitFailed, err}
	}
	job.Ledger = db
	var har *os.File
	if f.trace != "" {
		if har, err = os.Create(f.trace); err == nil {
			var h *transport.HAR
			if h, err = transport.NewHAR(har, release, job.Redact); err == nil {
				job.Exchange = h.Observe
			}
		}
		if err != nil {
			db.Close()
			return nil, usage("--trace: %w", err)
		}
	}
	out, err := sink.New(ctx, f.to, sink.Options{Ledger: db.Path()})
	if err != nil {
		db.Close()
		return nil, usage("--to: %w", err)
	}
	job.Sink = out
	return func() {
		if har != nil {
			har.Close()
		}
		db.Close()
	}, nil
}

// graceTime is how long the pages in flight may take to finish after the first Ctrl-C.
const graceTime = 10 * time.Second

// grace is a context that ends with ctx, or some time after the run was asked to stop.
func grace(ctx context.Context, stop <-chan struct{}) (context.Context, context.CancelFunc) {
	hard, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-hard.Done():
			return
		case <-stop:
		}
		t := time.NewTimer(graceTime)
		defer t.Stop()
		select {
		case <-hard.Done():
		case <-t.C:
			cancel()
		}
	}()
	return hard, cancel
}

// startError is why a run did not begin.
func startError(redact *transport.Redactor, err error) error {
	var held *engine.HeldError
	var config *runtime.ConfigError
	var invalid spec.Errors
	var scripts script.Errors
	msg := errors.New(redact.String(err.Error()))
	switch {
	case errors.As(err, &held):
		return &exitError{exitUsage, fmt.Errorf("%w; wait for it to end, or stop it", msg)}
	case errors.As(err, &config), errors.As(err, &invalid), errors.As(err, &scripts):
		return &exitError{exitUsage, msg}
	}
	return &exitError{exitFailed, msg}
}

// conclude writes the report and the last line, and turns the verdict into the exit code.
func (f *runFlags) conclude(view *view, redact *transport.Redactor, r *runtime.Report) error {
	if f.report != "" {
		b, err := r.MarshalIndent()
		if err == nil {
			err = writeWhole(f.report, redact.Bytes(b))
		}
		if err != nil {
			fmt.Fprintln(view.out, "runner: --report:", err)
		}
	}
	view.verdict(redact, r)
	code := map[string]int{
		runtime.Complete: exitComplete, runtime.Incomplete: exitIncomplete, runtime.Truncated: exitTruncated,
		runtime.Parked: exitParked, runtime.Interrupted: exitInterrupted, runtime.Failed: exitFailed,
	}[r.Verdict]
	if code == exitComplete {
		return nil
	}
	return &exitError{code, nil}
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
