package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

// listed is how many chains of a stream are printed unless all are asked for.
const listed = 50

// chainInfo is one chain as `state list --json` and `state show --json` print it.
type chainInfo struct {
	Connector string          `json:"connector"`
	Stream    string          `json:"stream"`
	Chain     string          `json:"chain"` // "" without partitions
	Done      bool            `json:"done"`
	Position  json.RawMessage `json:"position,omitempty"` // of the next page; left out before the first and at the end
	Watermark json.RawMessage `json:"watermark,omitempty"`
	Kept      json.RawMessage `json:"kept,omitempty"` // where the next walk begins
	Pages     int64           `json:"pages"`
	Records   int64           `json:"records"`
	Verdict   string          `json:"verdict,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Updated   time.Time       `json:"updated,omitzero"`
	Age       float64         `json:"age_seconds"`
	Entered   int             `json:"runs_without_progress,omitempty"`

	Walk *runtime.Checkpoint `json:"walk,omitempty"` // `state show` only
}

func newStateList() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:               "list [connector [stream]]",
		Short:             "List chains: position, age, watermark, records, last verdict",
		Args:              wants("a connector and a stream", 0, 2),
		ValidArgsFunction: completeStreams(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, streams, err := openStreams(cmd, args)
			if err != nil {
				return err
			}
			defer l.Close()
			if asJSON {
				return l.printJSON(cmd.Context(), cmd.OutOrStdout(), streams, false)
			}
			return l.printTable(cmd.Context(), cmd.OutOrStdout(), streams, all)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with every chain")
	cmd.Flags().BoolVar(&all, "all", false, fmt.Sprintf("print every chain, not only the first %d of a stream", listed))
	return cmd
}

// openStreams opens the ledger for looking, and finds the streams that the arguments name.
func openStreams(cmd *cobra.Command, args []string) (*ledger, []store.Stream, error) {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	l, err := openLedger(cmd, name, false)
	if err != nil {
		return nil, nil, err
	}
	var streams []store.Stream
	if len(args) > 1 {
		streams, err = l.streams(cmd.Context(), args[1:])
	} else {
		streams, err = l.streams(cmd.Context(), nil)
	}
	if err != nil {
		l.Close()
		return nil, nil, err
	}
	return l, streams, nil
}

// chains calls fn with each chain of the stream; a stream without chains counts as one that has not
// begun.
func (l *ledger) chains(ctx context.Context, s *store.Stream, walk bool, fn func(*chainInfo) error) error {
	marks := map[string]engine.Bookmark{}
	if err := l.Bookmarks(ctx, s.StreamKey, func(b engine.Bookmark) error { marks[b.Base] = b; return nil }); err != nil {
		return stateError(err)
	}
	last, err := l.newest(ctx, s.StreamKey)
	if err != nil {
		return err
	}
	none := true
	err = l.Progress(ctx, s.StreamKey, func(p store.Progress) error {
		none = false
		info, err := l.info(s, p, marks, walk)
		if err != nil {
			return err
		}
		if info.Verdict == "" && !p.Updated.IsZero() && last != nil && last.Ended.After(p.Updated) && s.Chains == 1 {
			if end := endOf(last, s.StreamKey.Stream); end != nil { // a limit ends a run between two pages
				info.Verdict, info.Reason = end.Verdict, end.Reason
			}
		}
		return fn(info)
	})
	if err != nil {
		return stateError(err)
	}
	if none {
		info := &chainInfo{Connector: s.Connector, Stream: s.StreamKey.Stream}
		for _, m := range marks { // only one without partitions
			info.Watermark, info.Kept, info.Updated = m.Watermark, m.Kept, m.Updated
		}
		l.hide(s, []*json.RawMessage{&info.Kept}, []*json.RawMessage{&info.Watermark})
		return fn(info)
	}
	return nil
}

func (l *ledger) info(s *store.Stream, p store.Progress, marks map[string]engine.Bookmark, walk bool) (*chainInfo, error) {
	at, err := runtime.ReadCheckpoint(p.State)
	if err != nil {
		return nil, fmt.Errorf("%s/%s %s: %w", s.Connector, s.StreamKey.Stream, runtime.ShownChain(s.Round, p.Key), err)
	}
	base, err := runtime.ChainBase(p.Key)
	if err != nil {
		return nil, err
	}
	info := &chainInfo{
		Connector: s.Connector, Stream: s.StreamKey.Stream, Chain: runtime.ShownChain(s.Round, p.Key), Done: p.Done, Position: at.Position, Watermark: marks[base].Watermark,
		Kept: marks[base].Kept, Pages: p.Pages, Records: p.Records, Verdict: p.Verdict, Reason: p.Reason, Updated: p.Updated, Entered: p.Entered,
	}
	l.hide(s, []*json.RawMessage{&info.Kept, &info.Position, &at.Position}, []*json.RawMessage{&info.Watermark, &at.Watermark, &at.Pending})
	if p.Done {
		info.Position = nil
	}
	if info.Watermark == nil {
		info.Watermark = at.Watermark
	}
	if !p.Updated.IsZero() {
		info.Age = time.Since(p.Updated).Round(time.Second).Seconds()
	}
	if walk && p.State != nil {
		info.Walk = &at
	}
	return info, nil
}

func (l *ledger) printJSON(ctx context.Context, out io.Writer, streams []store.Stream, walk bool) error {
	w := bufio.NewWriter(out)
	sep := "["
	for i := range streams {
		err := l.chains(ctx, &streams[i], walk, func(c *chainInfo) error {
			b, err := json.Marshal(c)
			w.WriteString(sep + "\n  ")
			w.Write(b)
			sep = ","
			return err
		})
		if err != nil {
			return err
		}
	}
	if sep == "[" {
		w.WriteString("[")
	}
	w.WriteString("\n]\n")
	return w.Flush()
}

func (l *ledger) printTable(ctx context.Context, out io.Writer, streams []store.Stream, all bool) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "STREAM\tCHAIN\tPOSITION\tAGE\tWATERMARK\tPAGES\tRECORDS\tVERDICT")
	for i := range streams {
		s := &streams[i]
		n := 0
		err := l.chains(ctx, s, false, func(c *chainInfo) error {
			if n++; n > listed && !all {
				return nil
			}
			name := c.Stream
			if l.name == "" {
				name = c.Connector + "/" + c.Stream
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n", name, dash(short([]byte(c.Chain), 60)), c.place(), c.age(), dash(short(c.Watermark, 40)), c.Pages, c.Records, c.ended(s))
			return nil
		})
		if err != nil {
			return err
		}
		if n > listed && !all {
			fmt.Fprintf(w, "\t… and %d more (--all)\t\t\t\t\t\t\n", n-listed)
		}
	}
	return w.Flush()
}

// place is where the next run goes on.
func (c *chainInfo) place() string {
	switch {
	case c.Done && c.Kept != nil:
		return "kept: " + short(c.Kept, 40)
	case c.Done:
		return "end"
	case c.Position == nil:
		return "first page"
	}
	return short(c.Position, 40)
}

func (c *chainInfo) age() string {
	if c.Updated.IsZero() {
		return "-"
	}
	return ago(time.Duration(c.Age) * time.Second)
}

// ended is how the chain's last run ended, and whether one is under way.
func (c *chainInfo) ended(s *store.Stream) string {
	v := dash(c.Verdict)
	if c.Reason != "" {
		v += " (" + c.Reason + ")"
	}
	if s.Held != nil && !c.Done {
		return "running, before: " + v
	}
	return v
}

// ago is a span in its two largest units.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%dh", int(d.Hours())/24, int(d.Hours())%24)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// short is a JSON value on one line, cut after n characters.
func short(v []byte, n int) string {
	r := []rune(strings.ToValidUTF8(string(v), "\ufffd"))
	if len(r) <= n {
		return string(r)
	}
	return string(r[:n-1]) + "…"
}
