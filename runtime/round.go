package runtime

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// chainBatch is how many chains are listed or handed out at a time.
const chainBatch = 512

// roundData is what the runtime keeps in a round.
type roundData struct {
	Fingerprint string        `json:"fp"`
	Ended       bool          `json:"ended,omitempty"`    // the run that worked on it came to its end
	Session     *sessionState `json:"session,omitempty"`  // shared by the round's chains
	Parts       uint64        `json:"parts,omitempty"`    // hash of the session's list that the chains were made of
	Reopened    bool          `json:"reopened,omitempty"` // the session was lost on the way: some of it was read in another
}

func (d roundData) marshal() json.RawMessage {
	b, _ := json.Marshal(d) // strings, times and raw JSON that was parsed before
	return b
}

func roundDataOf(r engine.Round) roundData {
	var d roundData
	_ = json.Unmarshal(r.Data, &d) // none or another layout: the round begins anew
	return d
}

// putRound stores the round as it is now.
func (sr *streamRun) putRound(ctx context.Context) error {
	sr.round.Data = sr.roundData.marshal()
	return sr.job.Ledger.PutRound(ctx, sr.lease, sr.round)
}

// resume readies an open round: chains that are done stay done, unless the run before came to its end
// and the stream is one whose chains go on from a watermark or kept position: those start a new walk,
// so that one chain that fails for good does not hold up the others.
func (sr *streamRun) resume(ctx context.Context) error {
	again := sr.roundData.Ended && sr.spec.Incremental != nil && sr.roundData.Session == nil || sr.roundData.Ended && (sr.spec.Pagination.Keep != nil || sr.spec.Pagination.KeepToken)
	sr.roundData.Ended = false
	after := int64(0)
	for {
		list, err := sr.job.Ledger.Chains(ctx, sr.name, after, chainBatch, false)
		if err != nil || len(list) == 0 {
			return err
		}
		var commits []engine.Commit
		for _, c := range list {
			after = c.Ordinal
			sr.last = max(sr.last, c.Ordinal)
			if again && c.Done && c.Verdict == Complete && c.State == nil {
				c.Done = false
				commits = append(commits, engine.Commit{Chain: c})
			}
		}
		if len(commits) > 0 {
			if err := sr.job.Ledger.Commit(ctx, sr.lease, commits, nil, nil); err != nil {
				return err
			}
		}
	}
}

// list lists the round's chains, unless a parent's records do.
func (sr *streamRun) list(ctx context.Context) error {
	if sr.round.Listed {
		return nil
	}
	if parent, _ := parentOf(sr.spec); parent != "" {
		return nil
	}
	combos := []combo{{values: &tree{object: true}}}
	if p := sessionPartition(sr.spec); p != nil {
		var err error
		if combos, err = sr.sessionCombos(p); err != nil {
			return err
		}
		sr.roundData.Parts, _ = sr.parts(sr.roundData.Session)
	}
	combos, err := sr.combine(ctx, combos, sr.round.Now)
	if err != nil {
		return err
	}
	for i := 0; i < len(combos); i += chainBatch {
		var chains []engine.Chain
		for _, k := range combos[i:min(len(combos), i+chainBatch)] {
			sr.last++
			chains = append(chains, engine.Chain{Key: k.key(), Ordinal: sr.last})
		}
		if err := sr.job.Ledger.AddChains(ctx, sr.lease, chains); err != nil {
			return err
		}
	}
	sr.round.Listed = true
	return sr.putRound(ctx)
}

// sessionCombos makes a combo of each element of a list in the session's last answer.
func (sr *streamRun) sessionCombos(p *spec.Partition) ([]combo, error) {
	var out []combo
	for _, s := range p.Session.Any {
		if s.Ref == nil || sr.roundData.Session == nil {
			continue
		}
		v, ok := s.Ref.Path.Get(sr.roundData.Session.Body)
		if !ok || rawjson.Kind(v) != '[' {
			continue
		}
		for e := range rawjson.Elements(v) {
			t := &tree{object: true}
			t.set(engine.Path{{Field: p.As}}, clone(e))
			out = append(out, combo{values: t})
		}
		return out, nil
	}
	return nil, codeError(CodeSessionFailed, "%s: the session's last answer has no list there", p.Pos)
}

