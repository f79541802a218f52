package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// stuck is a sink that cannot be sealed, or not be closed.
type stuck struct {
	runtime.Sink
	atSeal bool
}

var errStuck = errors.New("the disk has gone")

func (s stuck) Seal(ctx context.Context, stream string) (string, []byte, error) {
	if s.atSeal {
		return "", nil, errStuck
	}
	return s.Sink.(runtime.Sealer).Seal(ctx, stream)
}

func (s stuck) Close(ctx context.Context) error {
	err := s.Sink.Close(ctx)
	if !s.atSeal {
		err = errStuck
	}
	return err
}

// TestOutputThatDoesNotClose: a walk whose last records are not safe has not ended. The run says why,
// and the next one goes on with it; it does not begin anew.
func TestOutputThatDoesNotClose(t *testing.T) {
	for _, atSeal := range []bool{true, false} {
		for _, limit := range []int64{0, 2} {
			t.Run(fmt.Sprintf("seal %v limit %d", atSeal, limit), func(t *testing.T) {
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					n := 0
					fmt.Sscan(q.FormValue("p"), &n)
					next := "null"
					if n < 2 {
						next = fmt.Sprintf("%q", fmt.Sprint(n+1))
					}
					fmt.Fprintf(w, `{"items":[{"id":%d}],"next":%s,"count":3}`, n, next)
				}, `streams:
  items:
    request: {path: /}
    records: {path: items, key: id}
    pagination: {type: cursor, next: body.next, send: query.p, total: body.count}
`)
				report := r.run(func(j *runtime.Job) { j.Sink, j.MaxPages = stuck{j.Sink, atSeal}, limit })
				want(t, report, "failed sink")
				if report.Reason != "sink" || report.Attested != "" || !strings.HasPrefix(report.Message, "failed: ") || !strings.Contains(report.Message, errStuck.Error()) {
					t.Errorf("report %+v", report)
				}
				want(t, r.run(), "complete")
				if got := strings.Join(r.ids("items", "id"), " "); got != "0 1 2" {
					t.Errorf("records %s, want each once", got)
				}
				if asked := len(r.asked); asked != 3 {
					t.Errorf("%d pages were asked for, want 3: the second run goes on", asked)
				}
			})
		}
	}
}
