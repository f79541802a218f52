package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/store"
)

func newStateShow() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:               "show <connector> [stream]",
		Short:             "Show all that is stored of a connector's streams",
		Args:              wants("a connector", 1, 2),
		ValidArgsFunction: completeStreams(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, streams, err := openStreams(cmd, args)
			if err != nil {
				return err
			}
			defer l.Close()
			if asJSON {
				return l.printJSON(cmd.Context(), cmd.OutOrStdout(), streams, true)
			}
			for i := range streams {
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				if err := l.show(cmd.Context(), cmd.OutOrStdout(), &streams[i], all); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with every chain")
	cmd.Flags().BoolVar(&all, "all", false, fmt.Sprintf("show every chain, not only the first %d of a stream", listed))
	return cmd
}

// show prints a stream and its chains.
func (l *ledger) show(ctx context.Context, out io.Writer, s *store.Stream, all bool) error {
	fmt.Fprintf(out, "%s/%s\n", s.Connector, s.StreamKey.Stream)
	walk := "ended"
	switch {
	case s.Round.Number == 0:
		walk = "not begun"
	case s.Round.Open:
		walk = "under way"
	}
	if s.Round.Number > 0 {
		walk = fmt.Sprintf("%d, %s, begun %s", s.Round.Number, walk, stamp(s.Round.Now))
	}
	fmt.Fprintf(out, "  walk     %s\n  chains   %d of %d ended, %s, %s\n", walk, s.Done, s.Chains, count(s.Pages, "page"), count(s.Records, "record"))
	if h := s.Held; h != nil {
		fmt.Fprintf(out, "  running  process %d on %s since %s\n", h.Owner.PID, h.Owner.Host, stamp(h.Owner.Since))
	}
	for _, m := range s.Marks {
		fmt.Fprintf(out, "  output   %s %s\n", m.Target, short(m.Data, 80))
	}
	if err := l.lastRun(ctx, out, s); err != nil {
		return err
	}
	n := 0
	err := l.chains(ctx, s, true, func(c *chainInfo) error {
		if n++; n <= listed || all {
			c.show(out, s)
		}
		return nil
	})
	if err == nil && n > listed && !all {
		fmt.Fprintf(out, "  … and %s more (--all)\n", count(int64(n-listed), "chain"))
	}
	return err
}

func (l *ledger) lastRun(ctx context.Context, out io.Writer, s *store.Stream) error {
	run, err := l.newest(ctx, s.StreamKey)
	if err != nil || run == nil {
		return err
	}
	end := "not ended"
	if !run.Ended.IsZero() {
		end = run.Verdict
		if run.Reason != "" {
			end += " (" + run.Reason + ")"
		}
	}
	fmt.Fprintf(out, "  last run %s, %s\n", stamp(run.Started), end)
	return nil
}

// newest is the last run that worked on the stream, nil when none is remembered.
func (l *ledger) newest(ctx context.Context, s engine.StreamKey) (*engine.Run, error) {
	var found *engine.Run
	err := l.Runs(ctx, s.Connector, 200, func(r engine.Run) error {
		for _, name := range r.Streams {
			if name == s.Stream && found == nil {
				found = &r
			}
		}
		return nil
	})
	if err != nil {
		return nil, stateError(err)
	}
	return found, nil
}

// show prints one chain.
func (c *chainInfo) show(out io.Writer, s *store.Stream) {
	if c.Chain != "" {
		fmt.Fprintf(out, "  chain %s\n", c.Chain)
	}
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "    %-10s %s\n", name, value)
		}
	}
	place := "the end"
	if !c.Done {
		place = string(c.Position)
		if c.Position == nil {
			place = "the first page"
		}
	}
	line("position", place)
	line("kept", string(c.Kept))
	line("watermark", string(c.Watermark))
	if w := c.Walk; w != nil {
		line("filter", string(w.Watermark))
		line("seen up to", string(w.Pending))
		of := ""
		if w.Total != nil {
			of = fmt.Sprintf(" of %d", *w.Total)
		}
		line("walk", fmt.Sprintf("%s, %d%s received, %d delivered", count(w.Pages, "page"), w.Received, of, w.Delivered))
		if !w.TokenAt.IsZero() {
			line("token from", stamp(w.TokenAt))
		}
		if w.Fallback > 0 {
			line("fallback", fmt.Sprintf("rung %d", w.Fallback))
		}
		if w.Session {
			line("session", "open")
		}
	}
	line("records", fmt.Sprintf("%d in %s", c.Records, count(c.Pages, "page")))
	line("verdict", c.ended(s))
	if !c.Updated.IsZero() {
		line("updated", stamp(c.Updated)+", "+c.age()+" ago")
	}
	if c.Entered > 1 {
		line("stuck", fmt.Sprintf("%d runs in a row began here and got no further", c.Entered))
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
