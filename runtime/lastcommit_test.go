package runtime_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

// lostAnswer is a ledger that stores the commit which ends the last chain and does not say so.
type lostAnswer struct{ *store.DB }

var errLost = fmt.Errorf("no answer to COMMIT: %w", context.Canceled)

func (l lostAnswer) Commit(ctx context.Context, at engine.Lease, commits []engine.Commit, marks []engine.Mark, also func(*sql.Tx) error) error {
	if err := l.DB.Commit(ctx, at, commits, marks, also); err != nil {
		return err
	}
	if left, err := l.Chains(ctx, at.Stream, 0, 1, true); err != nil || len(left) > 0 || len(commits) == 0 {
		return err
	}
	return errLost
}

// TestLastCommitWithoutAnswer: a run whose last commit was stored, and which could do nothing after it, is
// gone on with: the walk has ended, and nothing is delivered twice.
func TestLastCommitWithoutAnswer(t *testing.T) {
	for name, stream := range map[string]string{
		"plain": `
    request: {path: /, query: {from: "0", to: "40"}}
    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 3}, total: body.total}`,
		"windows with a watermark": `
    request: {path: /, query: {from: "${window.from}", to: "${window.to}"}}
    partitions: [{window: {from: "1970-01-01T00:00:00Z", to: "1970-01-01T00:00:40Z", every: 20s, format: epoch}}]
    incremental: {watermark: max.at, type: time, format: epoch, order: asc}
    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 30}, total: body.total}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at := func(name string) int { n, _ := strconv.Atoi(q.URL.Query().Get(name)); return n }
				var items []string
				for id := at("from"); id < at("to"); id += 5 {
					items = append(items, fmt.Sprintf(`{"id":%d,"at":%d}`, id, id))
				}
				page := items[min(at("o"), len(items)):min(at("o")+at("l"), len(items))]
				fmt.Fprintf(w, `{"items":[%s],"total":%d}`, strings.Join(page, ","), len(items))
			}, "streams:\n  a:\n    records: {path: items, key: id}"+stream+"\n")
			rep := r.run(func(job *runtime.Job) { job.Ledger = lostAnswer{job.Ledger.(*store.DB)} })
			want(t, rep, "failed state")
			if !errors.Is(rep.Streams[0].Err, errLost) {
				t.Errorf("the error is %v", rep.Streams[0].Err)
			}
			if n := len(r.ids("a", "id")); n != 8 {
				t.Fatalf("%d records", n)
			}
			want(t, r.run(), "complete")
			if n := len(r.ids("a", "id")); n != 8 {
				t.Errorf("%d records after the next run, want 8", n)
			}
		})
	}
}

// TestBeginIsChecked: a position that the stream cannot be walked from is refused before anything is begun.
func TestBeginIsChecked(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {}, "streams:\n  a:\n    request: {path: /}\n    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 5}}\n")
	for stream, position := range map[string]string{"a": "-2", "nosuch": "2"} {
		_, err := r.start(t.Context(), func(job *runtime.Job) { job.Begin = map[string]json.RawMessage{stream: json.RawMessage(position)} })
		var wrong *runtime.ArgumentError
		if !errors.As(err, &wrong) || wrong.Name != "position" || len(r.asked) > 0 {
			t.Errorf("%s at %s: %v", stream, position, err)
		}
	}
}

// TestSliceThatIsCancelled: the context ends with the chain; the others are still to be read.
func TestSliceThatIsCancelled(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items":[{"id":1}]}`) }, `
streams:
  a:
    request: {path: "/${partition.p}"}
    records: {path: items, key: id}
    partitions: [{values: {p: [a, b, c]}}]
    pagination: {type: none}
`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o, err := r.sliceIn(ctx, runtime.ChainAt{Stream: "a"}, runtime.Budget{}, func(job *runtime.Job) {
		job.Observe = func(e runtime.Event) {
			if e.Kind == runtime.EventChainEnd {
				cancel()
			}
		}
	})
	if err != nil || !o.Pending {
		t.Errorf("%+v, %v: and nothing is pending", o, err)
	}
}
