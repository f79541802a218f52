package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"
	_ "time/tzdata" // time zones of schedules, where the machine has none

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/host"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
)

// Environment variables of `runner serve`.
const (
	tokenVariable = "RUNNER_TOKEN"
	stepVariable  = "RUNNER_STEP_KEY"
)

// serveAddress is where the service listens unless another is named.
const serveAddress = "127.0.0.1:8931"

// serveFlags are those of `runner serve`.
type serveFlags struct {
	connectors []string
	jobs       string
	listen     string
	state      string
	data       string
	archive    string
	tokenFile  string
	keyFile    string
	runs       int
	stepTime   string
	noShipped  bool
	noCases    bool
	untrusted  bool
	verbose    bool
	logFormat  string
}

func newServe(stop <-chan struct{}) *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run jobs at their times, and answer an HTTP API",
		Long: "serve runs the jobs of a file when they are due, takes orders over HTTP, reads single pages for workflow engines\n" +
			"(POST /v1/step), and shows metrics. Connectors and jobs are taken over when their files change.\n" +
			"SIGTERM or Ctrl-C finishes the pages in flight and ends within 10 seconds; what was under way goes on at the next start.\n\n" +
			"Beyond this machine it listens only with a bearer token: " + tokenVariable + ", or --token-file.",
		Example: "  runner serve --connectors ./connectors --jobs jobs.yaml\n  " + tokenVariable + "=… runner serve --listen 0.0.0.0:8931 --connectors ./connectors",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), cmd.ErrOrStderr(), stop)
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.connectors, "connectors", nil, "`PATH` of a connector, or of a folder of connectors; may be repeated")
	fl.StringVar(&f.jobs, "jobs", "", "`FILE` with jobs")
	fl.StringVar(&f.listen, "listen", serveAddress, "`ADDRESS` to listen on")
	fl.StringVar(&f.state, "state", defaultState, "`FILE` with checkpoints")
	fl.StringVar(&f.data, "data", ".", "`FOLDER` in which callers of the API may have records written")
	fl.StringVar(&f.archive, "archive", "", "`FOLDER` that keeps earlier versions of connectors across restarts")
	fl.StringVar(&f.tokenFile, "token-file", "", "`FILE` with the bearer token that callers present ("+tokenVariable+" otherwise)")
	fl.StringVar(&f.keyFile, "step-key-file", "", "`FILE` with the key that seals `next` of /v1/step ("+stepVariable+" otherwise); services that share it can take each other's calls")
	fl.IntVar(&f.runs, "runs", 100, "`N` runs at a time at most")
	fl.StringVar(&f.stepTime, "step-time", "2m", "`DURATION` that a call of /v1/step may take")
	fl.BoolVar(&f.noShipped, "no-shipped", false, "leave out the connectors that ship")
	fl.BoolVar(&f.noCases, "no-cases", false, "take over a changed connector without playing its cases")
	fl.BoolVar(&f.untrusted, "untrusted", false, "run the connectors' JavaScript in child processes with hard limits")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "log at debug level")
	fl.StringVar(&f.logFormat, "log-format", "text", "`text` or json")
	return cmd
}

func (f *serveFlags) run(ctx context.Context, stderr io.Writer, stop <-chan struct{}) error {
	opt, err := f.options(stderr)
	if err != nil {
		return err
	}
	if wantsSpans(os.Getenv) {
		t, err := newTracing(ctx)
		if err != nil {
			return usage("OpenTelemetry: %w", err)
		}
		defer func() {
			if err := t.close(ctx); err != nil {
				opt.Log.Warn("spans were not sent", "error", err)
			}
		}()
		opt.Trace = t.join
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", f.listen)
	if err != nil {
		return &exitError{exitFailed, fmt.Errorf("--listen %s: %s; name another address", f.listen, listenReason(err))}
	}
	h, err := host.Open(ctx, opt)
	if err != nil {
		l.Close()
		return f.openError(err)
	}
	usable := 0
	for _, s := range h.Catalog.List() {
		if s.Version != "" {
			usable++
		}
	}
	opt.Log.Info("serving", "url", "http://"+l.Addr().String(), "connectors", usable, "token", opt.Token != "")
	defer context.AfterFunc(ctx, h.Abort)() // the second signal
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-stop:
			opt.Log.Info("ending: pages in flight are finished")
			cancel()
		case <-ctx.Done():
		}
	}()
	if err := h.Serve(ctx, l); err != nil {
		return &exitError{exitFailed, err}
	}
	opt.Log.Info("ended")
	return nil
}

