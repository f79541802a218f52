package runtime

import (
	"context"
	"database/sql"
	"errors"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// groupPages is how many pages of all chains are committed together at most.
const groupPages = 64

// delivery is one step of one chain on its way to sink and ledger.
type delivery struct {
	sr      *streamRun
	records [][]byte
	list    []byte // page.Page.List of the body they came in
	keys    []string
	commit  engine.Commit
	state   *chainState     // what commit.Chain.State is to say
	verdict *engine.Verdict // what commit.Entry.Evidence is to say
	more    []engine.Commit // chains that are listed with it
	sync    bool            // the chain goes on only when it is durable: its end, a doubt
	wrote   bool            // the sink holds its records
	done    chan error      // buffered; nil once the records are written and, unless commits are grouped, durable
}

// Group says how many pages share a commit; the zero value commits each page as it comes. What is not
// committed when the process dies is fetched again.
type Group struct {
	Pages int           // a commit at least every so many pages
	Every time.Duration // a commit at least so often
}

func (g Group) on() bool { return g.Pages > 1 || g.Every > 0 }

// committer makes records and checkpoints durable together, in the order in which they arrive: one
// goroutine for all chains of a run, so that a sink has one writer and pages of many chains share a
// transaction.
type committer struct {
	ledger Ledger
	sink   Sink
	ctx    context.Context // the sink's: it ends with the run's
	group  Group
	pages  *pageSink // nil unless a loop takes the pages, one by one
	beside bool      // pages come from several goroutines
	in     chan *delivery
	wg     sync.WaitGroup
	err    error       // the first; nothing is written after it
	held   []*delivery // written and acknowledged, not committed yet
	since  time.Time   // the oldest of held was written

	waiting atomic.Int64 // bytes of the bodies that chains have handed over and not seen back
}

// newCommitter starts one for the pages of streams; close ends it. Whether a page that was written is stored
// does not hang on ctx.
func newCommitter(ctx context.Context, l Ledger, s Sink, g Group, streams []*streamRun) *committer {
	if slices.ContainsFunc(streams, func(sr *streamRun) bool { return sr.repeats }) {
		g = Group{} // what is written and not committed would be written again
	}
	c := &committer{ledger: l, sink: s, ctx: ctx, group: g, beside: sideBySide(streams), in: make(chan *delivery, groupPages)}
	if p, ok := s.(*pageSink); ok {
		c.pages, c.sink = p, p.Sink
	}
	c.wg.Go(func() { c.loop(context.WithoutCancel(ctx)) })
	return c
}

// put hands a delivery over; its done channel tells the end.
func (c *committer) put(d *delivery) {
	d.done = make(chan error, 1)
	c.in <- d
}

// close waits until everything that was put is committed.
func (c *committer) close() {
	close(c.in)
	c.wg.Wait()
}

// sideBySide says whether pages are fetched, or chains run, side by side.
func sideBySide(streams []*streamRun) bool {
	return len(streams) > 1 || slices.ContainsFunc(streams, func(sr *streamRun) bool {
		return sr.spec.Pagination.Rules.Parallel > 1 || len(sr.spec.Partitions) > 0 && sr.side() > 1
	})
}

// loop keeps a thread to itself: it spends its time in system calls and in SQLite, and would be handed from
// one thread to another at each of them (7 % of a fast token chain, 10 to 20 % of a sink that works on the
// records). Where short writes meet goroutines that are busy anyway it is the other way about (5 %).
func (c *committer) loop(ctx context.Context) {
	if _, short := c.sink.(Lister); !c.beside || !short {
		goruntime.LockOSThread()
		defer goruntime.UnlockOSThread()
	}
	group := make([]*delivery, 0, groupPages)
	for {
		first, ok, due := c.next()
		if due {
			c.flush(ctx)
			continue
		}
		if !ok {
			c.flush(ctx)
			return
		}
		group = append(group[:0], first)
	more:
		for len(group) < groupPages && c.pages == nil {
			select {
			case d, ok := <-c.in:
				if !ok {
					break more
				}
				group = append(group, d)
			default:
				break more
			}
		}
		c.take(ctx, group)
	}
}

// next waits for a delivery, or until a commit is due.
func (c *committer) next() (d *delivery, ok, due bool) {
	if len(c.held) == 0 || c.group.Every <= 0 {
		d, ok = <-c.in
		return d, ok, false
	}
	t := time.NewTimer(time.Until(c.since.Add(c.group.Every)))
	defer t.Stop()
	select {
	case d, ok = <-c.in:
		return d, ok, false
	case <-t.C:
		return nil, false, true
	}
}

// take writes a group and commits it, at once or with what is held.
func (c *committer) take(ctx context.Context, group []*delivery) {
	if !c.group.on() {
		c.fail(c.commit(ctx, group))
		c.answer(group)
		return
	}
	sync := false
	for _, d := range group {
		if len(c.held) > 0 && c.held[0].sr != d.sr {
			c.flush(ctx) // a mark speaks of one stream's records
		}
		if c.err == nil {
			c.fail(c.write(ctx, d))
		}
		if len(c.held) == 0 {
			c.since = time.Now()
		}
		d.records, d.list, d.keys = nil, nil, nil
		c.held = append(c.held, d)
		sync = sync || d.sync
	}
	if sync || c.err != nil || c.group.Pages > 1 && len(c.held) >= c.group.Pages || c.group.Every > 0 && time.Since(c.since) >= c.group.Every {
		c.flush(ctx)
	}
	c.answer(group)
}

// flush commits what is held.
func (c *committer) flush(ctx context.Context) {
	if len(c.held) == 0 {
		return
	}
	if c.err == nil {
		c.fail(c.store(ctx, c.held[0].sr, c.held))
	}
	c.held = c.held[:0]
}

// fail keeps the first error; after it every delivery fails.
func (c *committer) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *committer) answer(group []*delivery) {
	for _, d := range group {
		d.done <- c.err
	}
}

