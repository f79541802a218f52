package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

// StepWalk makes one call of a walk through all chains of a stream, or through the one that
// at.Partition names: it reads one page of a chain, or one of the parent stream whose records make the
// chains. at.Position is the Next of the call before, nil to begin. As long as there is a Next, the walk
// goes on, also when the call brought no records: after a page of the parent, and while a session that is
// not ready yet is waited for, at most half of Job.TimeLimit in one call; Until is then when to come back.
// The result without Next has the verdict of the whole walk, unless Stands says that nothing could be
// read; the same call may then be made again.
//
// Next holds what Run keeps in the ledger, the ids of open sessions among it: seal it before it leaves
// the process. Otherwise StepWalk is as Step is.
func StepWalk(ctx context.Context, job *Job, at StepAt) (*StepResult, error) {
	walk, err := openWalk(at.Position)
	if err != nil {
		return nil, err
	}
	s, err := newStepper(ctx, job, at.Stream, walk.Began)
	if err != nil {
		return nil, err
	}
	defer s.program.Close()
	s.keep.whole = true
	st := s.connector.Stream(at.Stream)
	if st == nil {
		return nil, (&run{bound: s.bound}).plan(ctx) // which says so
	}
	if err := s.aim(ctx, st, walk, at); err != nil {
		return nil, err
	}
	r, err := s.walk(ctx, st, walk, job.MaxRecords)
	if err != nil {
		return nil, err
	}
	return walk.conclude(r)
}

// aim begins a walk, or makes sure that the one that goes on is of the chain that the caller names.
func (s *stepper) aim(ctx context.Context, st *spec.Stream, walk *walkAt, at StepAt) error {
	begins := walk.Began.IsZero()
	if begins {
		walk.begin(s.connector, st, s.started)
	}
	if at.Partition == nil {
		return nil
	}
	sr, _, err := s.open(ctx, st, walk, 0)
	if err != nil {
		return err
	}
	defer sr.client.Close()
	key, err := sr.partitionKey(at.Partition)
	switch {
	case err != nil:
		return err
	case begins:
		*walk = walkAt{Print: walk.Print, Began: walk.Began, Named: key, Open: true, Chain: json.RawMessage(key)}
	case key != walk.Named:
		return &ArgumentError{"partition", "`next` belongs to another walk; leave the partition out"}
	}
	return nil
}

// nothing reports whether the call read nothing and the walk stands where it stood.
func (r *StepResult) nothing() bool {
	return !r.Fetched && r.Verdict != Complete && r.Halves == nil && r.Next == nil
}

// walk does the work of one call; limit bounds the records that it brings, 0: it does not.
func (s *stepper) walk(ctx context.Context, st *spec.Stream, at *walkAt, limit int64) (*StepResult, error) {
	for {
		switch {
		case at.Open:
			return s.walkChain(ctx, st, at, limit)
		case len(at.Chains) > 0:
			at.enter()
		case at.Parent != nil && len(at.Combos) < fewParents:
			return s.walkParent(ctx, st, at)
		case len(at.Combos) > 0:
			if r, err := s.walkList(ctx, st, at); r != nil || err != nil {
				return r, err
			}
		default:
			return &StepResult{Verdict: Complete}, nil
		}
	}
}

// open readies the stream where the walk stands.
func (s *stepper) open(ctx context.Context, st *spec.Stream, at *walkAt, limit int64) (*streamRun, *envelope, error) {
	s.job.MaxRecords = limit
	sr, saved, err := s.stream(ctx, StepAt{Stream: st.Name, Position: at.Position})
	if err != nil {
		return nil, nil, err
	}
	s.ready(ctx, sr, at.Began)
	wait := time.Minute
	if s.job.TimeLimit > 0 {
		wait = s.job.TimeLimit / 2
	}
	sr.patience = s.started.Add(wait)
	sr.round.Listed = at.Parts != 0
	sr.roundData.Session, sr.roundData.Parts, sr.roundData.Reopened = at.Session, at.Parts, at.Reopened
	if err := at.belongs(sr); err != nil {
		sr.client.Close()
		return nil, nil, err
	}
	return sr, saved, nil
}

// walkChain reads the next page of the open chain.
func (s *stepper) walkChain(ctx context.Context, st *spec.Stream, at *walkAt, limit int64) (*StepResult, error) {
	sr, saved, err := s.open(ctx, st, at, limit)
	if err != nil {
		return nil, err
	}
	defer sr.client.Close()
	if r, err := s.share(ctx, sr, at); r != nil || err != nil {
		return r, err
	}
	state, err := s.resume(sr, saved)
	if err != nil {
		return nil, err
	}
	values, _, _, err := parseKey(string(at.Chain))
	if err != nil {
		return nil, err
	}
	r, err := s.page(ctx, sr, string(at.Chain), state, saved != nil)
	if err != nil {
		sr.closeSession(ctx, sr.sharedScope(), sr.roundData.Session)
		return nil, err
	}
	at.took(sr)
	at.read(r)
	r.values = values
	s.unshare(ctx, sr, at, r)
	return r, nil
}

