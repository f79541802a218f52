package host

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

// againTime is how often what could not be written is tried again.
const againTime = time.Second

// backlog writes what the service notes of runs and jobs, and keeps in memory what the state file did
// not take, on a full disk for example, until it does.
type backlog struct {
	db   *store.DB
	book *book
	wake chan struct{}

	turn sync.Mutex // one writes at a time: what is older never comes after what is newer

	mu     sync.Mutex
	runs   map[string]lateRun
	jobs   map[string]memo
	leases map[leaseName]engine.Lease // to give back
	ends   map[string]engine.Run      // of the ledger's runs
}

// leaseName is a lease without its owner, who is always the service.
type leaseName struct {
	engine.StreamKey
	epoch int64
}

// lateRun is a run as it is to be noted.
type lateRun struct {
	status RunStatus
	open   bool
	plan   []byte
}

func newBacklog(db *store.DB, b *book) *backlog {
	return &backlog{db: db, book: b, wake: make(chan struct{}, 1),
		runs: map[string]lateRun{}, jobs: map[string]memo{}, leases: map[leaseName]engine.Lease{}, ends: map[string]engine.Run{}}
}

// late keeps v in m when err says that it could not be written, else forgets what m has of it.
func late[K comparable, V any](b *backlog, m map[K]V, k K, v V, err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		delete(m, k)
		return nil
	}
	m[k] = v
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return err
}

// putRun notes a run. After an error it is noted later; until then run and unlisted have it.
func (b *backlog) putRun(ctx context.Context, r lateRun) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	err := late(b, b.runs, r.status.ID, r, b.book.put(ctx, &r.status, r.open, r.plan))
	if err != nil {
		b.trim()
	}
	return err
}

// putJob notes when a job was due. After an error it is noted later.
func (b *backlog) putJob(ctx context.Context, name string, m memo) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	return late(b, b.jobs, name, m, b.book.putJob(ctx, name, m))
}

// release gives a lease back. After an error it is given back later, at the latest before the stream is
// taken again.
func (b *backlog) release(ctx context.Context, l engine.Lease) error {
	return late(b, b.leases, leaseName{l.Stream, l.Epoch}, l, b.db.Release(ctx, l))
}

// acquire takes a stream, and gives back before what is left of a run of this service that has ended.
func (b *backlog) acquire(ctx context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error) {
	b.mu.Lock()
	var old []engine.Lease
	for name, l := range b.leases {
		if name.StreamKey == s {
			old = append(old, l)
		}
	}
	b.mu.Unlock()
	for _, l := range old {
		if err := b.release(ctx, l); err != nil {
			return engine.Lease{}, err
		}
	}
	return b.db.Acquire(ctx, s, o)
}

// endRun notes the end of the ledger's run. After an error it is noted later.
func (b *backlog) endRun(ctx context.Context, r engine.Run) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	return late(b, b.ends, r.ID, r, b.db.EndRun(ctx, r))
}

// run is a run that is still to be noted.
func (b *backlog) run(id string) (RunStatus, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.runs[id]
	return r.status, ok
}

// find is a run as it was noted last, or is to be noted; ok is false when there is none of that id.
func (b *backlog) find(ctx context.Context, id string) (s RunStatus, ok bool, err error) {
	if s, ok = b.run(id); ok {
		return s, true, nil
	}
	return b.book.get(ctx, id)
}

// unlisted are the runs that the book knows nothing of yet, newest first.
func (b *backlog) unlisted(ctx context.Context) ([]RunStatus, error) {
	b.mu.Lock()
	var list []RunStatus
	for _, r := range b.runs {
		list = append(list, r.status)
	}
	b.mu.Unlock()
	var err error
	list = slices.DeleteFunc(list, func(s RunStatus) bool {
		_, ok, e := b.book.get(ctx, s.ID)
		err = cmp.Or(err, e)
		return ok
	})
	slices.SortFunc(list, func(x, y RunStatus) int { return cmp.Or(y.Created.Compare(x.Created), cmp.Compare(y.ID, x.ID)) })
	return list, err
}

// trim drops the oldest runs that are over, beyond those that the book would remember.
func (b *backlog) trim() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.runs) <= keepRuns {
		return
	}
	var over []RunStatus
	for _, r := range b.runs {
		if !r.open {
			over = append(over, r.status)
		}
	}
	slices.SortFunc(over, func(x, y RunStatus) int { return x.Created.Compare(y.Created) })
	for i := 0; i < len(over) && len(b.runs) > keepRuns; i++ {
		delete(b.runs, over[i].ID)
		delete(b.ends, over[i].ID)
	}
}

// flush writes what is left, and returns how many things it is that could still not be written.
func (b *backlog) flush(ctx context.Context) (left int, err error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	b.mu.Lock()
	leases, ends := slices.Collect(maps.Values(b.leases)), slices.Collect(maps.Values(b.ends))
	jobs, runs := maps.Clone(b.jobs), slices.Collect(maps.Values(b.runs))
	b.mu.Unlock()
	slices.SortFunc(runs, func(x, y lateRun) int { return x.status.Created.Compare(y.status.Created) })
	for _, l := range leases {
		if err = b.release(ctx, l); err != nil {
			break
		}
	}
	for _, r := range ends {
		if err != nil {
			break
		}
		err = late(b, b.ends, r.ID, r, b.db.EndRun(ctx, r))
	}
	for name, m := range jobs {
		if err != nil {
			break
		}
		err = late(b, b.jobs, name, m, b.book.putJob(ctx, name, m))
	}
	for _, r := range runs {
		if err != nil {
			break
		}
		err = late(b, b.runs, r.status.ID, r, b.book.put(ctx, &r.status, r.open, r.plan))
	}
	return b.size(), err
}

// size is how many things are still to be written.
func (b *backlog) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.leases) + len(b.ends) + len(b.jobs) + len(b.runs)
}

// catchUp writes what the state file did not take as soon as it does, until ctx ends.
func (h *Host) catchUp(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.late.wake:
		}
		if h.late.size() == 0 { // something of a round before
			continue
		}
		t := time.NewTicker(againTime)
		for left := 1; left > 0; {
			select {
			case <-ctx.Done():
				t.Stop()
				return
			case <-t.C:
			}
			if left, _ = h.late.flush(context.WithoutCancel(ctx)); left == 0 {
				h.log.Info("the state file can be written again: what it lacked is noted")
			}
		}
		t.Stop()
	}
}
