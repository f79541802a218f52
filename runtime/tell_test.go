package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
)

const toldStreams = `
streams:
  counted:
    request: {path: /counted}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total: body.total}
  later:
    request: {path: /later}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page, total: body.total}
`

// TestOutcomeIsKept: a stream that waits for another one to end keeps how its own end was attested.
func TestOutcomeIsKept(t *testing.T) {
	parked := true
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/later" && parked {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprintf(w, `{"items":[{"id":%s}],"total":2}`, q.URL.Query().Get("page"))
	}, toldStreams)
	want(t, r.run(func(job *runtime.Job) { job.Serial = true }), "parked parked") // the first has ended before the second is told to wait
	parked = false
	rep := r.run()
	want(t, rep, "complete")
	if s := rep.Streams[0]; s.Attested != "proved" || s.Total == nil || *s.Total != 2 || s.Records != 0 ||
		!strings.Contains(s.Message, "2 of 2 records, 0 of them in this run") || !strings.Contains(s.Message, "the end was seen in an earlier run") {
		t.Errorf("counted: %s, %v of %v", s.Message, s.Records, s.Total)
	}
	if rep.Attested != "proved" {
		t.Errorf("the run is %s", rep.Attested)
	}
	r.asked = nil
	want(t, r.run(), "complete")
	if len(r.asked) != 4 {
		t.Errorf("the walks that ended were not begun anew: %v", r.asked)
	}
}

// TestTellsBeforeItEnds: while the end is told the walk can still be taken up, so that a process that
// dies there delivers nothing twice.
func TestTellsBeforeItEnds(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprintf(w, `{"items":[{"id":%s}],"total":2}`, q.URL.Query().Get("page"))
	}, toldStreams)
	told := 0
	rep := r.run(func(job *runtime.Job) {
		job.Tell = func(rep *runtime.Report) {
			told++
			for _, s := range []string{"counted", "later"} {
				round, err := job.Ledger.Round(t.Context(), engine.StreamKey{Connector: "test", Stream: s})
				if err != nil || !round.Open || rep.Verdict != runtime.Complete {
					t.Errorf("%s: %+v, %v", s, round, err)
				}
			}
		}
	})
	want(t, rep, "complete")
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
