package runtime_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

// noStart is a ledger that cannot begin a run.
type noStart struct{ runtime.Ledger }

var errNoStart = errors.New("no run begins")

func (noStart) StartRun(context.Context, engine.Run) error { return errNoStart }

// A run that fails to begin lets go of its outputs and its streams: the next one can take them.
func TestBeginFails(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[{"id":1}]`)) }, `
streams:
  s: {request: {path: /}, records: {path: "$"}, pagination: {type: none}}
`)
	ctx := context.Background()
	c, err := runtime.Load(r.dir, script.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	db, err := store.Open(ctx, filepath.Join(r.dir, "state.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	out, err := sink.New(ctx, "jsonl:"+filepath.Join(r.dir, "{stream}.jsonl"), sink.Options{Ledger: db.Path()})
	if err != nil {
		t.Fatal(err)
	}
	job := runtime.Job{Connector: c, Ledger: noStart{db}, Sink: out, Owner: store.Self(time.Now()), Set: map[string]string{"base_url": r.server.URL}}
	if _, err := runtime.Run(ctx, &job); !errors.Is(err, errNoStart) {
		t.Fatalf("the run ended with %v", err)
	}
	if rep := r.run(); rep.Verdict != runtime.Complete || rep.Streams[0].Records != 1 {
		t.Fatalf("the next run: %s", rep.Message)
	}
}
