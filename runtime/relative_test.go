package runtime_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// settable is a clock that stands where it is put.
type settable struct{ at time.Time }

func (c *settable) Now() time.Time { return c.at }
func (c *settable) Sleep(_ context.Context, d time.Duration) error {
	c.at = c.at.Add(d)
	return nil
}

// TestRelativeTimesOfAWalk: a walk that goes on asks for what it asked for when it began, whatever "-30d"
// has become since; where another value is given, it begins anew. Values that requests do not name may
// change.
func TestRelativeTimesOfAWalk(t *testing.T) {
	const records = 40 // one an hour
	began := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, stream, hook string
		then               map[string]string // configuration of the second run
		want               string            // first and last id, and how many
		dropped            int
	}{
		{"in the query", "request: {path: /, query: {since: \"${config.since}\"}}", "", nil, "16-39 24", 0},
		{"by the hook", "request: {path: /}", "function request(req, ctx) { const {since} = ctx.config; req.query.since = since; return req }", nil, "16-39 24", 0},
		{"another value", "request: {path: /, query: {since: \"${config.since}\"}}", "", map[string]string{"since": "-30h"}, "16-39 37", 1},
		{"a value that nothing asks for", "request: {path: /, query: {since: \"${config.since}\"}}", "", map[string]string{"until": "2027-01-01T00:00:00Z"}, "16-39 24", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				since, err := time.Parse(time.RFC3339, q.FormValue("since"))
				if err != nil {
					http.Error(w, err.Error(), http.StatusTeapot)
					return
				}
				offset, _ := strconv.Atoi(q.FormValue("o"))
				first := int(since.Sub(began) / time.Hour)
				var items []string
				for id := first + offset; id < min(first+offset+5, records); id++ {
					items = append(items, fmt.Sprintf(`{"id":%d}`, id))
				}
				fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
			}, "streams:\n  items:\n    "+c.stream+"\n    records: {path: items}\n    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 5}}\n")
			file := filepath.Join(r.dir, "connector.yaml")
			text, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, bytes.Replace(text, []byte("config:\n"), []byte("config:\n  since: {type: time, default: -24h}\n  until: {type: time, default: now}\n"), 1), 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
			r.hookFile(c.hook, c.hook != "")
			clock := &settable{began.Add(records * time.Hour)}
			r.job.Clock = clock
			want(t, r.run(func(j *runtime.Job) { j.MaxPages = 2 }), "truncated limit")
			clock.at = clock.at.Add(3 * time.Hour)
			want(t, r.run(func(j *runtime.Job) {
				for k, v := range c.then {
					j.Set[k] = v
				}
			}), "complete")
			ids := r.ids("items", "id")
			if got := fmt.Sprintf("%s-%s %d", ids[0], ids[len(ids)-1], len(ids)); got != c.want {
				t.Errorf("records %s, want %s: %v", got, c.want, ids)
			}
			if n := r.noticed(runtime.NoticeTokenDropped); n != c.dropped {
				t.Errorf("%d times %s, want %d", n, runtime.NoticeTokenDropped, c.dropped)
			}
		})
	}
}
