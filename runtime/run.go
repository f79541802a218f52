package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// renewEvery is how often a run renews its leases.
const renewEvery = 5 * time.Second

// Run drains the job's streams and says how that ended. The error is set only when nothing was begun:
// a configuration that does not fit, a stream that someone else is running (*engine.HeldError), a
// ledger or sink that cannot be opened. Whatever happens later is in the report.
func Run(ctx context.Context, job *Job) (*Report, error) {
	if err := job.ready(); err != nil {
		return nil, err
	}
	b, err := bind(ctx, job)
	if err != nil {
		return nil, err
	}
	defer b.program.Close()
	return b.run(ctx)
}

// run is Run, of a connector that is bound.
func (b *bound) run(ctx context.Context) (*Report, error) {
	r := &run{bound: b, report: &Report{Connector: b.connector.Name, Run: b.id}}
	if err := r.plan(ctx); err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.begin(ctx); err != nil {
		_ = r.seal(context.WithoutCancel(ctx)) // nothing was written
		return nil, errors.Join(err, r.job.Sink.Close(context.WithoutCancel(ctx)))
	}
	r.drain(ctx)
	return r.finish(ctx)
}

// run is one run of a connector's streams.
type run struct {
	*bound
	streams  []*streamRun // in the order in which they are run: parents first
	opened   []*streamRun // whose outputs are open
	out      *committer
	report   *Report
	beat     sync.WaitGroup
	quiet    context.CancelFunc
	overtime context.CancelFunc // of the outputs' time limit; nil without
}

// plan picks the streams, and puts the parents whose records make chains before their children.
func (r *run) plan(ctx context.Context) error {
	chosen := r.job.Streams
	if len(chosen) == 0 {
		for _, s := range r.connector.Streams {
			chosen = append(chosen, s.Name)
		}
	}
	for _, name := range chosen {
		if r.connector.Stream(name) == nil {
			names := make([]string, len(r.connector.Streams))
			for i, s := range r.connector.Streams {
				names[i] = s.Name
			}
			msg := fmt.Sprintf("connector %s has no stream %q; it has %v", r.connector.Name, name, names)
			if near := nearest(name, names); near != "" {
				msg += "; did you mean " + near + "?"
			}
			return &ConfigError{"streams", msg}
		}
	}
	for name, position := range r.job.Begin {
		if !slices.Contains(chosen, name) {
			return &ArgumentError{"position", fmt.Sprintf("it is of stream %q, which the run does not walk", name)}
		}
		if err := CheckPosition(r.connector.Stream(name), position); err != nil {
			return &ArgumentError{"position", err.Error()}
		}
	}
	placed := map[string]*streamRun{}
	for _, name := range chosen {
		if _, err := r.place(ctx, name, chosen, placed); err != nil {
			return err
		}
	}
	return nil
}

// forChildren is what a stream is called in the ledger while it is walked for its children alone.
const forChildren = " (for its children)"

// place adds a stream behind its parents. A parent that is not asked for is walked for its children
// alone, under a name of its own, so that its own checkpoint and watermark stay what they are.
func (r *run) place(ctx context.Context, name string, chosen []string, placed map[string]*streamRun) (*streamRun, error) {
	if sr := placed[name]; sr != nil {
		return sr, nil
	}
	st := r.connector.Stream(name)
	parentName, take := parentOf(st)
	var parent *streamRun
	if parentName != "" {
		var err error
		if parent, err = r.place(ctx, parentName, chosen, placed); err != nil {
			return nil, err
		}
	}
	key := name
	silent := !slices.Contains(chosen, name)
	if silent {
		key = name + forChildren
	}
	sr, err := newStreamRun(ctx, r.bound, st, key)
	if err != nil {
		return nil, err
	}
	sr.silent, sr.parent = silent, parent
	placed[name] = sr
	if parent != nil {
		parent.kids = append(parent.kids, &child{sr: sr, parent: parentName, take: take})
	}
	r.streams = append(r.streams, sr)
	return sr, nil
}

