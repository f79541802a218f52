package catalog

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// apply takes over what was read whole.
func (k *keeper) apply(p *place, out outcome) {
	if out.name != "" && (out.err == nil || p.version == nil) { // the last good version keeps its name
		p.name = out.name
	}
	switch {
	case out.err != nil:
		k.refuse(p, out.err)
	case p.version != nil && out.id == p.disk: // what was good before, or put aside by Restore
		out.conn.Close()
		k.mend(p)
	default:
		p.disk, p.restored = out.id, false
		k.swap(p, &stored{name: out.name, id: out.id, loaded: time.Now(), files: out.files}, out.conn)
		k.resume(p)
	}
}

// refuse notes that a file cannot be taken as it is.
func (k *keeper) refuse(p *place, err error) {
	gone := errors.Is(err, fs.ErrNotExist) && len(p.seen) == 1 // the YAML file itself
	if gone && p.version == nil {
		if _, err := os.Lstat(p.path); err != nil { // no link that leads nowhere
			k.drop(p)
			return
		}
	}
	if p.problem == nil || p.problem.Error() != err.Error() {
		kind := Refused
		if gone {
			kind = Gone
			err = &goneError{err}
		}
		p.problem, p.since, p.gone = err, time.Now(), gone
		k.change(p, Change{Kind: kind, Before: p.id(), Problem: err})
	}
	if p.version == nil {
		k.resume(p)
	}
}

// goneError says that a connector's file is not there any more.
type goneError struct{ err error }

func (e *goneError) Error() string { return e.err.Error() + "; runs take the last good version" }
func (e *goneError) Unwrap() error { return e.err }

// mend notes that a file is well again.
func (k *keeper) mend(p *place) {
	if p.problem == nil {
		return
	}
	p.problem, p.since, p.gone = nil, time.Time{}, false
	k.change(p, Change{Kind: Mended, Before: p.id()})
}

// drop takes a place out of the catalog.
func (k *keeper) drop(p *place) {
	before := p.id()
	k.remove(p)
	if before != "" || p.problem != nil {
		k.change(p, Change{Kind: Dropped, Before: before})
	}
}

// remove is drop without a word.
func (k *keeper) remove(p *place) {
	delete(k.places, p.key())
	delete(k.queue, p)
	k.index()
	if p.version != nil {
		k.retired = append(k.retired, p.version)
		p.version = nil
	}
	k.stale = true
}

// change tells of a change of a place.
func (k *keeper) change(p *place, c Change) {
	k.stale = true
	c.At, c.Name, c.Path, c.Version = time.Now(), p.label(), p.path, p.id()
	if !p.first.IsZero() {
		c.Took = c.At.Sub(p.first)
	}
	c.log(k.opt.Log)
	if k.opt.Observe != nil {
		k.opt.Observe(c)
	}
}
