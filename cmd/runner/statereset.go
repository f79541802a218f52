package main

import (
	"context"
	"fmt"
	"io"

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
