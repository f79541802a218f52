package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

func newWhy() *cobra.Command {
	var asJSON, all bool
	var chain, state string
	cmd := &cobra.Command{
		Use:   "why <connector> [stream]",
		Short: "Tell the story of the last run page by page, and why it stopped",
		Long: "why reads the journal of the last run: where each page was, what each witness said about going on, who decided,\n" +
			"what was retried and why, and how it ended. Long walks are abridged to the first and last pages and those on\n" +
			"which something happened.",
		Args:              wants("a connector", 1, 2),
		ValidArgsFunction: completeStreams(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, streams, err := openStreams(cmd, args)
			if err != nil {
				return err
			}
			defer l.Close()
			var keys []engine.StreamKey
			for _, s := range streams {
				keys = append(keys, s.StreamKey)
			}
			if len(args) < 2 {
				if keys, err = l.ofLastRun(cmd.Context(), keys); err != nil {
					return err
				}
			}
			var only *string
			if cmd.Flags().Changed("chain") {
				key := chainKey(chain)
				only = &key
			}
			return l.tell(cmd.Context(), cmd.OutOrStdout(), keys, only, asJSON, all)
		},
	}
	cmd.Flags().StringVar(&state, "state", defaultState, "`FILE` with checkpoints")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the stories as a JSON array, every page in it")
	cmd.Flags().BoolVar(&all, "all", false, "tell every page")
	cmd.Flags().StringVar(&chain, "chain", "", "tell the pages of the chain with this `KEY` only")
	return cmd
}

// ofLastRun are the streams that the connector's last run worked on.
func (l *ledger) ofLastRun(ctx context.Context, keys []engine.StreamKey) ([]engine.StreamKey, error) {
	var last *engine.Run
	if err := l.Runs(ctx, l.name, 1, func(r engine.Run) error { last = &r; return nil }); err != nil {
		return nil, stateError(err)
	}
	if last == nil {
		return keys, nil
	}
	keys = keys[:0]
	for _, s := range last.Streams {
		keys = append(keys, engine.StreamKey{Connector: l.name, Stream: s})
	}
	return keys, nil
}

// tell tells the story of each stream's last run.
func (l *ledger) tell(ctx context.Context, out io.Writer, keys []engine.StreamKey, chain *string, asJSON, all bool) error {
	w := bufio.NewWriter(out)
	for i, key := range keys {
		run, err := l.newest(ctx, key)
		if err != nil {
			return err
		}
		if run == nil {
			return usage("no run of stream %s of %s is remembered in %s", key.Stream, key.Connector, l.file)
		}
		held, err := l.Holder(ctx, key)
		if err != nil {
			return stateError(err)
		}
		round, err := l.Round(ctx, key)
		if err != nil {
			return stateError(err)
		}
		s := &story{key: key, run: run, held: held, end: endOf(run, key.Stream), all: all}
		pages := func(fn func(engine.PageEntry) error) error {
			return l.Pages(ctx, key, run.ID, func(e engine.PageEntry) error {
				if chain != nil && e.Chain != *chain {
					return nil
				}
				e.Chain = runtime.ShownChain(round, e.Chain)
				return fn(e)
			})
		}
		if asJSON {
			sep := ",\n"
			if i == 0 {
				sep = "[\n"
			}
			w.WriteString(sep)
			err = s.json(w, pages)
		} else {
			if i > 0 {
				w.WriteString("\n")
			}
			err = s.text(w, pages)
		}
		if err != nil {
			return stateError(err)
		}
	}
	if asJSON {
		if len(keys) == 0 {
			w.WriteString("[")
		}
		w.WriteString("\n]\n")
	}
	return w.Flush()
}

// streamEnd is how a run's report says that a stream ended.
type streamEnd struct {
	Verdict  string           `json:"verdict"`
	Attested string           `json:"attested"`
	Reason   string           `json:"reason"`
	Message  string           `json:"message"`
	Events   map[string]int64 `json:"events"`
}

func endOf(run *engine.Run, stream string) *streamEnd {
	var report struct {
		Streams map[string]*streamEnd `json:"streams"`
	}
	if json.Unmarshal(run.Report, &report) != nil { // none: the run has not ended
		return nil
	}
	return report.Streams[stream]
}

// pageInfo is one page as `why --json` prints it.
type pageInfo struct {
	Chain     string            `json:"chain,omitempty"`
	Page      int64             `json:"page"` // from 1
	At        time.Time         `json:"at"`
	Position  json.RawMessage   `json:"position,omitempty"`
	Status    int               `json:"status"`
	Records   int               `json:"records"`
	New       int               `json:"new"`
	Bytes     int64             `json:"bytes"`
	Millis    int64             `json:"millis"`
	Attempts  int               `json:"attempts"`
	Retries   json.RawMessage   `json:"retries,omitempty"`
	Verdict   string            `json:"verdict"`
	Decider   string            `json:"decider,omitempty"`
	Detail    string            `json:"detail,omitempty"`
	Witnesses []runtime.Witness `json:"witnesses"`
	Events    json.RawMessage   `json:"events,omitempty"`
}

func (s *story) json(w *bufio.Writer, pages func(func(engine.PageEntry) error) error) error {
	head := struct {
		Connector string     `json:"connector"`
		Stream    string     `json:"stream"`
		Run       string     `json:"run"`
		Started   time.Time  `json:"started"`
		Ended     time.Time  `json:"ended,omitzero"`
		Running   bool       `json:"running"`
		End       *streamEnd `json:"end,omitempty"`
	}{s.key.Connector, s.key.Stream, s.run.ID, s.run.Started, s.run.Ended, s.running(), s.end}
	b, err := json.Marshal(head)
	if err != nil {
		return err
	}
	w.Write(b[:len(b)-1])
	sep := `,"pages":[` + "\n  "
	w.WriteString(sep)
	n := 0
	err = pages(func(e engine.PageEntry) error {
		said := runtime.ReadEvidence(e.Evidence)
		b, err := json.Marshal(pageInfo{e.Chain, e.Page + 1, e.At, e.Position, e.Status, e.Records, e.New, e.Bytes, e.Millis, e.Attempts,
			e.Retries, e.Verdict, said.Decider, said.Detail, said.Witnesses, e.Events})
		if n++; n > 1 {
			w.WriteString(",\n  ")
		}
		w.Write(b)
		return err
	})
	w.WriteString("]}")
	return err
}

func (s *story) running() bool { return s.run.Ended.IsZero() && s.held != nil }

// took is how long the run took, "" while it runs.
func (s *story) took() string {
	if s.run.Ended.IsZero() {
		return ""
	}
	return fmt.Sprintf("%.1f s", s.run.Ended.Sub(s.run.Started).Seconds())
}