// drain runs the stream's chains and writes its report.
func (sr *streamRun) drain(ctx context.Context, rep *StreamReport, parent *StreamReport) {
	sr.stats.began = sr.now()
	if d := sr.spec.Limits.Duration; d > 0 {
		sr.deadline = sr.now().Add(d)
	}
	if sr.job.TimeLimit > 0 {
		if at := sr.started.Add(sr.job.TimeLimit); sr.deadline.IsZero() || at.Before(sr.deadline) {
			sr.deadline = at
		}
	}
	sum := &summary{sr: sr}
	if err := sr.work(ctx, sum); err != nil {
		c := &chain{sr: sr}
		sum.add("", c.broken(err))
	}
	if parent != nil && parent.Verdict != Complete {
		sum.add("", chainEnd{verdict: parentVerdict(parent.Verdict), reason: CodeStream,
			detail: "stream " + parent.Name + ", whose records make the chains, ended " + parent.Verdict, err: parent.Err})
	} else if !sr.round.Listed && parent != nil {
		sr.round.Listed = true
	}
	sum.report(rep)
	sr.stats.report(rep, sr.now())
	sr.end(context.WithoutCancel(ctx), rep)
}

// parentVerdict is what an unfinished parent makes of a child whose own chains ended well.
func parentVerdict(v string) string {
	if v == Failed {
		return Incomplete
	}
	return v
}

// work opens what the chains share, lists them, and runs those that are pending.
func (sr *streamRun) work(ctx context.Context, sum *summary) error {
	if sr.stopped() {
		sum.add("", chainEnd{verdict: Interrupted, reason: CodeInterrupted})
		return nil
	}
	if sessionPartition(sr.spec) != nil {
		defer func() { sr.closeShared(ctx, sum.verdict() == Complete) }()
		if err := sr.openShared(ctx); err != nil {
			return err
		}
	}
	if err := sr.list(ctx); err != nil {
		return err
	}
	n := sr.spec.Chains.Concurrency
	if sr.job.Chains > 0 {
		n = sr.job.Chains
	}
	jobs := make(chan engine.Chain)
	var wg sync.WaitGroup
	for range max(1, n) {
		wg.Go(func() {
			for row := range jobs {
				sr.one(ctx, row, sum)
			}
		})
	}
	err := sr.feed(ctx, jobs, sum)
	close(jobs)
	wg.Wait()
	for err == nil && !sum.stop() { // chains that were cut out of others while they ran
		row, ok, ferr := sr.another(ctx)
		if ferr != nil || !ok {
			return ferr
		}
		sr.one(ctx, row, sum)
	}
	return err
}

// feed hands the pending chains out in order.
func (sr *streamRun) feed(ctx context.Context, jobs chan<- engine.Chain, sum *summary) error {
	for !sum.stop() {
		list, err := sr.job.Ledger.Chains(ctx, sr.name, sr.fed, chainBatch, true)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		for _, row := range list {
			if sum.stop() {
				return nil
			}
			select {
			case jobs <- row:
			case <-ctx.Done():
				sum.add("", chainEnd{verdict: Interrupted, reason: CodeInterrupted})
				return nil
			}
			sr.fed = row.Ordinal
		}
	}
	return nil
}

// another is the next pending chain behind those that were handed out.
func (sr *streamRun) another(ctx context.Context) (engine.Chain, bool, error) {
	list, err := sr.job.Ledger.Chains(ctx, sr.name, sr.fed, 1, true)
	if err != nil || len(list) == 0 {
		return engine.Chain{}, false, err
	}
	sr.fed = list[0].Ordinal
	return list[0], true, nil
}

// one runs one chain to its end.
func (sr *streamRun) one(ctx context.Context, row engine.Chain, sum *summary) {
	sr.stats.chain()
	sr.tell(Event{Kind: EventChainStart, Chain: row.Key})
	c, err := sr.chain(ctx, row)
	var end chainEnd
	if err != nil {
		end = (&chain{sr: sr}).broken(err)
	} else {
		end = c.whole(ctx)
	}
	if end.split {
		end = chainEnd{verdict: Complete, attested: engine.Proved} // its halves answer for it
	}
	end.detail = sr.redact.String(end.detail)
	sum.add(row.Key, end)
	sr.tell(Event{Kind: EventChainEnd, Chain: row.Key, Verdict: end.verdict, Reason: end.reason, Detail: end.detail, Until: end.until})
}

// whole opens what the chain needs, runs it, and closes its session again.
func (c *chain) whole(ctx context.Context) chainEnd {
	if err := c.begin(ctx); err != nil {
		if end := c.failed(ctx, nil, err); end != nil {
			return *end
		}
	}
	end := c.run(ctx)
	if c.sr.spec.Session != nil && c.shared == nil && c.state.Session != nil {
		c.sr.closeSession(ctx, c.scopeAt(&c.state, nil), c.state.Session)
		if end.verdict != Complete && !c.sr.lost() {
			c.state.Session = nil
			_ = c.commit(context.WithoutCancel(ctx), c.state, end.verdict, end.reason, false, nil) // the next run finds the session closed otherwise
		}
	}
	return end
}

