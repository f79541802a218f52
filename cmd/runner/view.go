package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

// tick is how often a run without a terminal says where it is.
const tick = 10 * time.Second

// view shows a run on stderr: live lines on a terminal, else a line every tick, and one per event;
// at the end how it ended. Secrets are removed from all of it.
type view struct {
	out    io.Writer // the end, whatever is live
	log    *slog.Logger
	redact *transport.Redactor
	json   bool
	quiet  bool
	screen bool // live lines
	live   *live
	board  *board

	done chan struct{}
	wg   sync.WaitGroup
}

func newView(out io.Writer, s settings) (*view, error) {
	v := &view{out: out, redact: new(transport.Redactor), quiet: s.quiet, live: &live{out: out}, board: newBoard(time.Now)}
	opt := &slog.HandlerOptions{Level: slog.LevelInfo}
	switch {
	case s.verbose:
		opt.Level = slog.LevelDebug
	case s.quiet:
		opt.Level = slog.LevelError + 1
	}
	to := v.redact.Writer(v.live)
	switch s.logFormat {
	case "text":
		v.log = slog.New(slog.NewTextHandler(to, opt))
	case "json":
		v.json = true
		v.log = slog.New(slog.NewJSONHandler(to, opt))
	default:
		return nil, usage("--log-format %s: want text or json", s.logFormat)
	}
	if f, ok := out.(*os.File); ok && !s.quiet && !v.json && os.Getenv("TERM") != "dumb" {
		width, _, err := term.GetSize(int(f.Fd()))
		v.screen = err == nil && width > 0
	}
	return v, nil
}

// start begins to show progress; to is where records go. Live lines do not mix with records on the same
// terminal.
func (v *view) start(to string) {
	_, target, _ := strings.Cut(to, ":")
	target, _, _ = strings.Cut(target, "?")
	if (to == "-" || target == "-") && term.IsTerminal(int(os.Stdout.Fd())) {
		v.screen = false
	}
	if v.quiet {
		return
	}
	if v.screen {
		v.live.start(v.board, false)
		return
	}
	v.done = make(chan struct{})
	v.wg.Go(func() {
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				v.log.Info("progress", v.board.attrs()...)
			case <-v.done:
				return
			}
		}
	})
}

// end takes down what start put up. Calling it again does nothing.
func (v *view) end() {
	if v.done != nil {
		close(v.done)
		v.wg.Wait()
		v.done = nil
	}
	v.live.stop()
}

// console takes what console.log of a hook prints.
func (v *view) console(file string, line int, msg string) {
	v.log.Debug(msg, "at", fmt.Sprintf("%s:%d", file, line))
}

// observe is runtime.Job.Observe.
func (v *view) observe(e runtime.Event) {
	v.board.tell(e)
	attrs := []any{"stream", e.Stream}
	if e.Chain != "" {
		attrs = append(attrs, "chain", e.Chain)
	}
	switch e.Kind {
	case runtime.EventPage:
		v.log.Debug("page", append(attrs, "page", e.Page.Index+1, "records", e.Page.Records, "new", e.Page.New, "verdict", e.Page.Verdict)...)
	case runtime.EventNotice:
		v.log.Log(context.Background(), level(e.Name), e.Name, append(attrs, "detail", e.Detail)...)
	case runtime.EventRetry:
		v.log.Warn("retry", append(attrs, "why", e.Name, "detail", e.Detail, "wait", e.Wait.Round(time.Millisecond).String())...)
	case runtime.EventWait:
		v.log.Info("waiting", append(attrs, "until", e.Until.UTC().Format(time.RFC3339), "why", e.Detail)...)
	case runtime.EventChainEnd:
		if e.Verdict != runtime.Complete {
			v.log.Warn("chain "+e.Verdict, append(attrs, "reason", e.Reason, "detail", e.Detail)...)
		}
	}
}

// level is how loud an event is: what is ordinary is for the debug log, what was mended is no warning.
func level(event string) slog.Level {
	switch event {
	case engine.EventTokenAbsentAtEnd:
		return slog.LevelDebug
	case engine.EventRecovered, runtime.NoticeWindowSplit, runtime.NoticeSkipped:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// say prints how something ended: a sentence, or with --log-format json a log line with attrs.
func (v *view) say(msg string, attrs ...any) {
	v.end()
	msg = v.redact.String(msg)
	if v.json {
		slog.New(slog.NewJSONHandler(v.redact.Writer(v.out), nil)).Info("verdict", append(attrs, "message", msg)...)
		return
	}
	fmt.Fprintln(v.out, msg)
}

// verdict prints the last paragraph: how the run ended, in one plain sentence per stream.
func (v *view) verdict(r *runtime.Report) {
	v.end()
	if len(r.Streams) > 1 && !v.json {
		for _, s := range r.Streams {
			fmt.Fprintf(v.out, "  %s: %s\n", s.Name, v.redact.String(s.Message))
		}
	}
	v.say(r.Message, "verdict", r.Verdict, "attested", string(r.Attested), "reason", r.Reason)
}
