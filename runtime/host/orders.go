package host

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/lastpage/lastpage/runtime/transport"
)

// command finds an open run and gives it an order, as its phase allows.
func (h *Host) command(ctx context.Context, id string, o order) (RunStatus, error) {
	rs := h.runs
	rs.mu.Lock()
	r := rs.byID[id]
	if r == nil {
		rs.mu.Unlock()
		if _, ok, err := h.late.find(ctx, id); err != nil || ok {
			return RunStatus{}, errors.Join(err, ErrOver)
		}
		return RunStatus{}, ErrNoRun
	}
	r.mu.Lock()
	phase := r.status.Phase
	idle := phase != Running
	if phase == Queued && !slices.Contains(rs.queue, r) {
		idle = false // it is being begun
	}
	switch {
	case !idle:
	case o == orderPause && phase == Paused:
	case o == orderPause:
		r.status.Phase, r.status.Until = Paused, time.Time{}
	case o == orderCancel:
		r.status.Phase, r.status.Until, r.status.Ended = Cancelled, time.Time{}, h.now()
		delete(rs.byID, id)
	}
	r.mu.Unlock()
	if idle {
		rs.queue = slices.DeleteFunc(rs.queue, func(q *run) bool { return q == r })
	}
	rs.mu.Unlock()
	if !idle {
		r.tell(o)
		return r.view(), nil
	}
	h.keep(ctx, r)
	h.tellRun(r)
	h.dispatch() // what stood in line behind it may begin
	return r.view(), nil
}

// resume puts a paused or parked run back in line.
func (h *Host) resume(ctx context.Context, id string) (RunStatus, error) {
	rs := h.runs
	rs.mu.Lock()
	r := rs.byID[id]
	if r == nil {
		rs.mu.Unlock()
		if _, ok, err := h.late.find(ctx, id); err != nil || ok {
			return RunStatus{}, errors.Join(err, ErrOver)
		}
		return RunStatus{}, ErrNoRun
	}
	r.mu.Lock()
	ok := !rs.ending && (r.status.Phase == Paused || r.status.Phase == Sleeping)
	if ok {
		r.status.Phase, r.status.Until = Queued, time.Time{}
		rs.queue = append(rs.queue, r)
	}
	r.mu.Unlock()
	rs.mu.Unlock()
	if !ok {
		return RunStatus{}, ErrPhase
	}
	h.keep(ctx, r)
	h.tellRun(r)
	h.dispatch()
	return r.view(), nil
}

// recall takes up the runs that were not over when the service ended last.
func (h *Host) recall(ctx context.Context) error {
	return h.book.open(ctx, func(s RunStatus, sealed []byte) error {
		r := &run{status: s, redact: new(transport.Redactor)}
		text, err := h.own.open(string(sealed), s.ID)
		if err == nil {
			err = json.Unmarshal(text, &r.plan)
		}
		if err != nil {
			h.log.Warn("a run of before cannot go on: it was noted under another key", "run", s.ID)
			h.lost = append(h.lost, s)
			return nil
		}
		r.keys = []string{s.State + "\x00"}
		if v, err := h.Catalog.Use(s.Connector); err == nil {
			r.keys = exclusive(v.Connector.Spec, s.State, s.Streams)
			v.Done()
		}
		if r.status.Phase == Running {
			r.status.Phase = Queued
		}
		h.runs.byID[s.ID] = r
		if r.status.Phase == Queued {
			h.runs.queue = append(h.runs.queue, r)
		}
		return nil
	})
}

// due lists the parked runs whose time has come, and when the next one's comes.
func (rs *runs) due(now time.Time) (ids []string, next time.Time) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for id, r := range rs.byID {
		s := r.view()
		switch {
		case s.Phase != Sleeping:
		case !s.Until.After(now):
			ids = append(ids, id)
		case next.IsZero() || s.Until.Before(next):
			next = s.Until
		}
	}
	return ids, next
}

// endRuns tells every run to finish its pages and waits for all of them.
func (h *Host) endRuns() {
	rs := h.runs
	rs.mu.Lock()
	rs.ending = true
	var list []*run
	for _, r := range rs.byID {
		list = append(list, r)
	}
	rs.mu.Unlock()
	for _, r := range list {
		r.tell(orderShutdown)
	}
	rs.wg.Wait()
}