// begin takes the streams, readies the outputs and the rounds.
func (r *run) begin(ctx context.Context) error {
	if r.job.Fresh {
		if err := r.alone(ctx); err != nil {
			return err
		}
	}
	for _, sr := range r.streams {
		lease, err := r.job.Ledger.Acquire(ctx, sr.name, r.job.Owner)
		if err != nil {
			return err
		}
		sr.lease = lease
	}
	beat, quiet := context.WithCancel(context.WithoutCancel(ctx))
	r.quiet = quiet
	r.beat.Go(func() { r.renew(beat) })
	for _, sr := range r.streams {
		if !r.job.Fresh {
			break
		}
		if err := r.job.Ledger.Forget(ctx, sr.lease); err != nil {
			return err
		}
	}
	for _, sr := range r.streams {
		if sr.silent {
			continue
		}
		if err := r.open(ctx, sr); err != nil {
			return err
		}
	}
	if err := r.beginRounds(ctx); err != nil {
		return err
	}
	var names []string
	for _, sr := range r.streams {
		if !sr.silent {
			names = append(names, sr.spec.Name)
		}
	}
	if err := r.job.Ledger.StartRun(ctx, engine.Run{ID: r.id, Connector: r.connector.Name, Streams: names, Started: r.started}); err != nil {
		return err
	}
	r.tell(Event{Kind: EventRunStart})
	if d := r.job.TimeLimit; d > 0 {
		ctx, r.overtime = context.WithTimeout(ctx, d+overtime)
	}
	r.out = newCommitter(ctx, r.job.Ledger, r.job.Sink, r.job.Group, r.streams)
	for _, sr := range r.streams {
		sr.out = r.out
	}
	return nil
}

// open readies the stream's output at its mark. Where a power cut took the output's end with it, the
// ledger goes back to the last page that is wholly there.
func (r *run) open(ctx context.Context, sr *streamRun) error {
	target := r.job.Sink.Target(sr.spec.Name)
	for range 2 {
		mark, err := r.marked(ctx, sr)
		if err != nil {
			return err
		}
		err = r.job.Sink.Open(ctx, sr.spec.Name, mark, r.job.Fresh)
		if err == nil {
			if s, ok := r.job.Sink.(Repeater); ok {
				sr.repeats = s.Repeats(sr.spec.Name)
			}
			for _, n := range r.job.Sink.Notes() {
				sr.notice("", n[0], n[1])
			}
			return r.anchor(ctx, sr)
		}
		var short interface{ ShortOutput() string }
		if !errors.As(err, &short) {
			return err
		}
		moved, rerr := r.job.Ledger.Rewind(ctx, sr.lease, target)
		if rerr != nil {
			return rerr
		}
		if !moved {
			return err
		}
		sr.notice("", "output_rewound", err.Error())
	}
	return &Error{Code: CodeSink, Msg: "the output of " + sr.spec.Name + " does not hold what its last checkpoint says; move it away, or start over with --fresh"}
}

// marked is the mark of the stream's output, nil without one.
func (r *run) marked(ctx context.Context, sr *streamRun) ([]byte, error) {
	target := r.job.Sink.Target(sr.spec.Name)
	marks, err := r.job.Ledger.Marks(ctx, sr.name)
	for _, m := range marks {
		if m.Target == target {
			return m.Data, err
		}
	}
	return nil, err
}

// anchor stores where the output stands before anything is written to it, so that a kill on the first
// page is undone like any other.
func (r *run) anchor(ctx context.Context, sr *streamRun) error {
	target, data, err := r.job.Sink.Mark(ctx, sr.spec.Name)
	if err != nil || target == "" {
		return err
	}
	mark := engine.Mark{Target: target, Data: data, Volatile: !r.job.Sink.Durable(sr.spec.Name)}
	if err := r.job.Ledger.Commit(ctx, sr.lease, nil, []engine.Mark{mark}, nil); err != nil {
		return err
	}
	r.opened = append(r.opened, sr)
	return nil
}

// renew keeps the leases alive while the run works.
func (r *run) renew(ctx context.Context) {
	t := time.NewTicker(renewEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		for _, sr := range r.streams {
			if err := r.job.Ledger.Renew(ctx, sr.lease); errors.Is(err, engine.ErrFenced) {
				sr.fail(&Error{Code: CodeState, Msg: "another run has taken over stream " + sr.spec.Name, Err: err})
			}
		}
	}
}

// drain runs the streams side by side, children after their parents. The report keeps their order.
func (r *run) drain(ctx context.Context) {
	pool := newTurns(r.streams)
	var wg sync.WaitGroup
	for _, sr := range r.streams {
		sr.turns, sr.report, sr.ended = pool, &StreamReport{Name: sr.spec.Name}, make(chan struct{})
	}
	for _, sr := range r.streams {
		if !sr.silent {
			r.report.Streams = append(r.report.Streams, sr.report)
		}
		if r.job.Serial {
			sr.run(ctx)
			continue
		}
		wg.Go(func() { sr.run(ctx) })
	}
	wg.Wait()
	r.out.close()
}

// run drains the stream when its parent has ended.
func (sr *streamRun) run(ctx context.Context) {
	defer close(sr.ended)
	var parent *StreamReport
	if sr.parent != nil {
		<-sr.parent.ended
		parent = sr.parent.report
	}
	sr.drain(ctx, sr.report, parent)
	sr.report.Message = sr.report.sentence()
	sr.tell(Event{Kind: EventStreamEnd, Verdict: sr.report.Verdict, Reason: sr.report.Reason, Detail: sr.report.Message})
}
