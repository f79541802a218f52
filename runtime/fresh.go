package runtime

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine"
)

// alone refuses a fresh run whose outputs hold records of streams that are not a part of it: they would
// go with the others, and their checkpoints would never bring them again.
func (r *run) alone(ctx context.Context) error {
	var own []engine.StreamKey
	for _, sr := range r.streams {
		if !sr.silent {
			own = append(own, r.kept(sr.name))
		}
	}
	for _, sr := range r.streams {
		target := r.job.Sink.Target(sr.spec.Name)
		if sr.silent || target == "" || !holds(r.job.Sink, sr.spec.Name) {
			continue
		}
		writers, err := r.job.Ledger.Writers(ctx, target)
		if err != nil {
			return err
		}
		writers = slices.DeleteFunc(writers, func(s engine.StreamKey) bool { return slices.Contains(own, s) })
		if len(writers) > 0 {
			return r.shared(target, writers)
		}
	}
	return nil
}

// kept is what the ledger's Writers calls a stream.
func (r *run) kept(s engine.StreamKey) engine.StreamKey {
	if l, ok := r.job.Ledger.(Renamer); ok {
		return l.Key(s)
	}
	return s
}

// shared says who else has written to an output that is to begin anew.
func (r *run) shared(target string, writers []engine.StreamKey) error {
	names, resets, here := make([]string, len(writers)), make([]string, len(writers)), true
	for i, s := range writers {
		names[i] = s.Connector + "/" + s.Stream
		resets[i] = "`runner state reset " + s.Connector + " " + s.Stream + "`"
		here = here && s == r.kept(engine.StreamKey{Connector: r.connector.Name, Stream: s.Stream}) && r.connector.Stream(s.Stream) != nil
	}
	try := "name all of them, so that they begin anew together"
	if !here {
		try = "forget what is stored of them (" + strings.Join(resets, ", ") + ")"
	}
	return &ArgumentError{"fresh", fmt.Sprintf("%s holds records of %s too, which this run would not bring again; %s, or give each stream its own output with {stream} in its name",
		target, strings.Join(names, ", "), try)}
}

// holds reports whether the stream's output may hold something that Open with fresh drops.
func holds(s Sink, stream string) bool {
	h, ok := s.(Holder)
	return !ok || h.Holds(stream)
}

// dropRound gives an open round up because its positions are of other requests, and says what that brings.
func (sr *streamRun) dropRound(ctx context.Context) error {
	sr.round.Open = false
	what := "the connector's request or pagination"
	if was := sr.roundData.On; was != nil {
		what = changed(sr.on.moved(was, true))
	}
	msg := what + " changed since the last run: the walk begins anew"
	n, err := sr.job.Ledger.Delivered(ctx, sr.name)
	if err != nil {
		return err
	}
	switch {
	case n == 0 || sr.silent:
	case sr.continues():
		msg += fmt.Sprintf(" from the watermark or kept position; of the %d records that it had delivered, those behind that come again: to have each once, run with --fresh, which begins the output anew", n)
	default:
		msg += fmt.Sprintf(", and the %d records that it had delivered come again: to have each once, run with --fresh, which begins the output anew", n)
	}
	sr.notice("", NoticeTokenDropped, msg)
	return nil
}
