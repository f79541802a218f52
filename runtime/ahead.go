package runtime

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
)

// ahead is the pages of one chain that are in flight (`pagination.parallel`), or have landed before one
// that was asked for earlier. They are judged and committed in order; at the first doubt all of them are
// dropped.
type ahead struct {
	ctx    context.Context // of all its requests
	cancel context.CancelFunc
	wg     sync.WaitGroup
	crews  int          // that fly; each takes one flight after the other, so that its stack stays grown
	ready  chan *flight // to the next crew that is free
	queue  []*flight
	landed chan struct{} // holds a value when a flight has landed since the last look
	last   atomic.Bool   // a page came that may be the last one
	parked atomic.Bool   // the API asks to be left alone for longer than the run may wait
}

// flight is one page on its way.
type flight struct {
	state chainState // to ask at
	g     *got
	err   error
	done  chan struct{}
}

// next gives the page at the chain's state: the first of those in flight, or a new one.
func (c *chain) next(ctx context.Context) (*got, error) {
	if c.aheadOf() < 2 {
		return c.fetch(ctx, c.state)
	}
	if a := c.ahead; a != nil && (len(a.queue) == 0 || !bytes.Equal(a.queue[0].state.Position, c.state.Position)) {
		c.drop()
		c.serial = true
		return c.fetch(ctx, c.state)
	}
	if c.ahead == nil {
		c.ahead = &ahead{landed: make(chan struct{}, 1), ready: make(chan *flight, c.walk.Rules.Parallel)}
	}
	f := c.first(ctx)
	g := f.g
	at := g.at
	g.at = c.state // what was only guessed: counts, empty pages, totals
	if parks(f.err) {
		return g, f.err // asked again it would not be left alone for as long as it asks
	}
	if f.err != nil || g.answer.Class != spec.ClassOK || c.stale(&at) {
		// Drop what is in flight and ask again, one page at a time: the answer may be due to the load.
		g.release()
		c.drop()
		c.serial = true
		return c.fetch(ctx, c.state)
	}
	if at.Pages != c.state.Pages {
		g.req = c.walk.Ask(c.state.State)
	}
	g.view.scope.received = c.state.Received
	return g, nil
}

// first waits for the first page of the queue. Pages behind it that land meanwhile make room for others.
func (c *chain) first(ctx context.Context) *flight {
	a := c.ahead
	for {
		c.launch(ctx)
		f := a.queue[0]
		select {
		case <-f.done:
			a.queue = a.queue[1:]
			return f
		case <-a.landed:
		}
	}
}

// stale reports whether a page that was asked for ahead, at a guessed state, may have been asked for, or
// classified, by what the pages before it have changed: the hook's memo, or how many records lie behind.
func (c *chain) stale(at *chainState) bool {
	if !bytes.Equal(at.Memo, c.state.Memo) {
		return true
	}
	if at.Received == c.state.Received {
		return false
	}
	return c.walk.Rules.Type != engine.Offset && strings.Contains(c.sr.source(), "page.offset") ||
		c.sr.hooked(c.sr.spec, "classify") && strings.Contains(c.sr.connector.Hook.Text, "received")
}

// aheadOf is how many pages may be in flight now: one until the first page has been read.
func (c *chain) aheadOf() int {
	r := c.walk.Rules
	if r.Parallel < 2 || c.serial || c.sr.job.Serial || c.state.Pages == 0 || c.state.Rung != 0 || c.state.Probe || c.state.Position == nil {
		return 1
	}
	if c.sr.limited || c.sr.job.MaxPages > 0 || c.sr.spec.Limits.Pages > 0 {
		return 1 // a limit is exact one page at a time
	}
	return r.Parallel
}

// launch brings what is in flight up to `parallel` pages, and not past a total that is known. As many
// again may have landed and wait, here or for the disk, unless one of them looks like the last: nobody asks
// for more behind it.
func (c *chain) launch(ctx context.Context) {
	a := c.ahead
	if a.cancel == nil {
		ctx, a.cancel = context.WithCancel(ctx)
		a.ctx = ctx
	}
	if a.parked.Load() {
		return
	}
	parallel := c.walk.Rules.Parallel
	queue := 2*parallel - min(parallel, c.unwritten())
	if a.last.Load() {
		queue = parallel
	}
	for k := int64(len(a.queue)); len(a.queue) < queue && a.flying() < parallel; k++ {
		st := c.state
		if k > 0 {
			next, ok := c.walk.Rules.Ahead(c.state.State, k)
			if !ok || c.beyond(k) {
				return
			}
			st.State = next
		}
		if a.crews <= a.flying() { // none is free; there are at most `parallel`, for so many fly at most
			a.crews++
			a.wg.Go(func() { c.fly(a) })
		}
		f := &flight{state: st, done: make(chan struct{})}
		a.queue = append(a.queue, f)
		a.ready <- f
	}
}

// fly fetches one flight after the other.
func (c *chain) fly(a *ahead) {
	for f := range a.ready {
		if f.g, f.err = c.fetch(a.ctx, f.state); parks(f.err) {
			a.parked.Store(true)
		}
		if f.err != nil || f.g.answer.Class != spec.ClassOK || int64(len(f.g.page.Records)) < max(1, c.walk.Rules.Limit) {
			a.last.Store(true)
		}
		a.land(f)
	}
}

// flying is how many of the queue are in flight.
func (a *ahead) flying() int {
	n := len(a.queue)
	for _, f := range a.queue {
		select {
		case <-f.done:
			n--
		default:
		}
	}
	return n
}

// land says that a flight has come to its end.
func (a *ahead) land(f *flight) {
	close(f.done)
	select {
	case a.landed <- struct{}{}:
	default:
	}
}

// beyond reports whether the k-th page after the next one lies past the total.
func (c *chain) beyond(k int64) bool {
	t, limit := c.state.Total, c.walk.Rules.Limit
	return t != nil && limit > 0 && c.state.Count()+k*limit >= *t
}

// drop lets go of the pages in flight.
func (c *chain) drop() {
	a := c.ahead
	if a == nil {
		return
	}
	c.ahead = nil
	if a.cancel != nil {
		a.cancel()
	}
	close(a.ready)
	a.wg.Wait()
	for _, f := range a.queue {
		f.g.release()
	}
}
