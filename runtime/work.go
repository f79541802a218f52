package runtime

import (
	"context"
	"sync"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sync/semaphore"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime/transport"
)

// maxTurns bounds how many chains of one run are worked on at a time, when nothing else does. A stream
// that asks for more gets what it asks for.
const maxTurns = 64

// turns is the pool that all streams of a run share: a chain is worked on while it holds one. Who asked
// first is served first, so that streams side by side get their share each.
type turns struct{ free *semaphore.Weighted }

// Pool bounds how many chains of all runs that share it are worked on at a time: one per process. Who
// asked first is served first, so that runs and streams side by side get their share each.
type Pool struct{ free *semaphore.Weighted }

// NewPool makes a pool of n chains at a time; n below 1 means 64.
func NewPool(n int) *Pool {
	if n < 1 {
		n = maxTurns
	}
	return &Pool{semaphore.NewWeighted(int64(n))}
}

// newTurns makes the pool for the streams of a run: as many as Job.Chains says, else what the streams
// ask for together.
func newTurns(streams []*streamRun) *turns {
	sum, most := 0, 0
	for _, sr := range streams {
		sum += sr.side()
		most = max(most, sr.side())
	}
	n := max(most, min(sum, maxTurns))
	if len(streams) > 0 && streams[0].job.Chains > 0 {
		n = streams[0].job.Chains
	}
	return &turns{semaphore.NewWeighted(int64(max(1, n)))}
}

// side is how many chains of the stream run side by side.
func (sr *streamRun) side() int {
	n := sr.spec.Chains.Concurrency
	if sr.job.Chains > 0 {
		n = sr.job.Chains
	}
	return max(1, n)
}

// queue hands out the pending chains of a stream: those that were cut out of others while they ran
// first, then those of the ledger in their order.
type queue struct {
	sr *streamRun

	mu     sync.Mutex
	wake   sync.Cond
	halves []engine.Chain
	batch  []engine.Chain
	after  int64 // ordinal of the last one that was read from the ledger
	upTo   int64 // what is listed beyond is in halves
	whole  bool  // nothing is left in the ledger
	busy   int   // chains that are being run, and may be cut
	given  map[uint64]struct{}
	err    error
}

func newQueue(sr *streamRun) *queue {
	q := &queue{sr: sr, upTo: sr.last}
	q.wake.L = &q.mu
	if w := sr.windowPartition(); w != nil && (w.SplitOver > 0 || sr.spec.Pagination.Rules.Cap > 0) {
		q.given = map[uint64]struct{}{}
	}
	return q
}

// next waits for a chain; ok is false when there is none left, or the run is to stop.
func (q *queue) next(ctx context.Context, stop func() bool) (row engine.Chain, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.err != nil || stop() {
			return row, false
		}
		if row, ok = q.pop(ctx); ok {
			q.busy++
			return row, true
		}
		if q.err != nil || q.busy == 0 {
			q.wake.Broadcast()
			return row, false
		}
		q.wake.Wait()
	}
}

func (q *queue) pop(ctx context.Context) (row engine.Chain, ok bool) {
	for {
		if n := len(q.halves); n > 0 {
			row, q.halves = q.halves[n-1], q.halves[:n-1]
		} else if row, ok = q.listed(ctx); !ok {
			return row, false
		}
		if q.given == nil {
			return row, true
		}
		h := xxhash.Sum64String(row.Key)
		if _, twice := q.given[h]; !twice {
			q.given[h] = struct{}{}
			return row, true
		}
	}
}

// listed is the next pending chain of the ledger.
func (q *queue) listed(ctx context.Context) (row engine.Chain, ok bool) {
	if len(q.batch) == 0 && !q.whole {
		q.batch, q.err = q.sr.job.Ledger.Chains(ctx, q.sr.name, q.after, chainBatch, true)
		q.whole = len(q.batch) < chainBatch
	}
	if len(q.batch) == 0 || q.batch[0].Ordinal > q.upTo {
		return row, false
	}
	row, q.batch = q.batch[0], q.batch[1:]
	q.after = row.Ordinal
	return row, true
}

