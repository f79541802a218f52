package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/store"
)

// recording are the flags that make a case of a run.
type recording struct {
	dir  string
	keep int
}

func (f *recording) flags(fl *pflag.FlagSet) {
	fl.StringVar(&f.dir, "record", "", "write a case of this run into the folder `DIR`, secrets removed; see docs/cases.md")
	fl.IntVar(&f.keep, "record-records", 0, "with --record: shorten each page to its first `N` records")
}

// begin readies job to be recorded. The function it returns writes the case.
func (f *recording) begin(ctx context.Context, job *runtime.Job, out io.Writer) (end func(context.Context, *runtime.Report) error, err error) {
	if f.dir == "" {
		if f.keep != 0 {
			return nil, usage("--record-records goes with --record DIR")
		}
		return func(context.Context, *runtime.Report) error { return nil }, nil
	}
	if f.keep < 0 {
		return nil, usage("--record-records %d: want a number above 0", f.keep)
	}
	db, ok := job.Ledger.(*store.DB)
	if !ok {
		return nil, usage("--record: the state of this run cannot be read")
	}
	before, err := stored(ctx, job, db)
	if err != nil {
		return nil, err
	}
	rec, err := replay.Record(job, before)
	if err != nil {
		return nil, startError(job.Redact, err)
	}
	return func(ctx context.Context, report *runtime.Report) error {
		w, err := rec.Write(ctx, f.dir, report, f.keep)
		if err != nil {
			err = fmt.Errorf("--record: %s", job.Redact.String(err.Error()))
			if report.Verdict != runtime.Complete { // another exit code tells of that
				fmt.Fprintln(out, "runner:", err)
			}
			return &exitError{exitFailed, err}
		}
		fmt.Fprintf(out, "recorded %s: %d exchanges; read it before you publish it, records are as they came\n", w.File, w.Exchanges)
		if w.Note != "" {
			fmt.Fprintln(out, "note:", w.Note)
		}
		return nil
	}, nil
}

// stored is what a recorded run begins from: watermarks and kept positions. A walk that was left in
// the middle cannot be recorded.
func stored(ctx context.Context, job *runtime.Job, db *store.DB) (map[string]replay.Checkpoint, error) {
	if job.Fresh {
		return nil, nil
	}
	all := map[string]replay.Checkpoint{}
	for _, st := range job.Connector.Spec.Streams {
		if len(job.Streams) > 0 && !slices.Contains(job.Streams, st.Name) {
			continue
		}
		key := engine.StreamKey{Connector: job.Connector.Spec.Name, Stream: st.Name}
		round, err := db.Round(ctx, key)
		if err != nil {
			return nil, &exitError{exitFailed, err}
		}
		if round.Open {
			return nil, usage("--record: stream %s was left in the middle of a walk, which a case cannot begin from; let it end first, or record with --fresh or another --state", st.Name)
		}
		var c replay.Checkpoint
		err = db.Bookmarks(ctx, key, func(b engine.Bookmark) error {
			if b.Base == "" {
				c.Watermark, c.Kept = b.Watermark, b.Kept
			} else {
				c.Chains = append(c.Chains, replay.Checkpoint{Partition: []byte(b.Base), Watermark: b.Watermark, Kept: b.Kept})
			}
			return nil
		})
		if err != nil {
			return nil, &exitError{exitFailed, err}
		}
		if c.Watermark != nil || c.Kept != nil || len(c.Chains) > 0 {
			all[st.Name] = c
		}
	}
	return all, nil
}
