package main

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// boardLines is how many lines a board has at most.
const boardLines = 8

// board is what is known of a run's chains while it runs: one row for each that is being read, and a
// sum over all. Any goroutine may tell it events.
type board struct {
	now func() time.Time

	mu      sync.Mutex
	began   time.Time
	rows    []*row // being read, in the order in which they began
	started int64  // chains
	ended   int64
	pages   int64
	records int64 // delivered
	retries int64
	until   time.Time // a wait that is not known to belong to one chain
}

// row is one chain that is being read.
type row struct {
	stream, chain string
	began         time.Time
	pages         int64
	records       int64 // delivered by this run
	received      int64 // in the walk
	skipped       int64 // of them by earlier runs
	total         int64 // -1 unknown
	retries       int64
	until         time.Time
}

func newBoard(now func() time.Time) *board { return &board{now: now, began: now()} }

// tell takes an event in.
func (b *board) tell(e runtime.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e.Kind {
	case runtime.EventChainStart:
		b.started++
		b.rows = append(b.rows, &row{stream: e.Stream, chain: e.Chain, began: b.now(), total: -1})
	case runtime.EventPage:
		b.page(e)
	case runtime.EventRetry:
		b.retries++
		until := b.now().Add(e.Wait)
		if r := b.only(e.Stream); r != nil {
			r.retries++
			r.until = until
		} else {
			b.until = until
		}
	case runtime.EventWait:
		if r := b.row(e.Stream, e.Chain); r != nil {
			r.until = e.Until
		} else {
			b.until = e.Until
		}
	case runtime.EventChainEnd:
		b.ended++
		for i, r := range b.rows {
			if r.stream == e.Stream && r.chain == e.Chain {
				b.rows = append(b.rows[:i], b.rows[i+1:]...)
				break
			}
		}
	}
}

func (b *board) page(e runtime.Event) {
	b.pages++
	b.records += int64(e.Page.New)
	b.until = time.Time{}
	r := b.row(e.Stream, e.Chain)
	if r == nil {
		return
	}
	if r.pages == 0 {
		r.skipped = e.Page.Received - int64(e.Page.Records)
	}
	r.pages++
	r.records += int64(e.Page.New)
	r.received, r.total, r.until = e.Page.Received, e.Page.Total, time.Time{}
}

func (b *board) row(stream, chain string) *row {
	for _, r := range b.rows {
		if r.stream == stream && r.chain == chain {
			return r
		}
	}
	return nil
}

// only is the stream's row when it has one only.
func (b *board) only(stream string) *row {
	var found *row
	for _, r := range b.rows {
		if r.stream == stream {
			if found != nil {
				return nil
			}
			found = r
		}
	}
	return found
}

// lines renders the board: at most boardLines lines of at most width columns.
func (b *board) lines(width int) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	var out []string
	if b.started > 1 {
		out = append(out, b.sum(now))
	}
	for i, r := range b.rows {
		if left := len(b.rows) - i; left > 1 && len(out) == boardLines-1 {
			out = append(out, fmt.Sprintf("… and %d more chains", left))
			break
		}
		out = append(out, r.text(now))
	}
	if len(out) == 0 {
		out = append(out, "starting")
	}
	for i := range out {
		out[i] = fit(out[i], width)
	}
	return out
}

// sum is the line over all chains.
func (b *board) sum(now time.Time) string {
	s := fmt.Sprintf("%s of %s ended, %s, %s", runtime.Thousands(b.ended), count(b.started, "chain"), count(b.pages, "page"), count(b.records, "record"))
	s += rate(b.records, now.Sub(b.began))
	if b.retries > 0 {
		s += ", " + count(b.retries, "retry")
	}
	return s + waiting(b.until, now)
}

// text is one chain's line.
func (r *row) text(now time.Time) string {
	var s strings.Builder
	s.WriteString(r.stream)
	if r.chain != "" {
		s.WriteString(" " + r.chain)
	}
	s.WriteString(": " + count(r.pages, "page") + ", ")
	spent := now.Sub(r.began)
	if r.total > 0 {
		fmt.Fprintf(&s, "%s of %s records (%d %%)", runtime.Thousands(r.received), runtime.Thousands(r.total), min(100, r.received*100/r.total))
	} else {
		s.WriteString(count(r.records, "record"))
	}
	s.WriteString(rate(r.records, spent))
	if read := r.received - r.skipped; r.total > r.received && read > 0 && spent > time.Second {
		eta := time.Duration(float64(spent) * float64(r.total-r.received) / float64(read))
		s.WriteString(", ETA " + eta.Round(time.Second).String())
	}
	if r.retries > 0 {
		s.WriteString(", " + count(r.retries, "retry"))
	}
	s.WriteString(waiting(r.until, now))
	return s.String()
}

// count is a number with its noun.
func count(n int64, noun string) string {
	if n != 1 {
		if noun = noun + "s"; strings.HasSuffix(noun, "ys") {
			noun = strings.TrimSuffix(noun, "ys") + "ies"
		}
	}
	return runtime.Thousands(n) + " " + noun
}

func rate(n int64, d time.Duration) string {
	if n == 0 || d < 100*time.Millisecond {
		return ""
	}
	return fmt.Sprintf(", %s/s", runtime.Thousands(int64(float64(n)/d.Seconds())))
}

func waiting(until, now time.Time) string {
	if !until.After(now) {
		return ""
	}
	return ", waiting until " + until.Local().Format(time.TimeOnly)
}

// fit cuts a line to width columns; 0 is no bound.
func fit(s string, width int) string {
	r := []rune(s)
	if width <= 0 || len(r) <= width {
		return s
	}
	return string(r[:max(0, width-1)]) + "…"
}

// attrs is the board as the attributes of a log line.
func (b *board) attrs() []any {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	out := []any{"pages", b.pages, "records", b.records}
	if s := now.Sub(b.began).Seconds(); s > 0 {
		out = append(out, "per_second", int64(float64(b.records)/s))
	}
	until := b.until
	if len(b.rows) == 1 {
		r := b.rows[0]
		out = append(out, "stream", r.stream)
		if r.chain != "" {
			out = append(out, "chain", r.chain)
		}
		if r.total >= 0 {
			out = append(out, "received", r.received, "of", r.total)
		}
		if r.until.After(until) {
			until = r.until
		}
	}
	if b.started > 1 {
		out = append(out, "chains_ended", b.ended, "chains_open", len(b.rows))
	}
	if b.retries > 0 {
		out = append(out, "retries", b.retries)
	}
	if until.After(now) {
		out = append(out, "waiting_until", until.UTC().Format(time.RFC3339))
	}
	return out
}
