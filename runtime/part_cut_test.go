package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store"
)

// TestCutPageAfterChanges: what a limit has let through of a page does not come again when the connector
// tells its records apart otherwise since, or when a person has moved the walk.
func TestCutPageAfterChanges(t *testing.T) {
	stream := func(key, more string) string {
		return "streams:\n  s:\n    request: {path: /}\n    records: {path: items" + key + "}\n" +
			"    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 4}, total: body.total}\n" + more
	}
	const increment = "    incremental: {watermark: max.u, type: number, order: asc}\n"
	for _, c := range []struct {
		name, before, after string
		moved               string // position that is set between the runs
		says                string
	}{
		{"nothing", stream(", key: id", ""), "", "", "12 of 12 records, 6 of them in this run, in 2 pages"},
		{"moved to the first page", stream(", key: id", ""), "", "0", "6 records in 3 pages"},
		{"moved to where it is", stream(", key: id", ""), "", "4", "6 records in 2 pages"},
		{"incremental added", stream(", key: id", ""), stream(", key: id", increment), "", "12 of 12 records, 6 of them"},
		{"incremental removed", stream(", key: id", increment), stream(", key: id", ""), "", "12 of 12 records, 6 of them"},
		{"another key", stream(", key: id", ""), stream(", key: [id, u]", ""), "", "12 of 12 records, 6 of them"},
		{"key removed", stream(", key: id", ""), stream("", ""), "", "12 of 12 records, 6 of them"},
		{"key added", stream("", ""), stream(", key: id", ""), "", "12 of 12 records, 6 of them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at := 0
				fmt.Sscan(q.FormValue("o"), &at)
				var list []string
				for id := at + 1; id <= min(at+4, 12); id++ {
					list = append(list, fmt.Sprintf(`{"id":%d,"u":%d}`, id, id))
				}
				fmt.Fprintf(w, `{"total":12,"items":[%s]}`, strings.Join(list, ","))
			}, c.before)
			want(t, r.run(func(j *runtime.Job) { j.MaxRecords = 6 }), "truncated limit")
			want(t, r.run(func(j *runtime.Job) { j.MaxRecords = 1 }), "truncated limit")
			r.count("s", "id", 7)
			r.server.CloseClientConnections()
			if c.after != "" {
				r.write(c.after)
			}
			if c.moved != "" {
				r.move("s", c.moved)
			}
			rep := r.run()
			want(t, rep, "complete")
			r.count("s", "id", 12)
			says := strings.NewReplacer("6 of them", "5 of them", "6 records", "5 records").Replace(c.says)
			if !strings.Contains(rep.Message, says) || rep.Streams[0].Records != 5 {
				t.Errorf("it says %s, want %s", rep.Message, says)
			}
		})
	}
}

// move puts the stream's only chain at a position, as `runner state set` does.
func (r *rig) move(stream, position string) {
	r.t.Helper()
	ctx, s := context.Background(), engine.StreamKey{Connector: "test", Stream: stream}
	db, err := store.Open(ctx, filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	row, _, err := db.Chain(ctx, s, "")
	if err != nil {
		r.t.Fatal(err)
	}
	round, err := db.Round(ctx, s)
	if err != nil {
		r.t.Fatal(err)
	}
	state, err := runtime.MoveCheckpoint(row.State, runtime.RoundFingerprint(round), json.RawMessage(position))
	if err == nil {
		err = db.SetState(ctx, s, "", state)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// TestStepNamesNoFallbackThatIsThere: the advice after a refused token fits what the connector declares.
func TestStepNamesNoFallbackThatIsThere(t *testing.T) {
	for fallback, says := range map[string]string{
		"": "Try: a `fallback` in pagination",
		", fallback: {type: offset, send: query.o}": "Try: `runner run`: its checkpoint holds what the declared `fallback` needs",
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "gone", http.StatusGone) },
			"streams:\n  s:\n    request: {path: /}\n    records: {path: items, key: id}\n    http: {responses: [{status: 410, is: token_expired}]}\n"+
				"    pagination: {type: cursor, next: body.next, send: query.c"+fallback+"}\n")
		job := runtime.Job{Connector: r.load(), Set: map[string]string{"base_url": r.server.URL}}
		got, err := runtime.Step(t.Context(), &job, runtime.StepAt{Stream: "s", Position: json.RawMessage(`"t"`)})
		if err != nil || !strings.Contains(got.Message, says) {
			t.Errorf("it says %+v, %v; want %s", got, err, says)
		}
	}
}
