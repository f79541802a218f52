package runtime_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestTotalPagesAcrossRuns: a walk that total_pages contradicts stays incomplete however often it is run,
// until the API gives what was missing.
func TestTotalPagesAcrossRuns(t *testing.T) {
	for _, key := range []string{"", ", key: id"} {
		healthy := false
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			at, _ := strconv.Atoi(q.FormValue("c"))
			var items []string
			for i := at; i < min(at+4, 20); i++ {
				items = append(items, fmt.Sprintf(`{"id":%d}`, i))
			}
			next := `""`
			if at+4 < 20 && (at != 12 || healthy) {
				next = strconv.Quote(strconv.Itoa(at + 4))
			}
			fmt.Fprintf(w, `{"items":[%s],"next":%s,"pages":5}`, strings.Join(items, ","), next)
		}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items"+key+"}\n    pagination: {type: cursor, next: body.next, send: query.c, total_pages: body.pages}\n")
		for range 4 {
			want(t, r.run(), "incomplete next_token_missing")
		}
		healthy = true
		want(t, r.run(), "complete")
		if got := r.ids("items", "id"); len(got) != 20 || got[19] != "19" {
			t.Errorf("key %q: records %v", key, got)
		}
	}
}
