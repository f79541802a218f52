package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

func newStateReset() *cobra.Command {
	var chain string
	cmd := &cobra.Command{
		Use:   "reset <connector> [stream]",
		Short: "Forget position, watermark and delivered keys, so that the next run starts over",
		Long: "reset forgets what is stored of a connector, of one stream, or of one chain. The next run walks it again and\n" +
			"appends to its output; `runner run --fresh` begins the output anew as well.",
		Args:              wants("a connector", 1, 2),
		ValidArgsFunction: completeStreams(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			one := cmd.Flags().Changed("chain")
			if one && len(args) < 2 {
				return usage("--chain needs the stream: runner state reset %s <stream> --chain '%s'", args[0], chain)
			}
			l, err := openLedger(cmd, args[0], true)
			if err != nil {
				return err
			}
			defer l.Close()
			streams, err := l.streams(cmd.Context(), args[1:])
			if err != nil {
				return err
			}
			if one {
				return l.resetChain(cmd.Context(), cmd.ErrOrStderr(), &streams[0], chainKey(chain))
			}
			for i := range streams {
				if err := l.Reset(cmd.Context(), streams[i].StreamKey); err != nil {
					return stateError(err)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s: forgotten; the next run starts over and appends to its output\n", l.name, streams[i].StreamKey.Stream)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&chain, "chain", "", "forget the chain with this `KEY` only, as `state list` prints it")
	return cmd
}

func (l *ledger) resetChain(ctx context.Context, out io.Writer, s *store.Stream, key string) error {
	if err := l.hasChain(ctx, s.StreamKey, key); err != nil {
		return err
	}
	base, err := runtime.ChainBase(key)
	if err != nil {
		return usage("--chain: %w", err)
	}
	if err := l.ResetChain(ctx, s.StreamKey, key, &base); err != nil {
		return stateError(err)
	}
	fmt.Fprintf(out, "%s/%s %s: forgotten; the next run starts this chain over\n", l.name, s.StreamKey.Stream, key)
	return nil
}

func (l *ledger) hasChain(ctx context.Context, s engine.StreamKey, key string) error {
	if _, ok, err := l.Chain(ctx, s, key); err != nil {
		return stateError(err)
	} else if !ok {
		return usage("stream %s has no chain %s; `runner state list %s %s` lists them", s.Stream, key, l.name, s.Stream)
	}
	return nil
}

// setFlags are those of `runner state set`.
type setFlags struct {
	settings
	position, watermark, chain string
}

func newStateSet() *cobra.Command {
	var f setFlags
	cmd := &cobra.Command{
		Use:   "set <connector> <stream>",
		Short: "Say where the next run goes on: at a position, or behind a watermark",
		Long: "set --position puts a chain at a position of the API: the next run asks for that page. Records that the walk has\n" +
			"delivered stay delivered and are not delivered again where records have a key.\n" +
			"set --watermark says from where the next run reads; a walk that is under way is given up for it.\n" +
			"Both are checked against the connector when its file can be read. Where the stream has never been run, give\n" +
			"the --set and --config of the runs to come.",
		Example:           "  runner state set demo offset --position 500\n  runner state set ./github issues --chain '{\"repo\":\"go\"}' --watermark '\"2026-01-31T00:00:00Z\"'",
		Args:              wants("a connector and a stream", 2, 2),
		ValidArgsFunction: completeStreams(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0], args[1])
		},
	}
	f.settings.valueFlags(cmd)
	cmd.Flags().StringVar(&f.position, "position", "", "`JSON` of the position of the next page")
	cmd.Flags().StringVar(&f.watermark, "watermark", "", "`JSON` of the watermark")
	cmd.Flags().StringVar(&f.chain, "chain", "", "`KEY` of the chain, as `state list` prints it; needed where the stream has several")
	cmd.MarkFlagsMutuallyExclusive("position", "watermark")
	cmd.MarkFlagsOneRequired("position", "watermark")
	return cmd
}

func (f *setFlags) run(cmd *cobra.Command, name, stream string) error {
	l, err := openLedger(cmd, name, true)
	if err != nil {
		return err
	}
	defer l.Close()
	if l.connector != nil && l.shape(stream) == nil {
		return usage("%s", unknownStream(l.connector.Spec, stream))
	}
	key := engine.StreamKey{Connector: l.name, Stream: stream}
	if cmd.Flags().Changed("position") {
		return f.setPosition(cmd, l, key)
	}
	return f.setWatermark(cmd, l, key)
}

func (f *setFlags) setPosition(cmd *cobra.Command, l *ledger, s engine.StreamKey) error {
	ctx := cmd.Context()
	position, err := jsonFlag("position", f.position)
	if err != nil {
		return err
	}
	if string(position) == "null" {
		return usage("--position null: `runner state reset` starts the stream over")
	}
	if st := l.shape(s.Stream); st != nil {
		if err := runtime.CheckPosition(st, position); err != nil {
			return usage("--position: %w", err)
		}
	}
	round, err := l.Round(ctx, s)
	if err != nil {
		return stateError(err)
	}
	if round.Number == 0 {
		if round, err = f.beginRound(ctx, l, s); err != nil {
			return err
		}
	}
	key, err := f.oneChain(cmd, l, s)
	if err != nil {
		return err
	}
	row, _, err := l.Chain(ctx, s, key)
	if err != nil {
		return stateError(err)
	}
	state, err := runtime.MoveCheckpoint(row.State, runtime.RoundFingerprint(round), position)
	if err != nil {
		return &exitError{exitFailed, err}
	}
	if err := l.SetState(ctx, s, key, state); err != nil {
		return stateError(err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s%s: the next run goes on at %s\n", s.Connector, s.Stream, behind(key), short(position, 120))
	return nil
}

// beginRound begins the first walk of a stream that has never been run: with one chain.
func (f *setFlags) beginRound(ctx context.Context, l *ledger, s engine.StreamKey) (engine.Round, error) {
	st := l.shape(s.Stream)
	if st == nil {
		return engine.Round{}, usage("nothing is stored for stream %s of %s in %s; name the connector by its file to begin there", s.Stream, s.Connector, l.file)
	}
	if len(st.Partitions) > 0 {
		return engine.Round{}, usage("stream %s has partitions and has never been run: its chains are not known yet; run it first", s.Stream)
	}
	set, file, err := f.values()
	if err != nil {
		return engine.Round{}, err
	}
	now := time.Now()
	fp, err := runtime.Fingerprint(ctx, &runtime.Job{Connector: l.connector, Set: set, Config: file, Env: os.LookupEnv}, s.Stream)
	if err != nil {
		return engine.Round{}, &exitError{exitUsage, err}
	}
	lease, err := l.Acquire(ctx, s, store.Self(now))
	if err != nil {
		return engine.Round{}, stateError(err)
	}
	round := runtime.BeginRound(fp, now)
	if err = l.PutRound(ctx, lease, round); err == nil {
		err = l.AddChains(ctx, lease, []engine.Chain{{Ordinal: 1}})
	}
	if err = errors.Join(err, l.Release(ctx, lease)); err != nil {
		return round, stateError(err)
	}
	return round, nil
}

// oneChain is the chain that --chain names, or the stream's only one.
func (f *setFlags) oneChain(cmd *cobra.Command, l *ledger, s engine.StreamKey) (string, error) {
	ctx := cmd.Context()
	if cmd.Flags().Changed("chain") {
		key := chainKey(f.chain)
		return key, l.hasChain(ctx, s, key)
	}
	list, err := l.Chains(ctx, s, 0, 2, false)
	switch {
	case err != nil:
		return "", stateError(err)
	case len(list) == 0:
		return "", usage("stream %s has no chains yet; run it first", s.Stream)
	case len(list) > 1:
		return "", usage("stream %s has several chains; name one with --chain, such as '%s' (`runner state list %s %s` lists them)", s.Stream, list[0].Key, l.name, s.Stream)
	}
	return list[0].Key, nil
}

func (f *setFlags) setWatermark(cmd *cobra.Command, l *ledger, s engine.StreamKey) error {
	ctx := cmd.Context()
	watermark, err := jsonFlag("watermark", f.watermark)
	if err != nil {
		return err
	}
	if st := l.shape(s.Stream); st != nil {
		if err := runtime.CheckWatermark(st, watermark); err != nil {
			return usage("--watermark: %w", err)
		}
	}
	base, open, err := f.base(cmd, l, s)
	if err != nil {
		return err
	}
	mark, err := l.Bookmark(ctx, s, base)
	if err != nil {
		return stateError(err)
	}
	if err := l.SetBookmark(ctx, s, engine.Bookmark{Base: base, Watermark: watermark, Kept: mark.Kept, Updated: time.Now()}); err != nil {
		return stateError(err)
	}
	given := ""
	if len(open) > 0 {
		given = "; the walk that was under way is given up"
	} else if round, err := l.Round(ctx, s); err == nil && round.Open && round.Number > 0 {
		given = ", once the walk that is under way has ended"
	}
	for _, key := range open {
		if err := l.ResetChain(ctx, s, key, nil); err != nil {
			return stateError(err)
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s%s: the next run reads from the watermark %s%s\n", s.Connector, s.Stream, behind(base), short(watermark, 120), given)
	return nil
}

// base is the bookmark that a watermark belongs to, and the chains of it whose walk is under way.
func (f *setFlags) base(cmd *cobra.Command, l *ledger, s engine.StreamKey) (base string, open []string, err error) {
	ctx := cmd.Context()
	bases := map[string]bool{}
	want := chainKey(f.chain)
	named := cmd.Flags().Changed("chain")
	if named {
		if want, err = runtime.ChainBase(want); err != nil {
			return "", nil, usage("--chain: %w", err)
		}
	}
	var first string
	windows := false
	err = l.Progress(ctx, s, func(p store.Progress) error {
		b, err := runtime.ChainBase(p.Key)
		if err != nil {
			return err
		}
		if len(bases) == 0 {
			first = b
		}
		bases[b] = true
		windows = windows || b != p.Key
		if !p.Done && p.State != nil && (!named || b == want) {
			open = append(open, p.Key)
		}
		return nil
	})
	switch {
	case err != nil:
		return "", nil, stateError(err)
	case named && len(bases) > 0 && !bases[want]:
		return "", nil, usage("stream %s has no chain %s; `runner state list %s %s` lists them", s.Stream, f.chain, l.name, s.Stream)
	case windows: // their walk keeps the windows that it has begun
		open = nil
	}
	switch {
	case named:
		return want, open, nil
	case len(bases) > 1:
		return "", nil, usage("stream %s has several chains; name one with --chain, such as '%s'", s.Stream, first)
	case len(bases) == 0 && l.shape(s.Stream) == nil:
		return "", nil, usage("nothing is stored for stream %s of %s in %s; name the connector by its file", s.Stream, s.Connector, l.file)
	}
	return first, open, nil
}

func behind(key string) string {
	if key == "" {
		return ""
	}
	return " " + key
}
