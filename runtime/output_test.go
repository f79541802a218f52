package runtime_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/store/sink"
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

// TestKeysReachTheOutput: what is kept by key is replaced by key, through the whole of a run.
func TestKeysReachTheOutput(t *testing.T) {
	version := 1
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprintf(w, `{"items":[{"id":"a","n":1,"v":%[1]d},{"id":"b","n":2,"v":%[1]d}]}`, version)
	}, `streams:
  items:
    request: {path: "/${partition.p}"}
    records: {path: items, key: [id, n]}
    partitions: [{values: {p: [x, y]}}]
    pagination: {type: none}
`)
	to := func(uri string) func(j *runtime.Job) {
		return func(j *runtime.Job) {
			out, err := sink.New(t.Context(), uri, sink.Options{Ledger: j.Ledger.Path()})
			if err != nil {
				t.Fatal(err)
			}
			j.Sink = out
		}
	}
	for _, name := range []string{"own.db", "state.db"} { // a file of its own, and the ledger's
		path := filepath.Join(r.dir, name)
		for range 2 {
			want(t, r.run(to("sqlite:"+path)), "complete")
			version++
		}
		db, err := sql.Open("sqlite3", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var rows, fresh int
		if err := db.QueryRow(`SELECT count(*), sum(key = '["' || (record ->> 'id') || '",' || (record ->> 'n') || ']' AND record ->> 'v' = ?) FROM items`, version-1).Scan(&rows, &fresh); err != nil {
			t.Fatal(err)
		}
		if rows != 4 || fresh != 4 {
			t.Errorf("%s: %d rows, %d of them as they are now; want 4", name, rows, fresh)
		}
	}
	var ids []string
	index := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		all := regexp.MustCompile(`"_id":"(.*)"}}`).FindAllSubmatch(b, -1) // of one page, or of both
		for _, m := range all {
			ids = append(ids, strings.ReplaceAll(string(m[1]), `\`, ""))
		}
		fmt.Fprintf(w, `{"errors":false,"items":[%s]}`, strings.TrimSuffix(strings.Repeat("{},", len(all)), ","))
	}))
	defer index.Close()
	want(t, r.run(to(index.URL+"/i/_bulk?format=bulk")), "complete")
	slices.Sort(ids) // the chains run side by side
	if got := strings.Join(ids, " "); got != `["x","["a",1]"] ["x","["b",2]"] ["y","["a",1]"] ["y","["b",2]"]` {
		t.Errorf("ids %s", got)
	}
}

// TestCancelReachesTheOutput: a run that is told to end does not wait for a service that asks for an
// hour; the page comes again.
func TestCancelReachesTheOutput(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		fmt.Fprint(w, `{"items":[{"id":1}]}`)
	}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items}\n    pagination: {type: none}\n")
	busy, got := true, 0
	ctx, cancel := context.WithCancel(t.Context())
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if busy {
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
			cancel()
			return
		}
		got++
	}))
	defer service.Close()
	to := func(j *runtime.Job) {
		out, err := sink.New(t.Context(), service.URL, sink.Options{})
		if err != nil {
			t.Fatal(err)
		}
		j.Sink = out
	}
	want(t, r.runIn(ctx, to), "interrupted interrupted")
	report := r.run(to, func(j *runtime.Job) { j.TimeLimit = time.Minute })
	want(t, report, "failed sink")
	if !strings.Contains(report.Message, "it asks to wait 10m0s, longer than the run may still take") {
		t.Error(report.Message)
	}
	busy = false
	want(t, r.run(to), "complete")
	if got != 1 {
		t.Errorf("the page was taken %d times, want once", got)
	}
}