// done tells that a chain has been run.
func (q *queue) done() {
	q.mu.Lock()
	q.busy--
	q.mu.Unlock()
	q.wake.Broadcast()
}

// push adds chains that were cut out of one that is being run.
func (q *queue) push(chains []engine.Chain) {
	q.mu.Lock()
	for i := len(chains) - 1; i >= 0; i-- { // the first of them is handed out first
		q.halves = append(q.halves, chains[i])
	}
	q.mu.Unlock()
	q.wake.Broadcast()
}

// work opens what the chains share, lists them, and runs those that are pending.
func (sr *streamRun) work(ctx context.Context, sum *summary) (err error) {
	if sr.stopped() {
		sum.add(engine.Chain{}, chainEnd{verdict: Interrupted, reason: CodeInterrupted})
		return nil
	}
	if sessionPartition(sr.spec) != nil {
		defer func() {
			if !sr.kept() {
				sr.leaveShared(ctx, sum.verdict() == Complete, parks(err) || sum.comesBack())
			}
		}()
		if err := sr.openShared(ctx); err != nil {
			return err
		}
	}
	if err := sr.list(ctx); err != nil {
		return err
	}
	if sr.only() {
		return sr.runPart(ctx, sum)
	}
	sr.queue, sr.borders = newQueue(sr), newBorders(sr)
	var wg sync.WaitGroup
	for range sr.side() {
		wg.Go(func() { sr.worker(ctx, sum) })
	}
	wg.Wait()
	return sr.queue.err
}

// worker runs one chain after the other.
func (sr *streamRun) worker(ctx context.Context, sum *summary) {
	for {
		row, ok := sr.queue.next(ctx, sum.stop)
		if !ok {
			return
		}
		release, err := sr.turn(ctx)
		if err != nil {
			sum.add(row, chainEnd{verdict: Interrupted, reason: CodeInterrupted})
			sr.queue.done()
			return
		}
		if !sum.stop() {
			sr.one(ctx, row, sum)
		}
		release()
		sr.queue.done()
	}
}

// turn waits for a place among the run's chains, then for one among the process's.
func (sr *streamRun) turn(ctx context.Context) (release func(), err error) {
	ctx, cancel := transport.WithStop(ctx, sr.job.Stop)
	defer cancel()
	if err := sr.turns.free.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	pool := sr.job.Pool
	if pool == nil {
		return func() { sr.turns.free.Release(1) }, nil
	}
	if err := pool.free.Acquire(ctx, 1); err != nil {
		sr.turns.free.Release(1)
		return nil, err
	}
	return func() {
		pool.free.Release(1)
		sr.turns.free.Release(1)
	}, nil
}

// one runs one chain to its end, or until its slice is used up.
func (sr *streamRun) one(ctx context.Context, row engine.Chain, sum *summary) chainEnd {
	sr.stats.chain()
	sr.tell(Event{Kind: EventChainStart, Chain: row.Key})
	c, err := sr.chain(ctx, row)
	var end chainEnd
	if err != nil {
		end = (&chain{sr: sr}).broken(err)
	} else {
		if sr.only() {
			c.slice = sr.part.slice
		}
		end = c.cutAfter(ctx, c.whole(ctx))
		sr.forgetMark(c)
	}
	if end.split {
		end.verdict, end.attested = Complete, engine.Proved // its halves answer for it
	}
	if end.yield {
		end.verdict, end.reason, end.detail = Truncated, CodeLimit, errSpent
	}
	end.detail = sr.redact.String(end.detail)
	sum.add(row, end)
	sr.tell(Event{Kind: EventChainEnd, Chain: row.Key, Verdict: end.verdict, Reason: end.reason, Detail: end.detail, Until: end.until})
	return end
}
