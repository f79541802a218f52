package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

var (
	modelSeeds = flag.Int("model-seeds", 250, "how many random APIs TestModel drains")
	modelFirst = flag.Uint64("model-first", 0, "the seed that TestModel begins with")
)

// TestModel drains APIs that a seeded generator makes, through the connectors that match them, with
// faults at random pages and with runs that are stopped and taken up again. What a complete run has
// delivered is the exact set, in order where nothing was recovered; whatever else a run says, nothing
// came twice and nothing came that the API does not have. Once the API is well again, the next runs
// bring the rest.
func TestModel(t *testing.T) {
	n := *modelSeeds
	if testing.Short() {
		n = min(n, 50)
	}
	var tally modelTally
	t.Run("seeds", func(t *testing.T) {
		for i := range uint64(n) {
			seed := *modelFirst + i
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				m := newModel(seed)
				if err := m.check(t, &tally); err != nil {
					t.Fatalf("%v\n\n%s\nreplay: go test ./runtime -run '^TestModel$' -model-seeds 1 -model-first %d -v", err, m.describe(), seed)
				}
			})
		}
	})
	t.Logf("%d APIs: %s", n, &tally)
	if n >= 200 {
		tally.expect(t)
	}
}

// modelRun is how one run of a model is cut short.
type modelRun struct {
	pages, records int64
	stopAt         int // close Stop at this request of the run, 0 for never
	killAt         int // cancel the context at this request
}

// check drains the model.
func (m *model) check(t *testing.T, tally *modelTally) error {
	api := m.serve()
	r := newRig(t, api.ServeHTTP, m.connector())
	if m.hook != "" {
		if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(m.hook), 0o644); err != nil {
			return err
		}
	}
	r.job.Clock, r.job.Random = api.clock, func() float64 { return 0.5 }
	recovered := false
	for round := 0; ; round++ {
		cut := m.cut()
		if round > 60 {
			return errors.New("no end after 60 runs")
		}
		if round > 30 {
			cut = modelRun{}
		}
		rep, err := m.run(r, api, cut)
		if errors.Is(err, context.Canceled) {
			continue // killed before it had begun
		}
		if err != nil {
			return fmt.Errorf("run %d: %w", round+1, err)
		}
		m.story = append(m.story, fmt.Sprintf("run %d %+v: %s; events %v", round+1, cut, rep.Message, rep.Streams[0].Events))
		recovered = recovered || rep.Streams[0].Recoveries > 0
		got, err := m.delivered(r)
		if err != nil {
			return fmt.Errorf("run %d (%s): %w", round+1, rep.Verdict, err)
		}
		tally.add(rep, round, m.healed)
		switch {
		case rep.Verdict == runtime.Complete:
			return m.whole(got, !recovered && !api.disordered())
		case rep.Verdict == runtime.Interrupted || rep.Reason == runtime.CodeLimit:
		case rep.Verdict == runtime.Parked:
			return fmt.Errorf("parked, and no wait is that long: %s", rep.Message)
		case !m.healed:
			if rep.Reason == "" {
				return errors.New("no reason is given")
			}
			m.healed = true
			api.heal()
		case m.mayStay(rep, got):
			return nil
		default:
			if m.tries++; m.tries > 6 {
				return fmt.Errorf("the API is well again, and it still ends: %s", rep.Message)
			}
		}
	}
}

// run makes one run, cut short as it says.
func (m *model) run(r *rig, api *modelAPI, cut modelRun) (*runtime.Report, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := make(chan struct{})
	api.onRequest(func(n int) {
		if n == cut.stopAt {
			close(stop)
		}
		if n == cut.killAt {
			cancel()
		}
	})
	c, err := runtime.Load(r.dir, script.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	db, err := store.Open(context.Background(), filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		return nil, err
	}
	defer db.Close()
	out, err := sink.New(context.Background(), "jsonl:"+filepath.Join(r.dir, "{stream}.jsonl"), sink.Options{Ledger: db.Path()})
	if err != nil {
		return nil, err
	}
	job := r.job
	job.Connector, job.Ledger, job.Sink, job.Owner, job.Stop = c, db, out, store.Self(api.clock.Now()), stop
	job.MaxPages, job.MaxRecords = cut.pages, cut.records
	job.Set = map[string]string{"base_url": r.server.URL}
	return runtime.Run(ctx, &job)
}

// delivered reads the output: ids by chain, in order. Nothing may be there twice.
func (m *model) delivered(r *rig) (map[int][]int, error) {
	b, err := os.ReadFile(filepath.Join(r.dir, "s.jsonl"))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	out := map[int][]int{}
	seen := map[int]bool{}
	for line := range bytes.Lines(b) {
		text := strings.TrimSpace(string(line))
		id, err := strconv.Atoi(match(text, `{"id":`, `,`))
		if err != nil || !m.has(id) {
			return nil, fmt.Errorf("a record that the API does not have: %s", text)
		}
		if want := m.record(id); text != want {
			return nil, fmt.Errorf("record %d came as %s, not as %s", id, text, want)
		}
		if seen[id] {
			return nil, fmt.Errorf("record %d was delivered twice", id)
		}
		seen[id] = true
		out[id/chainStep] = append(out[id/chainStep], id)
	}
	return out, nil
}

func match(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// whole checks that every record is there, in the order of the lists when inOrder.
func (m *model) whole(got map[int][]int, inOrder bool) error {
	for c, n := range m.sizes {
		want := make([]int, n)
		for i := range want {
			want[i] = c*chainStep + i + 1
		}
		have := got[c]
		if !inOrder {
			have = slices.Sorted(slices.Values(have))
		}
		if !slices.Equal(have, want) {
			return fmt.Errorf("called complete with chain %d: %d of %d records: %v", c, len(have), n, have)
		}
	}
	return nil
}

// modelTally counts how the runs of all models ended, so that the generator is known to reach what it
// should.
type modelTally struct {
	verdicts, events, reasons modelCounter
}

func (t *modelTally) add(rep *runtime.Report, round int, healed bool) {
	t.verdicts.add(rep.Verdict)
	t.reasons.add(rep.Reason)
	for name := range rep.Streams[0].Events {
		t.events.add(name)
	}
}

func (t *modelTally) String() string {
	return fmt.Sprintf("verdicts %v, reasons %v, events %v", &t.verdicts, &t.reasons, &t.events)
}

// expect fails when the generator has lost its teeth.
func (t *modelTally) expect(tb testing.TB) {
	for _, name := range []string{"next_token_missing", "token_repeated", "token_expired", "empty_page", "page_repeated", "flag_disagrees", "recovered", "total_changed"} {
		if t.events.of(name) == 0 {
			tb.Errorf("no run saw the event %s", name)
		}
	}
	for _, v := range []string{runtime.Complete, runtime.Incomplete, runtime.Truncated, runtime.Interrupted} {
		if t.verdicts.of(v) == 0 {
			tb.Errorf("no run ended %s", v)
		}
	}
}
