package runtime_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
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
	_, err := r.start(t.Context(), func(job *runtime.Job) { job.Ledger = noStart{job.Ledger} })
	if !errors.Is(err, errNoStart) {
		t.Fatalf("the run ended with %v", err)
	}
	if rep := r.run(); rep.Verdict != runtime.Complete || rep.Streams[0].Records != 1 {
		t.Fatalf("the next run: %s", rep.Message)
	}
}
