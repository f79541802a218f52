package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestKeepOfTheLastPageThatHoldsIt: the end may be a page without what is kept; a reference that finds
// nothing on any page is told.
func TestKeepOfTheLastPageThatHoldsIt(t *testing.T) {
	records := 5
	api := func(w http.ResponseWriter, q *http.Request) {
		after := 0
		fmt.Sscan(q.FormValue("after"), &after)
		var items []string
		for id := after + 1; id <= min(after+2, records); id++ {
			items = append(items, fmt.Sprintf(`{"id":%d}`, id))
		}
		fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
	}
	for _, c := range []struct {
		keep    string
		missing int
		want    string // ids after two runs, the second with two more records
	}{
		{"last.id", 0, "1 2 3 4 5 6 7"},
		{"max.id", 0, "1 2 3 4 5 6 7"},
		{"body.deltaLnk", 2, "1 2 3 4 5 1 2 3 4 5 6 7"},
	} {
		t.Run(c.keep, func(t *testing.T) {
			records = 5
			r := newRig(t, api, "streams:\n  items:\n    request: {path: /}\n    records: {path: items}\n"+
				"    pagination: {type: search_after, next: last.id, send: query.after, keep: "+c.keep+"}\n")
			want(t, r.run(func(j *runtime.Job) { j.MaxPages = 3 }), "truncated limit") // before the empty page
			want(t, r.run(), "complete")
			records = 7
			want(t, r.run(), "complete")
			if got := strings.Join(r.ids("items", "id"), " "); got != c.want {
				t.Errorf("records %s, want %s", got, c.want)
			}
			if n := r.noticed(runtime.NoticeKeepMissing); n != c.missing {
				t.Errorf("%d times %s, want %d", n, runtime.NoticeKeepMissing, c.missing)
			}
		})
	}
}
