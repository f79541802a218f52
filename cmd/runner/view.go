package main

import (
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
)

// tick is how often a run without a terminal says where it is.
const tick = 10 * time.Second

// view shows a run on stderr: a line every tick and one per event, as text or JSON.
type view struct {
	out  io.Writer
	log  *slog.Logger
	json bool

	mu     sync.Mutex
	last   time.Time
	pages  int64
	totals map[string]runtime.PageEvent
	recs   int64
}

func newView(out io.Writer, format string, verbose bool) (*view, error) {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	opt := &slog.HandlerOptions{Level: level}
	v := &view{out: out, last: time.Now(), totals: map[string]runtime.PageEvent{}}
	switch format {
	case "text":
		v.log = slog.New(slog.NewTextHandler(out, opt))
	case "json":
		v.json = true
		v.log = slog.New(slog.NewJSONHandler(out, opt))
	default:
		return nil, usage("--log-format %s: want text or json", format)
	}
	return v, nil
}

// console takes what console.log of a hook prints.
func (v *view) console(file string, line int, msg string) {
	v.log.Debug(msg, "at", fmt.Sprintf("%s:%d", file, line))
}

// observe is runtime.Job.Observe.
func (v *view) observe(e runtime.Event) {
	attrs := []any{"run", e.Run, "stream", e.Stream}
	if e.Chain != "" {
		attrs = append(attrs, "chain", e.Chain)
	}
	switch e.Kind {
	case runtime.EventPage:
		v.page(e, attrs)
	case runtime.EventNotice:
		v.log.Warn(e.Name, append(attrs, "detail", e.Detail)...)
	case runtime.EventRetry:
		v.log.Warn("retry", append(attrs, "why", e.Detail, "wait", e.Wait.String())...)
	case runtime.EventWait:
		v.log.Info("waiting", append(attrs, "until", e.Until.UTC().Format(time.RFC3339), "why", e.Detail)...)
	case runtime.EventChainEnd:
		if e.Verdict != runtime.Complete {
			v.log.Warn("chain "+e.Verdict, append(attrs, "reason", e.Reason, "detail", e.Detail)...)
		}
	}
}

func (v *view) page(e runtime.Event, attrs []any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.pages++
	v.recs += int64(e.Page.New)
	v.log.Debug("page", append(attrs, "page", e.Page.Index, "records", e.Page.Records, "new", e.Page.New, "verdict", e.Page.Verdict)...)
	if time.Since(v.last) < tick {
		return
	}
	v.last = time.Now()
	if e.Page.Total >= 0 {
		attrs = append(attrs, "received", e.Page.Received, "of", e.Page.Total)
	}
	v.log.Info("progress", append(attrs, "pages", v.pages, "records", v.recs)...)
}

// end takes down what is live.
func (v *view) end() {}

// verdict prints the last paragraph: how the run ended, in one plain sentence per stream.
func (v *view) verdict(redact *transport.Redactor, r *runtime.Report) {
	if v.json {
		v.log.Info("verdict", "verdict", r.Verdict, "attested", string(r.Attested), "reason", r.Reason, "message", redact.String(r.Message))
		return
	}
	if len(r.Streams) > 1 {
		for _, s := range r.Streams {
			fmt.Fprintf(v.out, "  %s: %s\n", s.Name, redact.String(s.Message))
		}
	}
	fmt.Fprintln(v.out, redact.String(r.Message))
}