// walkList lists the chains of the first of what parent's records have given.
func (s *stepper) walkList(ctx context.Context, st *spec.Stream, at *walkAt) (*StepResult, error) {
	sr, _, err := s.open(ctx, st, at, 0)
	if err != nil {
		return nil, err
	}
	defer sr.client.Close()
	if r, err := s.share(ctx, sr, at); r != nil || err != nil {
		return r, err
	}
	values := leaf(at.Combos[0])
	values.open()
	err = sr.combine(ctx, combo{values: values}, func(k combo) error {
		if len(at.Chains) == maxStepChains {
			return &ArgumentError{"partition", fmt.Sprintf("stream %s has more than %d chains%s, and a walk by steps lists no more at a time; walk them one by one, naming each as partition, such as %s",
				st.Name, maxStepChains, ofWhich(at.Combos[0]), at.Chains[0])}
		}
		at.Chains = append(at.Chains, json.RawMessage(k.key()))
		return nil
	})
	if err != nil {
		sr.closeSession(ctx, sr.sharedScope(), sr.roundData.Session)
		return nil, err
	}
	at.Combos = at.Combos[1:]
	if at.over() {
		s.unshare(ctx, sr, at, &StepResult{Verdict: Complete})
	}
	return nil, nil
}

// ofWhich says of which parent's record a list is.
func ofWhich(values json.RawMessage) string {
	if string(values) == "{}" {
		return ""
	}
	return " of " + shown(values)
}

// walkParent reads a page of the parent, and notes what its records give.
func (s *stepper) walkParent(ctx context.Context, st *spec.Stream, at *walkAt) (*StepResult, error) {
	name, take := parentOf(st)
	parent := s.connector.Stream(name)
	room := int64(maxParents - len(at.Combos))
	if parent.Pagination.Token.OneUse {
		room = 0 // its pages cannot be asked for twice
	}
	r, err := s.walk(ctx, parent, at.Parent, room)
	if err != nil {
		return nil, err
	}
	sr, _, err := s.open(ctx, st, at, 0)
	if err != nil {
		return nil, err
	}
	defer sr.client.Close()
	if r.nothing() {
		if !r.end.lasting() {
			sr.closeSession(ctx, sr.sharedScope(), at.Session)
		}
		return r, nil
	}
	kid := child{sr: sr, parent: name, take: take}
	for _, rec := range r.Records {
		from, lacks := kid.combo(r.values, rec)
		if lacks != "" {
			sr.notice("", NoticeParentField, lacks)
			at.Lacking = true
			continue
		}
		at.add(from)
	}
	if len(at.Combos) > maxOnePage {
		return nil, &ArgumentError{"partition", fmt.Sprintf("a page of stream %s makes chains of more than %d records, and cannot be read in parts; read %s by itself and walk %s one partition at a time",
			name, maxOnePage, name, st.Name)}
	}
	at.close(name)
	if at.Lacking && at.over() && len(at.Known) == 0 {
		at.ended(Incomplete, NoticeParentField, lacking(st), "")
	}
	if r.Fetched {
		r.Message = fmt.Sprintf("more to come: %s of stream %s, whose chains come next", plural(int64(len(r.Records)), "record"), name)
	}
	r.Fetched, r.Records, r.Next, r.Halves, r.Verdict, r.Attested, r.Reason = false, nil, nil, nil, Complete, "", ""
	if at.over() {
		r.Message = "" // the walk's end says it
		sr.closeSession(ctx, sr.sharedScope(), at.Session)
	}
	return r, nil
}

// share opens the session that the stream's chains share, or waits for the one that is open. The result
// is set when the call ends with that.
func (s *stepper) share(ctx context.Context, sr *streamRun, at *walkAt) (*StepResult, error) {
	if sessionPartition(sr.spec) == nil {
		return nil, nil
	}
	err := sr.openShared(ctx)
	at.took(sr)
	if err == nil {
		if at.Parts == 0 {
			at.Parts, _ = sr.parts(at.Session)
		}
		sr.roundData.Parts, sr.round.Listed = at.Parts, at.Parts != 0
		return nil, nil
	}
	c := &chain{sr: sr}
	r, err := c.stepEnd(sr.brokenBy(err), s.keep, s.out)
	if err == nil {
		s.unshare(ctx, sr, at, r)
	}
	return r, err
}

// took takes over what the call has done to the shared session.
func (at *walkAt) took(sr *streamRun) {
	at.Session, at.Reopened = sr.roundData.Session, sr.roundData.Reopened
}

// unshare settles what becomes of the shared session when a call is over, as leave does for one that a
// chain has for itself.
func (s *stepper) unshare(ctx context.Context, sr *streamRun, at *walkAt, r *StepResult) {
	now := at.Session
	switch {
	case now == nil:
	case at.over():
		sr.closeSession(ctx, sr.sharedScope(), now)
	case !r.nothing():
		if !at.lists() {
			at.Session = sr.slim(now)
		}
	case r.end.lasting() && at.had != nil && at.had.Opened.Equal(now.Opened) && !now.Waiting: // the same call comes again
	case r.end.lasting() && !errors.Is(ctx.Err(), context.Canceled): // somebody is there to take it
		r.wait()
	default:
		sr.closeSession(ctx, sr.sharedScope(), now)
	}
}

// brokenBy is how a stream ends by an error that concerns all of its chains.
func (sr *streamRun) brokenBy(err error) chainEnd {
	end := (&chain{sr: sr}).broken(err)
	switch {
	case end.verdict != Failed:
	case end.reason == CodeParked:
		end.verdict, end.until = Parked, untilOf(err)
	case end.reason == CodeSessionExpired:
		end.verdict = Incomplete
	}
	return end
}
