package main

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// refresh is how often the live lines are drawn.
const refresh = 200 * time.Millisecond

// live draws a board's lines at the lower end of a terminal; what is written to it scrolls above
// them. Before start and after stop it is the terminal itself.
type live struct {
	out  io.Writer
	mu   sync.Mutex
	draw *mpb.Progress
	bar  *mpb.Bar
}

// start begins to draw; forced does so although out is no terminal.
func (l *live) start(b *board, forced bool) {
	opt := []mpb.ContainerOption{mpb.WithOutput(l.out), mpb.WithRefreshRate(refresh)}
	if forced {
		opt = append(opt, mpb.WithAutoRefresh())
	}
	lines := func(w io.Writer, st decor.Statistics) []string {
		if st.Aborted || st.Completed {
			return nil
		}
		return b.lines(st.AvailableWidth)
	}
	first := mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		if all := lines(w, st); len(all) > 0 {
			_, err := io.WriteString(w, all[0])
			return err
		}
		return nil
	})
	rest := mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		if all := lines(w, st); len(all) > 1 {
			_, err := io.WriteString(w, strings.Join(all[1:], "\n")+"\n")
			return err
		}
		return nil
	})
	draw := mpb.New(opt...)
	bar := draw.MustAdd(0, first, mpb.BarExtender(rest, false), mpb.BarFillerTrim(), mpb.BarRemoveOnComplete())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.draw, l.bar = draw, bar
}

// stop takes the lines down.
func (l *live) stop() {
	l.mu.Lock()
	draw, bar := l.draw, l.bar
	l.draw, l.bar = nil, nil
	l.mu.Unlock()
	if draw != nil {
		bar.Abort(true)
		draw.Wait()
	}
}

// Write scrolls what is written above the lines.
func (l *live) Write(p []byte) (int, error) {
	l.mu.Lock()
	draw := l.draw
	l.mu.Unlock()
	if draw != nil {
		if n, err := draw.Write(p); err == nil {
			return n, nil
		}
	}
	return l.out.Write(p)
}
