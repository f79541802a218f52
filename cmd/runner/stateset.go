package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
)

// setFlags are those of `runner state set`.
type setFlags struct {
	settings
	position, watermark, kept, chain string
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
			n := 0
			for _, name := range []string{"position", "watermark", "kept"} {
				if cmd.Flags().Changed(name) {
					n++
				}
			}
			if n != 1 {
				return usage("state set needs one of --position, --watermark, --kept")
			}
			return f.run(cmd, args[0], args[1])
		},
	}
	f.settings.valueFlags(cmd)
	cmd.Flags().StringVar(&f.kept, "kept", "", "`JSON` of the position that every next walk begins at, as pagination.keep stores it")
	cmd.Flags().StringVar(&f.position, "position", "", "`JSON` of the position of the next page")
	cmd.Flags().StringVar(&f.watermark, "watermark", "", "`JSON` of the watermark")
	cmd.Flags().StringVar(&f.chain, "chain", "", "`KEY` of the chain, as `state list` prints it; needed where the stream has several")
	return cmd
}

func (f *setFlags) run(cmd *cobra.Command, name, stream string) error {
	if err := f.begin(cmd, name, stream); err != nil {
		return err
	}
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
	return f.setBookmark(cmd, l, key)
}

// begin makes the state file where there is none yet, for a connector that can be read and a value that
// fits it.
func (f *setFlags) begin(cmd *cobra.Command, name, stream string) error {
	file, err := cmd.Flags().GetString("state")
	if err != nil || exists(file) {
		return err
	}
	c, err := lookUp(name, script.Options{})
	if err != nil {
		return nil // openLedger tells what is missing
	}
	defer c.Close()
	st := c.Spec.Stream(stream)
	if st == nil {
		return usage("%s", unknownStream(c.Spec, stream))
	}
	for _, v := range []struct {
		name, text string
		check      func(*spec.Stream, json.RawMessage) error
	}{{"position", f.position, runtime.CheckPosition}, {"watermark", f.watermark, runtime.CheckWatermark}, {"kept", f.kept, runtime.CheckPosition}} {
		if !cmd.Flags().Changed(v.name) {
			continue
		}
		raw, err := jsonFlag(v.name, v.text)
		if err != nil {
			return err
		}
		if err := v.check(st, raw); err != nil {
			return usage("--%s: %w", v.name, err)
		}
	}
	db, err := store.Open(cmd.Context(), file, store.Options{SecretKey: os.Getenv(keyVariable)})
	if err != nil {
		return stateError(err)
	}
	return db.Close()
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
		round, err := l.Round(ctx, s)
		if err != nil {
			return "", stateError(err)
		}
		return "", usage("stream %s has several chains; name one with --chain, such as '%s' (`runner state list %s %s` lists them)", s.Stream, runtime.ShownChain(round, list[0].Key), l.name, s.Stream)
	}
	return list[0].Key, nil
}

// setBookmark moves the watermark or the kept position, which a walk begins with.
func (f *setFlags) setBookmark(cmd *cobra.Command, l *ledger, s engine.StreamKey) error {
	ctx := cmd.Context()
	name, given, check, says := "watermark", f.watermark, runtime.CheckWatermark, "reads from the watermark"
	if cmd.Flags().Changed("kept") {
		name, given, check, says = "kept", f.kept, runtime.CheckPosition, "begins at the kept position"
	}
	value, err := jsonFlag(name, given)
	if err != nil {
		return err
	}
	if st := l.shape(s.Stream); st != nil {
		if err := check(st, value); err != nil {
			return usage("--%s: %w", name, err)
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
	mark.Base, mark.Updated, mark.Recent, mark.Asked = base, time.Now(), nil, nil
	if name == "kept" {
		mark.Kept = value
	} else {
		mark.Watermark = value
	}
	if err := l.SetBookmark(ctx, s, mark); err != nil {
		return stateError(err)
	}
	also := ""
	if len(open) > 0 {
		also = "; the walk that was under way is given up"
	} else if round, err := l.Round(ctx, s); err == nil && round.Open && round.Number > 0 {
		also = ", once the walk that is under way has ended"
	}
	for _, key := range open {
		if err := l.ResetChain(ctx, s, key, nil); err != nil {
			return stateError(err)
		}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s/%s%s: the next run %s %s%s\n", s.Connector, s.Stream, behind(base), says, short(value, 120), also)
	return nil
}

// base is the bookmark that a chain belongs to, and the chains of it whose walk is under way.
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
