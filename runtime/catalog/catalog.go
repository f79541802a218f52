package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/lastpage/lastpage/engine/spec"
)

// Catalog is the connectors as they are now. Its methods may be called by any goroutine.
type Catalog struct {
	opt    Options
	view   atomic.Pointer[view]
	ask    chan func(*keeper) // run by the keeper's goroutine
	over   chan struct{}      // closed when the keeper has ended
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// Open reads every connector once and begins to watch them. A connector that cannot be read is no
// error here: List tells it. The error is about ctx, Shipped, the Archive, or one of Paths that does
// not exist. Close ends the watching.
func Open(ctx context.Context, opt Options) (*Catalog, error) {
	opt = opt.withDefaults()
	c := &Catalog{opt: opt, ask: make(chan func(*keeper)), over: make(chan struct{})}
	c.view.Store(&view{byName: map[string]*Version{}})
	k, err := newKeeper(c)
	if err != nil {
		return nil, err
	}
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	c.wg.Go(func() { k.run(inner) })
	if err := c.Rescan(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close ends the watching and waits for it. Versions in use stay usable until their Done.
func (c *Catalog) Close() {
	c.cancel()
	c.wg.Wait()
}

// ErrClosed says that the catalog was closed.
var ErrClosed = errors.New("the catalog is closed")

// UnknownError says that there is no connector of a name, or none that can be used.
type UnknownError struct {
	Name    string
	Near    string // the name that was likely meant, "" when none is near
	Problem error  // not nil: it is there, and never had a good version
}

func (e *UnknownError) Error() string {
	switch {
	case e.Problem != nil:
		return fmt.Sprintf("connector %s cannot be used: %v", e.Name, e.Problem)
	case e.Near != "":
		return fmt.Sprintf("there is no connector %s; did you mean %s?", e.Name, e.Near)
	}
	return "there is no connector " + e.Name
}

func (e *UnknownError) Unwrap() error { return e.Problem }

// Use returns the version of the connector that a run which begins now takes; the error is an
// *UnknownError, or ErrClosed. The caller calls Done when the run is over.
func (c *Catalog) Use(name string) (*Version, error) {
	for {
		v := c.view.Load()
		got := v.byName[name]
		if got == nil {
			if v.closed {
				return nil, ErrClosed
			}
			return nil, v.unknown(name)
		}
		if got.hold() {
			return got, nil
		}
	}
}

// List tells every connector, in order of name.
func (c *Catalog) List() []Status {
	return append([]Status(nil), c.view.Load().list...)
}

// Status tells one connector; the error is an *UnknownError.
func (c *Catalog) Status(name string) (Status, error) {
	v := c.view.Load()
	if s := v.status(name); s != nil {
		return *s, nil
	}
	return Status{}, v.unknown(name)
}

// Rescan looks at everything now and returns when what had changed is taken over or refused.
func (c *Catalog) Rescan(ctx context.Context) error {
	idle := make(chan struct{})
	if err := c.tell(ctx, func(k *keeper) { k.rescan(idle) }); err != nil {
		return err
	}
	select {
	case <-idle:
		return nil
	case <-c.over:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Versions lists the versions of a connector that Restore can put back, the newest first.
func (c *Catalog) Versions(ctx context.Context, name string) ([]Revision, error) {
	var list []Revision
	err := c.tell(ctx, func(k *keeper) { list = k.revisions(name) })
	if err == nil && len(list) == 0 {
		err = c.view.Load().unknown(name)
	}
	return list, err
}

// Source returns the files of a version: the YAML file first, then the hook when there is one.
func (c *Catalog) Source(ctx context.Context, name, version string) ([]File, error) {
	s, err := c.stored(ctx, name, version)
	if err != nil {
		return nil, err
	}
	return append([]File(nil), s.files...), nil
}

// Restore puts a version back that was used before. It stays until the connector's files change to
// something that is good.
func (c *Catalog) Restore(ctx context.Context, name, version string) error {
	s, err := c.stored(ctx, name, version)
	if err != nil {
		return err
	}
	conn, err := s.compile(&c.opt)
	if err != nil {
		return err
	}
	found := false
	err = c.tell(ctx, func(k *keeper) { found = k.restore(name, s, conn) })
	if err == nil && !found {
		err = c.view.Load().unknown(name)
	}
	if err != nil {
		conn.Close()
	}
	return err
}

// Forget drops a connector whose file is gone; false when there is none of that name that is gone.
func (c *Catalog) Forget(ctx context.Context, name string) (bool, error) {
	var found bool
	err := c.tell(ctx, func(k *keeper) { found = k.forget(name) })
	return found, err
}

// stored is the text of a version.
func (c *Catalog) stored(ctx context.Context, name, version string) (*stored, error) {
	var s *stored
	err := c.tell(ctx, func(k *keeper) { s = k.find(name, version) })
	if err == nil && s == nil {
		if v := c.view.Load(); v.status(name) == nil {
			return nil, v.unknown(name)
		}
		return nil, &VersionError{name, version}
	}
	return s, err
}

// VersionError says that a connector has no such version, or has it no more.
type VersionError struct{ Name, Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("connector %s has no version %s that could be put back", e.Name, e.Version)
}

// tell has the keeper run f and waits until it did.
func (c *Catalog) tell(ctx context.Context, f func(*keeper)) error {
	done := make(chan struct{})
	select {
	case c.ask <- func(k *keeper) {
		f(k)
		k.publish()
		close(done)
	}:
	case <-c.over:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	<-done
	return nil
}

// unknown is the error for a name that cannot be used.
func (v *view) unknown(name string) error {
	if s := v.status(name); s != nil && s.Problem != nil {
		return &UnknownError{Name: name, Problem: s.Problem}
	}
	names := make([]string, 0, len(v.byName))
	for n := range v.byName {
		names = append(names, n)
	}
	return &UnknownError{Name: name, Near: spec.Nearest(name, names)}
}
