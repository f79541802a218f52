package catalog

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// halfWait is how many times longer than Settle a file is waited for that looks half written.
	halfWait = 10
	// busyWait is how many times Settle a file is waited for at most that is written again and again.
	busyWait = 20
)

// keeper owns the places: one goroutine, which others ask.
type keeper struct {
	c       *Catalog
	opt     *Options
	places  map[string]*place // by path
	byDir   map[string][]*place
	found   found
	watch   *watch
	archive *archive
	history map[string][]*stored // by connector, the newest first

	queue   map[*place]struct{} // that have a due time
	reading int
	slots   chan struct{}
	results chan result
	jobs    sync.WaitGroup

	look    time.Time // when to look at the paths; zero: not
	opened  bool      // everything was read once
	stale   bool      // the view is not what the places are
	doubled bool      // two places seem to have one connector, and one of them is being read
	retired []*Version
	idle    []chan struct{}
}

// result is the outcome of a place's task.
type result struct {
	p   *place
	out outcome
}

func newKeeper(c *Catalog) (*keeper, error) {
	k := &keeper{
		c: c, opt: &c.opt, places: map[string]*place{}, history: map[string][]*stored{}, queue: map[*place]struct{}{},
		slots: make(chan struct{}, c.opt.Workers), results: make(chan result), watch: &watch{log: c.opt.Log},
	}
	for _, p := range k.opt.Paths {
		if _, err := os.Stat(p); err != nil {
			return nil, err
		}
	}
	list, err := shipped(k.opt.Shipped, len(k.opt.Paths))
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		k.places[p.key()] = p
	}
	if k.archive, err = openArchive(k.opt); err != nil {
		return nil, err
	}
	return k, nil
}

// key tells places apart: the shipped set has paths of its own.
func (p *place) key() string {
	if p.fsys != nil {
		return "shipped:" + p.path
	}
	return p.path
}

// run serves until ctx ends.
func (k *keeper) run(ctx context.Context) {
	defer k.end()
	again := time.NewTicker(k.opt.Rescan)
	defer again.Stop()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		k.start(ctx)
		k.publish()
		k.settle()
		next := k.next()
		timer.Stop()
		if !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return
		case f := <-k.c.ask:
			f(k)
		case r := <-k.results:
			k.finish(r)
		case e, ok := <-k.watch.events:
			if !ok {
				k.watch.close()
				break
			}
			k.event(e)
		case err, ok := <-k.watch.errors:
			if ok && errors.Is(err, fsnotify.ErrEventOverflow) {
				k.rescan(nil)
			}
		case <-again.C:
			k.rescan(nil)
		case <-timer.C:
		}
	}
}

// end waits for the readers and lets the versions go.
func (k *keeper) end() {
	close(k.c.over)
	k.jobs.Wait()
	k.watch.close()
	old := k.c.view.Load()
	k.c.view.Store(&view{byName: map[string]*Version{}, list: old.list, closed: true})
	for _, p := range k.places {
		if p.version != nil {
			p.version.Done()
		}
	}
	for _, v := range k.retired {
		v.Done()
	}
}

// next is when something is due.
func (k *keeper) next() time.Time {
	at := k.look
	for p := range k.queue {
		if at.IsZero() || p.due.Before(at) {
			at = p.due
		}
	}
	return at
}

// rescan looks at everything at once; idle is closed when nothing is left to do.
func (k *keeper) rescan(idle chan struct{}) {
	now := time.Now()
	k.look = now
	for _, p := range k.places {
		if p.fsys == nil || p.seen == nil {
			k.put(p, now)
		}
	}
	if idle != nil {
		k.idle = append(k.idle, idle)
	}
}

// put says when a place is to be read.
func (k *keeper) put(p *place, due time.Time) {
	p.due, p.queued = due, true
	k.queue[p] = struct{}{}
}

// mark notes a sign of change: the place is read when it has been left alone for a while.
func (k *keeper) mark(p *place) {
	now := time.Now()
	if p.first.IsZero() {
		p.first = now
	}
	p.touched = now
	due := now.Add(k.opt.Settle)
	if last := p.first.Add(busyWait * k.opt.Settle); due.After(last) {
		due = last
	}
	k.put(p, due)
}

// start looks at the paths and reads what is due.
func (k *keeper) start(ctx context.Context) {
	now := time.Now()
	if !k.look.IsZero() && !k.look.After(now) {
		k.look = time.Time{}
		k.discover(now)
	}
	for p := range k.queue {
		if p.due.After(now) {
			continue
		}
		delete(k.queue, p)
		p.queued = false
		if p.loading {
			p.again = true
			continue
		}
		p.loading = true
		k.reading++
		t := task{fsys: p.fsys, path: p.path, dir: p.dir, single: p.single, before: p.seen, touched: p.touched, wait: halfWait * k.opt.Settle}
		k.jobs.Go(func() { k.read(ctx, p, t) })
	}
}

// read makes one task; it runs beside the keeper.
func (k *keeper) read(ctx context.Context, p *place, t task) {
	r := result{p: p}
	select {
	case k.slots <- struct{}{}:
		r.out = k.opt.load(ctx, t)
		<-k.slots
	case <-ctx.Done():
		return
	}
	select {
	case k.results <- r:
	case <-ctx.Done():
		if r.out.conn != nil {
			r.out.conn.Close()
		}
	}
}

// settle tells those who wait that nothing is left to do.
func (k *keeper) settle() {
	if len(k.idle) == 0 || k.reading > 0 || len(k.queue) > 0 || !k.look.IsZero() {
		return
	}
	for _, c := range k.idle {
		close(c)
	}
	k.idle, k.opened = nil, true
}

// finish takes the outcome of a reading over.
func (k *keeper) finish(r result) {
	p, out := r.p, r.out
	p.loading = false
	k.reading--
	now := time.Now()
	switch {
	case k.places[p.key()] != p: // dropped meanwhile
		if out.conn != nil {
			out.conn.Close()
		}
		return
	case out.half:
		if p.first.IsZero() {
			p.first = now
		}
		due := p.touched.Add(halfWait * k.opt.Settle)
		if soonest := now.Add(k.opt.Settle); due.Before(soonest) {
			due = soonest
		}
		k.put(p, due)
	case out.moving:
		k.put(p, now.Add(2*k.opt.Settle))
	case out.same:
		p.first = time.Time{}
	default:
		p.seen = out.seen
		k.apply(p, out)
		p.first = time.Time{}
	}
	k.stale = k.stale || k.doubled
	if p.again {
		p.again = false
		k.put(p, now)
	}
}
