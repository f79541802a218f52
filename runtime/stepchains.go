package runtime

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

// StepChains lists the chains of a stream as Step takes them, in order: nothing to choose from (nil)
// for a stream without partitions. The chains of a parent's records and of a session's list are not
// known before those are read; the error is an *ArgumentError then.
func StepChains(ctx context.Context, job *Job, stream string) ([]json.RawMessage, error) {
	own := *job
	keep := &memory{secrets: job.Ledger}
	own.Ledger, own.Sink, own.Streams, own.Fresh, own.Begin = keep, &collector{}, []string{stream}, false, nil
	b, err := bind(ctx, &own)
	if err != nil {
		return nil, err
	}
	defer b.program.Close()
	sr, _, err := b.stepStream(ctx, &own, StepAt{Stream: stream})
	if err != nil {
		return nil, err
	}
	defer sr.client.Close()
	if len(sr.spec.Partitions) == 0 {
		return nil, nil
	}
	if parent, _ := parentOf(sr.spec); parent != "" {
		return nil, &ArgumentError{"partition", fmt.Sprintf("stream %s has a chain for each record of %s; name one, as %s", stream, parent, sr.partitionShape())}
	}
	if sessionPartition(sr.spec) != nil {
		return nil, &ArgumentError{"partition", fmt.Sprintf("stream %s has a chain for each part of its session; name one, as %s", stream, sr.partitionShape())}
	}
	if sr.lease, err = keep.Acquire(ctx, sr.name, own.Owner); err != nil {
		return nil, err
	}
	sr.round = engine.Round{Number: 1, Open: true, Now: sr.started}
	if err := sr.list(ctx); err != nil {
		return nil, err
	}
	list := make([]json.RawMessage, len(keep.chains))
	for i, c := range keep.chains {
		list[i] = json.RawMessage(c.Key)
	}
	return list, nil
}
