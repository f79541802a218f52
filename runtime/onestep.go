package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// StepAt says which page Step reads.
type StepAt struct {
	Stream    string
	Position  json.RawMessage // nil or null: the first page
	Partition json.RawMessage // an object with the chain's values; nil: the stream's only chain
}

// StepResult is one page and where the next one is.
type StepResult struct {
	Records  []json.RawMessage
	Next     json.RawMessage // nil at the end, and after a doubt
	Fetched  bool            // a page was read and its records are in Records
	Verdict  string          // complete unless the page left a doubt; Next tells whether there is more
	Attested engine.Attestation
	Reason   string
	Detail   string
	Until    time.Time         // parked, or a session that is not ready: when to come back
	Message  string            // one sentence for people
	Page     *engine.PageEntry // what the witnesses said; nil when no page was read
	Halves   []json.RawMessage // the window holds too much: the partitions to read in place of this one
	Stands   bool              // StepWalk: nothing was read, and the walk stands where it stood
	Forgot   bool              // the API has rotated a credential, and there was no Ledger to keep it
	Err      error

	ladder  bool  // a fallback is declared
	retries int64 // also of a page that never came
	end     chainEnd
	values  json.RawMessage // of the chain that the page is of, without the window
}

// ArgumentError says what is wrong with a position or partition that a caller has given.
type ArgumentError struct {
	Name string // position partition
	Msg  string
}

func (e *ArgumentError) Error() string { return e.Name + ": " + e.Msg }

// Step reads one page of one chain without a checkpoint: the position comes in, the page and the
// position after it go out. A loop over Step reads what Run reads; only records that pages share are
// not dropped. Job.Ledger keeps rotated credentials and nothing else, and may be nil; Sink, Streams
// and Fresh are not used. The error is set when no request could be made of the arguments.
func Step(ctx context.Context, job *Job, at StepAt) (*StepResult, error) {
	s, err := newStepper(ctx, job, at.Stream, time.Time{})
	if err != nil {
		return nil, err
	}
	defer s.program.Close()
	keep, out := s.keep, s.out
	sr, saved, err := s.stream(ctx, at)
	if err != nil {
		return nil, err
	}
	defer sr.client.Close()
	first := at.Position == nil || string(at.Position) == "null"
	if why := sr.ends(at.Position); !first && saved == nil && why != "" {
		return &StepResult{Verdict: Complete, Message: "complete: " + why}, nil
	}
	s.ready(ctx, sr, sr.started)
	state, err := s.resume(sr, saved)
	if err != nil {
		return nil, err
	}
	if sessionPartition(sr.spec) != nil {
		sr.roundData.Session, state.Session = state.Session, nil
		if err := sr.openShared(ctx); err != nil {
			if now := sr.roundData.Session; now != nil && now.Waiting {
				sr.closeSession(ctx, sr.sharedScope(), now)
			}
			return (&chain{sr: sr}).stepEnd((&chain{sr: sr}).broken(err), keep, out)
		}
	}
	key, ok, err := sr.pick(ctx, keep, at.Partition)
	if err != nil || !ok {
		sr.closeSession(ctx, sr.sharedScope(), sr.roundData.Session)
		return &StepResult{Verdict: Complete, Message: "complete: the stream has no chains now"}, err
	}
	return s.page(ctx, sr, key, state, saved != nil)
}

// pick finds the chain that partition names: its key, and false when the stream has none.
func (sr *streamRun) pick(ctx context.Context, keep *memory, partition json.RawMessage) (key string, ok bool, err error) {
	if partition != nil {
		key, err := sr.partitionKey(partition)
		return key, true, err
	}
	if parent, _ := parentOf(sr.spec); parent != "" {
		return "", false, &ArgumentError{"partition", fmt.Sprintf("stream %s has a chain for each record of %s; name one with --partition '%s'", sr.spec.Name, parent, sr.partitionShape())}
	}
	if err := sr.list(ctx); err != nil {
		return "", false, err
	}
	switch n := len(keep.chains); n {
	case 0:
		return "", false, nil
	case 1:
		return keep.chains[0].Key, true, nil
	default:
		return "", false, &ArgumentError{"partition", fmt.Sprintf("stream %s has %s; name one with --partition, such as '%s'", sr.spec.Name, plural(int64(n), "chain"), keep.chains[0].Key)}
	}
}

// stepEnd turns how the chain's slice ended into the result.
func (c *chain) stepEnd(end chainEnd, keep *memory, out *collector) (*StepResult, error) {
	r := &StepResult{Fetched: keep.entry != nil, Page: keep.entry, Verdict: end.verdict, Attested: end.attested, Reason: end.reason,
		Detail: c.sr.redact.String(end.detail), Until: end.until, Forgot: keep.lost, Err: end.err, end: end, ladder: c.sr.ladder, retries: c.sr.stats.retried()}
	for _, rec := range out.records {
		r.Records = append(r.Records, rec)
	}
	switch {
	case end.split:
		r.Verdict, r.Attested, r.Reason = Truncated, "", CodeWindow
		var halves []string
		for _, h := range keep.chains[1:] {
			r.Halves = append(r.Halves, json.RawMessage(h.Key))
			halves = append(halves, "--partition '"+h.Key+"'")
		}
		r.Detail = "the window holds too much; read its halves: " + strings.Join(halves, " and ")
	case end.yield, end.verdict == Truncated && end.reason == CodeLimit && r.Fetched:
		next, err := c.handOver(keep.all(), keep.whole)
		if err != nil {
			return nil, err
		}
		r.Next, r.Verdict, r.Reason, r.Detail = next, Complete, "", ""
	}
	r.Message = c.sr.redact.String(r.sentence())
	return r, nil
}

// sentence says what the page was and what decided.
func (r *StepResult) sentence() string {
	if r.Verdict != Complete {
		rep := &StreamReport{ladder: r.ladder, instead: "`runner run`: its checkpoint holds what the declared `fallback` needs; a step knows the position alone", Verdict: r.Verdict, Reason: r.Reason, Detail: r.Detail, Records: int64(len(r.Records))}
		rep.Retries = r.retries
		if r.Page != nil {
			rep.Pages, rep.Retries, rep.Seconds = 1, int64(max(0, r.Page.Attempts-1)), float64(r.Page.Millis)/1000
		}
		if !r.Until.IsZero() {
			rep.Until = r.Until.UTC().Format(time.RFC3339)
		}
		return rep.sentence()
	}
	var b strings.Builder
	b.WriteString(plural(int64(len(r.Records)), "record"))
	if r.Page != nil {
		b.WriteString(", " + plural(int64(max(0, r.Page.Attempts-1)), "retry"))
		if said := ReadEvidence(r.Page.Evidence); said.Decider != "" {
			b.WriteString("; " + said.decided())
		}
	}
	switch {
	case r.Next != nil:
		return "more to come: " + b.String()
	case r.Attested != "":
		return "end, " + string(r.Attested) + ": " + b.String()
	}
	return "end: " + b.String()
}
