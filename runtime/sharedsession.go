package runtime

import (
	"context"
	"errors"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/runtime/transport"
)

// Chains that are made of a list in the session's last answer (the chunks of an export job) share one
// session. When it is lost, a new one takes its place: what was delivered stays, and the other chains go
// on in the new one, which must list the same parts.

// openShared opens the session that all chains of the stream share, unless the round has one.
func (sr *streamRun) openShared(ctx context.Context) error {
	sr.sharing.Lock()
	defer sr.sharing.Unlock()
	switch s := sr.roundData.Session; {
	case s != nil && s.Waiting:
		waited := *s
		err := sr.awaitSession(ctx, sr.sharedScope(), &waited)
		sr.roundData.Session = &waited
		switch {
		case err == nil:
			return sr.tookShared(ctx)
		case waited.Waiting || !gone(err):
			return err
		}
		return sr.openAnew(ctx)
	case s != nil && sr.alive(s):
		return nil
	}
	sr.closeSession(ctx, sr.sharedScope(), sr.roundData.Session) // older than ttl
	return sr.openAnew(ctx)
}

// gone reports whether err says that a session which was left open is not there any more.
func gone(err error) bool {
	var re *Error
	var te *transport.Error
	return errors.As(err, &re) && re.Code == CodeSessionExpired || errors.As(err, &te) && refuses(te.Status)
}

// openAnew opens a shared session; sr.sharing is held.
func (sr *streamRun) openAnew(ctx context.Context) error {
	s, err := sr.openSession(ctx, sr.sharedScope())
	for n := 0; expired(err) && n < sr.spec.Pagination.Rules.Recoveries(); n++ { // it was lost while it was waited for
		sr.notice("", NoticeSessionLost, err.Error())
		sr.stats.recovered()
		s, err = sr.openSession(ctx, sr.sharedScope())
	}
	if err != nil {
		if s != nil {
			sr.roundData.Session = s
		}
		return err
	}
	sr.roundData.Session = s
	return sr.tookShared(ctx)
}

// otherParts ends the message of a session that cannot be gone on with.
const otherParts = "and the new one lists other parts than those that were read: what is missing cannot be told"

// tookShared checks and keeps a shared session that is ready; sr.sharing is held.
func (sr *streamRun) tookShared(ctx context.Context) error {
	if sr.round.Listed {
		sr.roundData.Reopened = true
		if parts, ok := sr.parts(sr.roundData.Session); ok && sr.roundData.Parts != 0 && parts != sr.roundData.Parts {
			sr.refused = codeError(CodeSessionExpired, "the session was lost, %s", otherParts)
			return sr.refused
		}
	}
	return sr.putRound(ctx)
}

// renewShared gives the chain the session that another chain has opened meanwhile, or a new one. lost says
// that the API has forgotten the old one; one that is only older than ttl is closed when no chain can be
// reading in it any more.
func (c *chain) renewShared(ctx context.Context, lost bool) error {
	sr := c.sr
	sr.sharing.Lock()
	defer sr.sharing.Unlock()
	if sr.refused != nil {
		return sr.refused
	}
	if s := sr.roundData.Session; s == nil || s == c.shared || !sr.alive(s) {
		if s != nil && !lost {
			sr.outlived = append(sr.outlived, s)
		}
		if sr.only() { // no other chain runs
			sr.closeOutlived(ctx)
		}
		if err := sr.openAnew(ctx); err != nil {
			return err
		}
	}
	c.shared = sr.roundData.Session
	return nil
}

// sharedSession is the session that the stream's chains share now.
func (sr *streamRun) sharedSession() *sessionState {
	sr.sharing.Lock()
	defer sr.sharing.Unlock()
	return sr.roundData.Session
}

// closeOutlived closes the sessions that were replaced; sr.sharing is held.
func (sr *streamRun) closeOutlived(ctx context.Context) {
	for _, s := range sr.outlived {
		sr.closeSession(ctx, sr.sharedScope(), s)
	}
	sr.outlived = nil
}

// leaveShared closes the session at the run's end, unless the run comes back to it: one that parked, or
// whose time is up. A session that nothing closes is kept for the next run, unless all of it has been
// read.
func (sr *streamRun) leaveShared(ctx context.Context, done, comesBack bool) {
	sr.sharing.Lock()
	defer sr.sharing.Unlock()
	sr.closeOutlived(ctx)
	if comesBack && sr.refused == nil {
		return
	}
	closed := sr.closeSession(ctx, sr.sharedScope(), sr.roundData.Session)
	if done || closed && sr.spec.Session.Close != nil || sr.refused != nil {
		sr.roundData.Session = nil
	}
}

// refusal is why no chain goes on in the session that all share, nil when they do.
func (sr *streamRun) refusal() error {
	sr.sharing.Lock()
	defer sr.sharing.Unlock()
	return sr.refused
}

// parts is a hash of the list that the chains are made of, whatever its order: chains are told apart by
// the parts' values. ok is false when there is none.
func (sr *streamRun) parts(s *sessionState) (hash uint64, ok bool) {
	p := sessionPartition(sr.spec)
	if p == nil {
		return 0, false
	}
	for _, from := range p.Session.Any {
		if from.Ref == nil {
			continue
		}
		if v, ok := from.Ref.Path.Get(s.Body); ok && rawjson.Kind(v) == '[' {
			for e := range rawjson.Elements(v) {
				hash += xxhash.Sum64(rawjson.Canonical(nil, e)) | 1
			}
			return hash | 1, true
		}
	}
	return 0, false
}

func (sr *streamRun) sharedScope() *scope {
	return &scope{job: sr.bound, config: sr.config, run: sr.id}
}
