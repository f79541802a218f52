package demo

import (
	"fmt"
	"slices"
	"time"
)

// session is something that a client opened: a point in time or an export job.
type session struct {
	kind    string // pit job
	view    []*record
	sorted  map[order][]*record
	expires time.Time     // zero: never
	alive   time.Duration // prolongs expires at each use
	id      string        // newest id, with rotate=1
	chunk   int           // records a chunk
	polls   int           // of a job's status so far
	needed  int           // polls until it is finished
}

const maxSessions = 1000

// open makes a session over the records as they are now and returns its id.
func (c *call) open(kind string, alive time.Duration) (string, *session) {
	v := c.set.view(order{field: "id"})
	w := c.world
	w.mu.Lock()
	defer w.mu.Unlock()
	makeRoom(w.sessions, maxSessions)
	w.nonce++
	id := fmt.Sprintf("%s-%06d", kind, w.nonce)
	s := &session{kind: kind, view: v, id: id, alive: alive}
	if alive > 0 {
		s.expires = c.api.now().Add(alive)
	}
	w.sessions[id] = s
	return id, s
}

// find returns an open session, prolonged, or nil.
func (w *World) find(kind, id string) *session {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.sessions[id]
	if s == nil || s.kind != kind {
		return nil
	}
	now := w.api.now()
	if !s.expires.IsZero() && now.After(s.expires) {
		delete(w.sessions, id)
		return nil
	}
	if s.alive > 0 {
		s.expires = now.Add(s.alive)
	}
	return s
}

// shut closes a session and reports whether it was open.
func (w *World) shut(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.sessions[id]
	delete(w.sessions, id)
	return ok
}

// rename gives a session a new id; the old one is refused from now on.
func (w *World) rename(old string, s *session) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nonce++
	id := fmt.Sprintf("%s-%06d", s.kind, w.nonce)
	delete(w.sessions, old)
	w.sessions[id] = s
	s.id = id
	return id
}

// in returns the session's snapshot in an order.
func (s *session) in(w *World, o order) []*record {
	w.mu.Lock()
	defer w.mu.Unlock()
	v, ok := s.sorted[o]
	if !ok {
		v = slices.Clone(s.view)
		slices.SortFunc(v, o.compare)
		if s.sorted == nil {
			s.sorted = map[order][]*record{}
		}
		s.sorted[o] = v
	}
	return v
}
