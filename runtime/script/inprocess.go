package script

import (
	"context"
	"errors"
	goruntime "runtime"
	"time"
)

// isolation is where calls run.
type isolation interface {
	// run makes the calls of a job: one result, or one per record.
	run(ctx context.Context, j *job) ([]Result, error)
	close()
}

// acquire takes a slot. The clock of a call starts after it.
func (s *Slots) acquire(ctx context.Context) error {
	select {
	case s.free <- struct{}{}:
		return nil
	default:
	}
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	select {
	case s.free <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Slots) release() { <-s.free }

// acquireAll takes every slot, so that nothing else runs.
func (s *Slots) acquireAll(ctx context.Context) error {
	select {
	case s.lone <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-s.lone }()
	for n := range cap(s.free) {
		if err := s.acquire(ctx); err != nil {
			for range n {
				s.release()
			}
			return err
		}
	}
	return nil
}

// inProcess runs calls on the caller's goroutine.
type inProcess struct {
	code  *code
	slots *Slots
}

func (p *inProcess) close() {}

// run implements isolation. The heap is the whole process's: a call that seems to have used too much
// is made once more with no other script beside it before that is believed. Calls are pure, so this
// changes nothing else.
func (p *inProcess) run(ctx context.Context, j *job) ([]Result, error) {
	if err := p.slots.acquire(ctx); err != nil {
		return nil, err
	}
	began := time.Now()
	results, err := p.code.run(ctx, j, nil)
	p.slots.release()
	p.slots.count(j, began)
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != LimitMemory {
		return results, err
	}
	if err := p.slots.acquireAll(ctx); err != nil {
		return nil, err
	}
	defer func() {
		for range cap(p.slots.free) {
			p.slots.release()
		}
	}()
	goruntime.GC()
	return p.code.run(ctx, j, nil)
}

// run makes the calls of j. done, when it is not nil, is called after each with its result.
func (c *code) run(ctx context.Context, j *job, done func(Result)) ([]Result, error) {
	u := c.hook
	if j.function == "" {
		u = c.exprs[j.id]
	}
	if done == nil {
		done = func(Result) {}
	}
	if !j.each {
		m := c.newMachine(ctx, u, j, 0)
		defer m.close()
		var res Result
		if err := m.protect(func() {
			m.prepare()
			res = m.run(nil)
			m.watch.pause()
		}); err != nil {
			return nil, err
		}
		done(res)
		return []Result{res}, nil
	}
	results := make([]Result, 0, len(j.records))
	var m *machine
	defer func() {
		if m != nil {
			m.close()
		}
	}()
	for i, record := range j.records {
		fresh := m == nil
		if fresh {
			m = c.newMachine(ctx, u, j, i)
		} else {
			m.next(i)
		}
		var res Result
		if err := m.protect(func() {
			if fresh {
				m.prepare()
			}
			res = m.run(record)
			m.watch.pause()
		}); err != nil {
			return nil, err
		}
		results = append(results, res)
		done(res)
		if !u.shared || m.opened {
			m.close()
			m = nil
		}
	}
	return results, nil
}
