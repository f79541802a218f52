package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// StepAt says which page Step reads.
type StepAt struct {
	Stream    string
	Position  json.RawMessage // nil or null: the first page
	Partition json.RawMessage // an object with the chain's values; nil: the stream's only chain
	// Whole lets Next carry all that a walk knows (counts, the fallback ladder, keys), not only what the
	// API itself does not.
	Whole bool
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
	Until    time.Time         // parked: when to come back
	Message  string            // one sentence for people
	Page     *engine.PageEntry // what the witnesses said; nil when no page was read
	Halves   []json.RawMessage // the window holds too much: the partitions to read in place of this one
	Forgot   bool              // the API has rotated a credential, and there was no Ledger to keep it
	Err      error
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
	own := *job
	keep := &memory{secrets: job.Ledger, whole: at.Whole}
	out := &collector{}
	own.Ledger, own.Sink, own.Streams, own.Fresh, own.Begin, own.MaxPages = keep, out, []string{at.Stream}, false, nil, 0
	b, err := bind(ctx, &own)
	if err != nil {
		return nil, err
	}
	defer b.program.Close()
	sr, saved, err := b.stepStream(ctx, &own, at)
	if err != nil {
		return nil, err
	}
	defer sr.client.Close()
	first := at.Position == nil || string(at.Position) == "null"
	if why := sr.ends(at.Position); !first && saved == nil && why != "" {
		return &StepResult{Verdict: Complete, Message: "complete: " + why}, nil
	}
	sr.lease, _ = keep.Acquire(ctx, sr.name, own.Owner)
	sr.roundData = roundData{Fingerprint: sr.fingerprint()}
	sr.round = engine.Round{Number: 1, Open: true, Now: sr.started}
	var state chainState
	if saved != nil {
		state, keep.keys = *saved.State, saved.keys()
		if state.Fingerprint != sr.roundData.Fingerprint {
			return nil, &ArgumentError{"position", "it was printed by another version of this connector or under other values; begin again without --position"}
		}
	}
	if sessionPartition(sr.spec) != nil {
		sr.roundData.Session, state.Session = state.Session, nil
		if err := sr.openShared(ctx); err != nil {
			return (&chain{sr: sr}).stepEnd((&chain{sr: sr}).broken(err), keep, out)
		}
	}
	key, ok, err := sr.pick(ctx, keep, at.Partition)
	if err != nil || !ok {
		sr.closeSession(ctx, sr.sharedScope(), sr.roundData.Session)
		return &StepResult{Verdict: Complete, Message: "complete: the stream has no chains now"}, err
	}
	row := engine.Chain{Key: key, Ordinal: 1}
	if saved != nil {
		if row.State, err = state.marshal(); err != nil {
			return nil, err
		}
	}
	keep.chains = []engine.Chain{row}
	sr.out = newCommitter(context.WithoutCancel(ctx), keep, out, Group{})
	defer sr.out.close()
	return sr.step(ctx, row, keep, out)
}

// stepStream readies the stream, and opens the position.
func (b *bound) stepStream(ctx context.Context, job *Job, at StepAt) (*streamRun, *envelope, error) {
	st := b.connector.Stream(at.Stream)
	if st == nil {
		r := &run{bound: b}
		return nil, nil, r.plan(ctx) // which says so
	}
	saved, err := openEnvelope(at.Position)
	if err != nil {
		return nil, nil, err
	}
	if saved == nil && at.Position != nil && string(at.Position) != "null" {
		climbable(st)
		job.Begin = map[string]json.RawMessage{st.Name: at.Position}
	}
	if saved != nil && int64(len(saved.keys())) < saved.State.Delivered {
		forward(st)
	}
	sr, err := newStreamRun(ctx, b, st, st.Name)
	if err != nil {
		return nil, nil, err
	}
	if job.Begin != nil && sr.ends(at.Position) == "" {
		if err := CheckPosition(st, at.Position); err != nil {
			sr.client.Close()
			return nil, nil, &ArgumentError{"position", err.Error()}
		}
	}
	return sr, saved, nil
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

// partitionNames are the members of a chain's key.
func partitionNames(st *spec.Stream) []string {
	var names []string
	for _, p := range st.Partitions {
		for _, v := range p.Values {
			names = append(names, v.Name)
		}
		for _, t := range p.Take {
			names = append(names, t.Name)
		}
		switch {
		case p.Window != nil:
			names = append(names, windowName)
		case p.Session != nil:
			names = append(names, p.As)
		}
	}
	return names
}

// partitionShape shows what --partition looks like.
func (sr *streamRun) partitionShape() string {
	var parts []string
	for _, n := range partitionNames(sr.spec) {
		v := "…"
		if n == windowName {
			v = `{"from":"…","to":"…"}`
		}
		parts = append(parts, string(quote(n))+":"+v)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (sr *streamRun) partitionKey(partition json.RawMessage) (string, error) {
	want := partitionNames(sr.spec)
	if len(want) == 0 {
		return "", &ArgumentError{"partition", "stream " + sr.spec.Name + " has no partitions"}
	}
	var got []string
	if rawjson.Kind(partition) == '{' {
		for k := range rawjson.Members(partition) {
			name, _ := rawjson.String(k)
			got = append(got, name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return "", &ArgumentError{"partition", fmt.Sprintf("%s does not name a chain of stream %s; want %s", shown(partition), sr.spec.Name, sr.partitionShape())}
	}
	values, window, _, err := parseKey(string(partition))
	if err != nil {
		return "", &ArgumentError{"partition", `the window wants {"from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`}
	}
	t := leaf(values)
	t.open()
	return combo{t, window}.key(), nil
}

// step reads the page and hands its session on, or closes it.
func (sr *streamRun) step(ctx context.Context, row engine.Chain, keep *memory, out *collector) (*StepResult, error) {
	c, err := sr.chain(ctx, row)
	if err != nil {
		return nil, err
	}
	c.slice.pages = 1
	var end chainEnd
	if err := c.begin(ctx); err == nil {
		end = c.run(ctx)
	} else if e := c.failed(ctx, nil, err); e != nil {
		end = *e
	} else {
		end = c.run(ctx)
	}
	r, err := c.stepEnd(end, keep, out)
	if s := c.session(&c.state); s != nil && (r == nil || r.Next == nil) {
		sr.closeSession(ctx, c.scopeAt(&c.state, nil), s)
	}
	return r, err
}

// stepEnd turns how the chain's slice ended into the result.
func (c *chain) stepEnd(end chainEnd, keep *memory, out *collector) (*StepResult, error) {
	r := &StepResult{Fetched: keep.entry != nil, Page: keep.entry, Verdict: end.verdict, Attested: end.attested, Reason: end.reason,
		Detail: c.sr.redact.String(end.detail), Until: end.until, Forgot: keep.lost, Err: end.err}
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
		next, err := c.handOver(append(keep.keys, keep.fresh...), keep.whole)
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
		rep := &StreamReport{Verdict: r.Verdict, Reason: r.Reason, Detail: r.Detail, Records: int64(len(r.Records))}
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