// options are the host's, as the flags and the environment say.
func (f *serveFlags) options(stderr io.Writer) (host.Options, error) {
	opt := host.Options{
		Connectors: f.connectors, Archive: f.archive, Jobs: f.jobs, State: f.state, DataFolder: f.data, Runs: f.runs, StateKey: os.Getenv(keyVariable),
		UserAgent: "lastpage/" + release, Version: release,
	}
	level := &slog.HandlerOptions{Level: slog.LevelInfo}
	if f.verbose {
		level.Level = slog.LevelDebug
	}
	switch f.logFormat {
	case "text":
		opt.Log = slog.New(slog.NewTextHandler(stderr, level))
	case "json":
		opt.Log = slog.New(slog.NewJSONHandler(stderr, level))
	default:
		return opt, usage("--log-format %s: want text or json", f.logFormat)
	}
	if f.runs < 1 {
		return opt, usage("--runs %d: want a number above 0", f.runs)
	}
	var err error
	if opt.StepTime, err = spec.ParseDuration(f.stepTime); err != nil || opt.StepTime <= 0 || opt.StepTime > time.Hour {
		return opt, usage("--step-time %s: want a duration up to 1h, such as 90s", f.stepTime)
	}
	if opt.Token, err = secretOf("token-file", f.tokenFile, tokenVariable, 16); err != nil {
		return opt, err
	}
	if opt.StepKey, err = secretOf("step-key-file", f.keyFile, stepVariable, 16); err != nil {
		return opt, err
	}
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return opt, usage("--listen %s: %s", f.listen, addressProblem(f.listen, err))
	}
	if opt.Token == "" && !host.Loopback(f.listen) {
		return opt, usage("--listen %s can be reached from other machines: set %s, or give --token-file; `openssl rand -hex 32` makes a token", f.listen, tokenVariable)
	}
	if f.noShipped && len(f.connectors) == 0 {
		return opt, usage("serve needs --connectors")
	}
	if !f.noShipped {
		opt.Shipped = connectors.FS
	}
	if opt.Script, err = scriptOptions(f.untrusted, nil); err != nil {
		return opt, err
	}
	opt.Script.Slots = script.NewSlots(0) // cases are played beside the runs
	if !f.noCases {
		opt.Replay = caseIn(opt.Script)
	}
	return opt, nil
}

// secretOf reads a secret from a file, else from the environment; one that is shorter than least could
// be guessed.
func secretOf(flag, file, variable string, least int) (string, error) {
	s, where := os.Getenv(variable), variable
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", usage("--%s: %w", flag, plain(err))
		}
		s, where = strings.TrimSpace(string(b)), "--"+flag+" "+file
		if s == "" {
			return "", usage("%s: the file is empty", where)
		}
	}
	if s != "" && len(s) < least {
		return "", usage("%s: want at least %d characters; `openssl rand -hex 32` makes some", where, least)
	}
	return s, nil
}

// caseIn plays a recorded case of a connector before the connector is taken over.
func caseIn(opt script.Options) func(context.Context, *runtime.Connector, fs.FS, string) error {
	return func(ctx context.Context, c *runtime.Connector, fsys fs.FS, path string) error {
		k, err := replay.LoadFS(fsys, path)
		if err != nil {
			return err
		}
		r, err := k.Play(ctx, c, replay.Options{Script: opt})
		if err == nil && !r.OK() {
			err = errors.New(strings.TrimSpace(r.String()))
		}
		return err
	}
}

// openError says why the service could not begin.
func (f *serveFlags) openError(err error) error {
	var file spec.Errors
	var state *store.Error
	var path *fs.PathError
	var taken *host.InUseError
	switch {
	case errors.As(err, &file):
		return &exitError{exitUsage, file}
	case errors.As(err, &taken):
		return &exitError{exitUsage, taken}
	case errors.As(err, &state):
		return stateError(err)
	case errors.As(err, &path) && path.Path == f.jobs:
		return usage("--jobs: %w", plain(err))
	case errors.As(err, &path):
		return usage("%w", plain(err))
	}
	return &exitError{exitFailed, err}
}

// addressProblem says why an address is none, and how it is written.
func addressProblem(addr string, err error) string {
	var bad *net.AddrError
	if errors.As(err, &bad) && bad.Err == "missing port in address" {
		_, port, _ := net.SplitHostPort(serveAddress)
		return "the port is missing; write it behind the address, such as " + net.JoinHostPort(strings.Trim(addr, "[]"), port)
	}
	return "want an address and a port, such as " + serveAddress + " or [::1]:8931"
}

// listenReason says why an address cannot be listened on, without repeating it.
func listenReason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		var sys *os.SyscallError
		if errors.As(op.Err, &sys) {
			return sys.Err.Error()
		}
		return op.Err.Error()
	}
	return err.Error()
}