// end closes the round when every chain of it has ended, and moves the bookmarks that waited for it.
func (sr *streamRun) end(ctx context.Context, rep *StreamReport) {
	if sr.lost() {
		return
	}
	pending, err := sr.job.Ledger.Chains(ctx, sr.name, 0, 1, true)
	if err == nil && len(pending) == 0 && sr.round.Listed && rep.Verdict != Interrupted {
		if err = sr.settleWindows(ctx); err == nil {
			sr.round.Open = false
		}
	}
	sr.roundData.Ended = rep.Verdict != Interrupted && rep.Reason != CodeLimit
	if err == nil {
		err = sr.putRound(ctx)
	}
	if err != nil {
		sr.fail(&Error{Code: CodeState, Err: err})
		rep.Verdict, rep.Reason, rep.Detail, rep.Err = worse(rep.Verdict, Failed), CodeState, err.Error(), err
	}
}

// settleWindows moves the watermarks of windowed chains: only now have all windows been read.
func (sr *streamRun) settleWindows(ctx context.Context) error {
	if sr.kind == nil {
		return nil
	}
	moved := map[string]engine.Bookmark{}
	after := int64(0)
	for {
		list, err := sr.job.Ledger.Chains(ctx, sr.name, after, chainBatch, false)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for _, row := range list {
			after = row.Ordinal
			st, err := parseState(row.State)
			if err != nil || st.Pending == nil {
				continue
			}
			_, _, base, err := parseKey(row.Key)
			if err != nil {
				return err
			}
			m, ok := moved[base]
			if !ok {
				if m, err = sr.loadMark(ctx, base); err != nil {
					return err
				}
			}
			if m.Watermark == nil || sr.kind.compare(st.Pending, m.Watermark) > 0 {
				m.Watermark = st.Pending
				m.Recent, _ = json.Marshal(st.Recent)
			}
			m.Base, m.Updated = base, sr.now()
			moved[base] = m
		}
	}
	var commits []engine.Commit
	for _, base := range sortedKeys(moved) {
		m := moved[base]
		list, err := sr.anyChain(ctx, base)
		if err != nil {
			return err
		}
		commits = append(commits, engine.Commit{Chain: list, Bookmark: &m})
	}
	if len(commits) == 0 {
		return nil
	}
	return sr.job.Ledger.Commit(ctx, sr.lease, commits, nil, nil)
}

// anyChain is a chain of that base, so that a bookmark can move with it.
func (sr *streamRun) anyChain(ctx context.Context, base string) (engine.Chain, error) {
	after := int64(0)
	for {
		list, err := sr.job.Ledger.Chains(ctx, sr.name, after, chainBatch, false)
		if err != nil || len(list) == 0 {
			return engine.Chain{}, err
		}
		for _, row := range list {
			after = row.Ordinal
			if _, _, b, err := parseKey(row.Key); err == nil && b == base {
				return row, nil
			}
		}
	}
}

// summary gathers how the chains of a stream ended.
type summary struct {
	sr *streamRun

	mu       sync.Mutex
	worst    chainEnd
	attested engine.Attestation
	total    int64
	noTotal  bool
	ends     int
	bad      []ChainReport
	until    time.Time
	halt     bool
}

func (s *summary) add(key string, e chainEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends++
	if worse(s.worst.verdict, e.verdict) != s.worst.verdict {
		s.worst = e
	}
	s.attested = s.attested.Worse(e.attested)
	if e.total != nil {
		s.total += *e.total
	} else {
		s.noTotal = true
	}
	if e.verdict == Parked && e.until.After(s.until) {
		s.until = e.until
	}
	if e.verdict != Complete && len(s.bad) < 20 {
		s.bad = append(s.bad, ChainReport{Chain: key, Verdict: e.verdict, Reason: e.reason, Detail: e.detail})
	}
	if e.verdict == Interrupted || e.verdict == Failed && s.sr.spec.Chains.OnError == "stop" || s.sr.lost() {
		s.halt = true
	}
}

func (s *summary) stop() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.halt
}

func (s *summary) verdict() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return orElse(s.worst.verdict, Complete)
}

func (s *summary) report(r *StreamReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Verdict, r.Reason, r.Detail, r.Err = orElse(s.worst.verdict, Complete), s.worst.reason, s.worst.detail, s.worst.err
	if r.Verdict == Complete {
		r.Attested = s.attested
		if s.ends == 0 || s.sr.roundData.Reopened {
			r.Attested = engine.Assumed
		}
		if r.Reason != "skipped" {
			r.Reason, r.Detail = "", ""
		}
	}
	if !s.noTotal && s.ends > 0 {
		t := s.total
		r.Total = &t
	}
	if r.Verdict == Parked && !s.until.IsZero() {
		r.Until = s.until.UTC().Format(time.RFC3339)
	}
	if s.ends > 1 || len(s.bad) > 0 && s.bad[0].Chain != "" {
		r.Bad = s.bad
	}
}
