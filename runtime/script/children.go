package script

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// children makes calls in child processes: one call at a time in each, as many as there are slots. A
// child that does not come back in time is killed, and the next call gets a new one.
type children struct {
	argv   []string
	limits Limits
	slots  *Slots
	code   *code // for where functions begin
	load   []byte

	mu     sync.Mutex
	closed bool
	idle   []*child
	all    map[*child]bool
}

// rest is how long a child is kept for the next call.
const rest = time.Minute

var errClosed = errors.New("the program is closed")

func newChildren(opt Options, slots *Slots, hook *HookSource, exprs []Source, c *code) (*children, error) {
	body, err := json.Marshal(load{Hook: hook, Exprs: exprs, Roles: opt.Roles, Limits: c.limits})
	if err != nil {
		return nil, err
	}
	return &children{argv: opt.Worker, limits: c.limits, slots: slots, code: c, load: body, all: map[*child]bool{}}, nil
}

// run implements isolation.
func (p *children) run(ctx context.Context, j *job) ([]Result, error) {
	if err := p.slots.acquire(ctx); err != nil {
		return nil, err
	}
	defer p.slots.release()
	defer p.slots.count(j, time.Now())
	u := p.code.hook
	if j.function == "" {
		u = p.code.exprs[j.id]
	}
	body := packJob(j, u.names)
	for again := range 2 {
		c, err := p.take(ctx)
		if err != nil {
			return nil, err
		}
		results, err := c.do(ctx, j, body)
		var gone *goneError
		if !errors.As(err, &gone) {
			p.put(c)
			return results, err
		}
		p.drop(c)
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if limit := gone.limit(); limit != "" {
			return nil, p.limitError(limit, u, j)
		}
		if again == 1 || gone.killed == "closed" {
			return nil, err
		}
	}
	return nil, errClosed
}

// limitError is the error of a call whose child has ended: where it was is not known, only what it
// was.
func (p *children) limitError(limit Limit, u *unit, j *job) error {
	e := limitError(limit, p.limits)
	at := u.begins(j.function)
	e.Function, e.File, e.Line, e.Col = j.function, at.file, at.line, at.col
	if !u.hook {
		e.Source = u.origin.text
	}
	return e
}

// take returns a child that waits, or a new one.
func (p *children) take(ctx context.Context) (*child, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		c.timer.Stop()
		return c, nil
	}
	p.mu.Unlock()
	c, err := startChild(ctx, p.argv, p.load)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.end()
		return nil, errClosed
	}
	p.all[c] = true
	p.slots.children.Add(1)
	return c, nil
}

// put keeps a child for the next call.
func (p *children) put(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // close ends it
	}
	p.idle = append(p.idle, c)
	c.timer = time.AfterFunc(rest, func() { p.retire(c) })
}

// retire ends a child that was idle for long.
func (p *children) retire(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, x := range p.idle {
		if x == c {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			p.forget(c)
			c.end()
			return
		}
	}
}

// drop forgets a child that has ended.
func (p *children) drop(c *child) {
	c.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(c)
}

// forget takes a child off the list; p.mu is held.
func (p *children) forget(c *child) {
	if p.all[c] {
		delete(p.all, c)
		p.slots.children.Add(-1)
	}
}

// close implements isolation.
func (p *children) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.all {
		if c.timer != nil {
			c.timer.Stop()
		}
		c.kill("closed")
		c.end()
	}
	p.slots.children.Add(-int64(len(p.all)))
	p.idle, p.all = nil, nil
}