// commit takes the group stream by stream: writes its records, then stores its checkpoints with the
// sink's mark. A mark must not speak of records whose checkpoint is stored later: streams may share an
// output.
func (c *committer) commit(ctx context.Context, group []*delivery) error {
	if c.err != nil {
		return nil
	}
	for i, first := range group {
		if containsBefore(group, i) {
			continue
		}
		for _, d := range group[i:] {
			if d.sr != first.sr {
				continue
			}
			if err := c.write(ctx, d); err != nil {
				return err
			}
		}
		if err := c.store(ctx, first.sr, group[i:]); err != nil {
			return err
		}
	}
	return nil
}

// write brings a delivery's records to the sink, after the loop that takes its page.
func (c *committer) write(ctx context.Context, d *delivery) error {
	if c.pages != nil {
		if err := c.pages.hand(d); err != nil {
			return err
		}
	}
	if len(d.records) == 0 || d.sr.silent {
		return nil
	}
	faultPoint("before-write")
	if err := c.hand(d); err != nil {
		return c.refused(err)
	}
	d.wrote = true
	faultPoint("after-write")
	return nil
}

// hand gives the sink a delivery's records, as the list that they stand in where it takes such.
func (c *committer) hand(d *delivery) error {
	stream, chain := d.sr.spec.Name, d.commit.Chain.Key
	if l, ok := c.sink.(Lister); ok && d.keys == nil && fill(d.list, d.records) {
		return l.WriteList(c.ctx, stream, chain, d.list, d.records)
	}
	return c.sink.Write(c.ctx, stream, chain, d.records, d.keys)
}

// fill reports whether list is the records where they stand, with one byte behind each, and nothing else.
func fill(list []byte, records [][]byte) bool {
	at := 0
	for _, r := range records {
		if len(r) == 0 || len(list) <= at+len(r) || &list[at] != &r[0] {
			return false
		}
		at += len(r) + 1
	}
	return at == len(list)
}

// refused is why the sink did not take a page.
func (c *committer) refused(err error) *Error {
	switch {
	case errors.Is(err, context.Canceled) && c.ctx.Err() != nil:
		return &Error{Code: CodeInterrupted, Err: err}
	case errors.Is(err, context.DeadlineExceeded) && c.ctx.Err() != nil:
		return &Error{Code: CodeSink, Msg: "the time limit is over and the output has not taken the page; it is sent again when the run is", Err: err}
	}
	return &Error{Code: CodeSink, Err: err}
}

// containsBefore reports whether the stream of group[i] has had its turn.
func containsBefore(group []*delivery, i int) bool {
	for _, d := range group[:i] {
		if d.sr == group[i].sr {
			return true
		}
	}
	return false
}

// encode writes what the commit says of the chain as JSON: here, while the chain asks for its next page.
func (d *delivery) encode() (err error) {
	if d.state != nil {
		d.commit.Chain.State, err = d.state.marshal()
	}
	if d.commit.Entry != nil {
		d.commit.Entry.Evidence = evidenceJSON(d.verdict, d.sr.redact.String)
	}
	d.state, d.verdict = nil, nil
	return err
}

func (c *committer) store(ctx context.Context, sr *streamRun, group []*delivery) error {
	commits := make([]engine.Commit, 0, len(group))
	wrote := false
	for _, d := range group {
		if d.sr == sr {
			if err := d.encode(); err != nil {
				return &Error{Code: CodeState, Err: err}
			}
			commits = append(append(commits, d.commit), d.more...)
			wrote = wrote || d.wrote
		}
	}
	var marks []engine.Mark
	var also func(*sql.Tx) error
	if wrote {
		if tx, ok := c.sink.(TxSink); ok && tx.Database() != "" && tx.Database() == c.ledger.Path() {
			also = func(t *sql.Tx) error { return tx.Tx(ctx, t) }
		}
		target, mark, err := c.sink.Mark(c.ctx, sr.spec.Name)
		if err != nil {
			return c.refused(err)
		}
		if target != "" {
			marks = []engine.Mark{{Target: target, Data: mark, Volatile: !c.sink.Durable(sr.spec.Name)}}
		}
	}
	for _, n := range c.sink.Notes() {
		sr.notice("", n[0], n[1])
	}
	faultPoint("before-checkpoint")
	defer faultPoint("after-checkpoint")
	if err := c.ledger.Commit(ctx, sr.lease, commits, marks, also); err != nil {
		if errors.Is(err, engine.ErrFenced) {
			return &Error{Code: CodeState, Msg: "another run has taken over stream " + sr.spec.Name + "; this one stops", Err: err}
		}
		return &Error{Code: CodeState, Err: err}
	}
	return nil
}
