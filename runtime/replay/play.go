package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
)

// Options say how a case is played. The zero value compares.
type Options struct {
	Update  bool                // answer requests that the case does not have with the next responses, and write what is missing
	Observe func(runtime.Event) // is told what the runs do; may be nil
	Script  script.Options      // how the connector's JavaScript is called: where strangers wrote it, in a child process
}

// Run plays the case file at path with the connector. The error is about the case file or ctx; what
// the engine did otherwise than the case says is in the Result.
func Run(ctx context.Context, c *runtime.Connector, path string) (*Result, error) {
	k, err := Load(path)
	if err != nil {
		return nil, err
	}
	return k.Play(ctx, c, Options{})
}

// RunFS is Run for a case in a file system.
func RunFS(ctx context.Context, c *runtime.Connector, fsys fs.FS, path string) (*Result, error) {
	k, err := LoadFS(fsys, path)
	if err != nil {
		return nil, err
	}
	return k.Play(ctx, c, Options{})
}

// Play runs the connector against the case's answers and compares what it did. A case may be played
// any number of times, also at once.
func (k *Case) Play(ctx context.Context, c *runtime.Connector, opt Options) (*Result, error) {
	r, _, err := k.play(ctx, c, opt)
	return r, err
}

// play is Play; it also says what was sent for which exchange.
func (k *Case) play(ctx context.Context, c *runtime.Connector, opt Options) (*Result, map[int]*request, error) {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	at := &clock{now: k.config.now}
	p := &player{list: k.exchanges, clock: at, adopt: opt.Update, cancel: cancel, used: map[*exchange]*request{}}
	out := &sink{lines: map[string][][]byte{}}
	led := new(runtime.MemoryLedger)
	for stream, mark := range k.checkpoint {
		if c.Spec.Stream(stream) == nil {
			return nil, nil, &Error{k.File, fileCheckpoint, "the connector has no stream " + stream}
		}
		for _, b := range mark.bookmarks() {
			led.SetBookmark(engine.StreamKey{Connector: c.Spec.Name, Stream: stream}, b)
		}
	}
	r := &Result{Case: k}
	for i, step := range k.config.runs {
		at.pass(step.after)
		r.Report, r.Err = runtime.Run(inner, k.job(c, step, p, at, led, out, opt))
		if r.Err != nil || p.stray != nil {
			break
		}
		if last := i == len(k.config.runs)-1; !last && step.Ends != "" && step.Ends != r.Report.Verdict {
			r.differ(fileConfig, fmt.Sprintf("run %d ends ", i+1)+r.Report.Verdict+" ("+r.Report.Message+"), the case says "+step.Ends+"\n")
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	r.compare(c, p, at, led, out, opt)
	used := map[int]*request{}
	for i, x := range k.exchanges {
		if s := p.used[x]; s != nil {
			used[i] = s
		}
	}
	return r, used, nil
}

// job is one run of the case.
func (k *Case) job(c *runtime.Connector, step Step, p *player, at *clock, led *runtime.MemoryLedger, out *sink, opt Options) *runtime.Job {
	values := map[string]json.RawMessage{}
	for name, v := range k.config.values {
		values[name] = v
	}
	return &runtime.Job{
		Connector: c, Streams: k.config.Streams, Config: values, Ledger: led, Sink: out, RunID: "case",
		Fresh: step.Fresh, MaxPages: step.MaxPages, MaxRecords: step.Limit, TimeLimit: step.timeLimit, Chains: step.Chains,
		Groups: &transport.Groups{Clock: at, New: func(string, transport.Limit) transport.Limiter { return &limiter{clock: at} }},
		Clock:  at, Observe: opt.Observe, Script: opt.Script, UserAgent: "lastpage",
		Transport: p, Random: func() float64 { return 1 }, Seed: k.config.Seed, Serial: true,
	}
}

// exitOf is the exit code of `runner run` (format, section 11).
func exitOf(r *runtime.Report, err error) int {
	var config *runtime.ConfigError
	switch {
	case errors.As(err, &config):
		return 2
	case err != nil:
		return 1
	}
	return map[string]int{
		runtime.Complete: 0, runtime.Failed: 1, runtime.Incomplete: 3, runtime.Truncated: 4, runtime.Parked: 5, runtime.Interrupted: 130,
	}[r.Verdict]
}

// waitText writes a duration as a case does: 30s, 1m30s, 250ms.
func waitText(d time.Duration) string {
	d = d.Round(time.Millisecond)
	s := d.String()
	for _, zero := range [][2]string{{"m0s", "m"}, {"h0m", "h"}} {
		if n := len(s) - len(zero[0]); n >= 0 && s[n:] == zero[0] {
			s = s[:n] + zero[1]
		}
	}
	return s
}
