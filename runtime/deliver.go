package runtime

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/lastpage/lastpage/engine"
)

// groupPages is how many pages of all chains are committed together at most.
const groupPages = 64

// delivery is one step of one chain on its way to sink and ledger.
type delivery struct {
	sr      *streamRun
	records [][]byte
	keys    []string
	commit  engine.Commit
	done    chan error // buffered; nil once records and checkpoint are durable
}

// committer makes records and checkpoints durable together, in the order in which they arrive: one
// goroutine for all chains of a run, so that a sink has one writer and pages of many chains share a
// transaction.
type committer struct {
	ledger Ledger
	sink   Sink
	in     chan *delivery
	wg     sync.WaitGroup
	err    error // the first; nothing is written after it
}

func newCommitter(ctx context.Context, l Ledger, s Sink) *committer {
	c := &committer{ledger: l, sink: s, in: make(chan *delivery, groupPages)}
	c.wg.Go(func() { c.loop(ctx) })
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

func (c *committer) loop(ctx context.Context) {
	group := make([]*delivery, 0, groupPages)
	for first := range c.in {
		group = append(group[:0], first)
	more:
		for len(group) < groupPages {
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
		if c.err == nil {
			c.err = c.commit(ctx, group)
		}
		for _, d := range group {
			d.done <- c.err
		}
	}
}

// commit takes the group stream by stream: writes its records, then stores its checkpoints with the
// sink's mark. A mark must not speak of records whose checkpoint is stored later: streams may share an
// output.
func (c *committer) commit(ctx context.Context, group []*delivery) error {
	for i, first := range group {
		if containsBefore(group, i) {
			continue
		}
		sr := first.sr
		for _, d := range group[i:] {
			if d.sr != sr || len(d.records) == 0 || sr.silent {
				continue
			}
			if err := c.sink.Write(ctx, sr.spec.Name, d.commit.Chain.Key, d.records, d.keys); err != nil {
				return &Error{Code: CodeSink, Err: err}
			}
		}
		if err := c.store(ctx, sr, group[i:]); err != nil {
			return err
		}
	}
	return nil
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

func (c *committer) store(ctx context.Context, sr *streamRun, group []*delivery) error {
	commits := make([]engine.Commit, 0, len(group))
	wrote := false
	for _, d := range group {
		if d.sr == sr {
			commits = append(commits, d.commit)
			wrote = wrote || len(d.records) > 0 && !sr.silent
		}
	}
	var marks []engine.Mark
	var also func(*sql.Tx) error
	if wrote {
		if tx, ok := c.sink.(TxSink); ok && tx.Database() != "" && tx.Database() == c.ledger.Path() {
			also = func(t *sql.Tx) error { return tx.Tx(ctx, t) }
		}
		target, mark, err := c.sink.Mark(ctx, sr.spec.Name)
		if err != nil {
			return &Error{Code: CodeSink, Err: err}
		}
		if target != "" {
			marks = []engine.Mark{{Target: target, Data: mark, Volatile: !c.sink.Durable(sr.spec.Name)}}
		}
	}
	for _, n := range c.sink.Notes() {
		sr.notice("", n[0], n[1])
	}
	if err := c.ledger.Commit(ctx, sr.lease, commits, marks, also); err != nil {
		if errors.Is(err, engine.ErrFenced) {
			return &Error{Code: CodeState, Msg: "another run has taken over stream " + sr.spec.Name + "; this one stops", Err: err}
		}
		return &Error{Code: CodeState, Err: err}
	}
	return nil
}
