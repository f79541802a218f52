package runtime

// pending is a page that was handed to the committer and has not been acknowledged.
type pending struct {
	d     *delivery
	g     *got
	event PageEvent

	duplicates int
	crossed    int // of duplicates: delivered in another window
	met        int // records that an earlier run delivered, when the page was here before
}

// A chain goes on while its last pages are being written, so that the disk's hesitations do not hold up
// the network, and pages that wait share a commit. In each run at most backlogBytes of bodies wait, and
// one page of each chain.
const (
	backlogPages = 2
	backlogBytes = 8 << 20
)

// backlog is how many of the chain's pages may wait when another one is handed over.
func (c *chain) backlog() int {
	switch {
	case c.sr.job.Serial, c.sr.repeats, c.sr.out == nil, c.sr.out.waiting.Load() > backlogBytes:
		return 0
	case c.ahead != nil:
		return max(backlogPages, c.walk.Rules.Parallel)
	}
	return backlogPages
}

// hand gives a page to the committer.
func (c *chain) hand(p *pending) {
	c.sr.out.put(p.d)
	c.sr.out.waiting.Add(p.event.Bytes)
	p.g.owned = true
	c.pending = append(c.pending, p)
}

// unwritten is how many pages are with the committer now.
func (c *chain) unwritten() int {
	n := 0
	for _, p := range c.pending {
		if len(p.d.done) == 0 {
			n++
		}
	}
	return n
}

// settle waits for the pages that were handed to the committer, and tells them.
func (c *chain) settle() error { return c.settleTo(0) }

// settleTo waits until at most n pages are with the committer; after an error, until none is. Others that
// are committed already are let go of, too.
func (c *chain) settleTo(n int) error {
	var first error
	for len(c.pending) > 0 {
		p := c.pending[0]
		if len(c.pending) <= n && len(p.d.done) == 0 {
			break
		}
		c.pending = append(c.pending[:0], c.pending[1:]...)
		err := <-p.d.done
		c.sr.out.waiting.Add(-p.event.Bytes)
		p.g.release()
		if err != nil {
			n = 0
			if first == nil {
				first = err
			}
			continue
		}
		c.sr.stats.page(p)
		c.sr.tell(Event{Kind: EventPage, Chain: c.key, Page: &p.event})
	}
	return first
}
