package runtime_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestLimitOfRecordsWithTokensOfOneUse: a page whose token is used up cannot be had again, so that the
// limit ends the run behind it and not inside.
func TestLimitOfRecordsWithTokensOfOneUse(t *testing.T) {
	used := map[string]bool{}
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		c := q.FormValue("c")
		if c != "" && used[c] {
			http.Error(w, "the token is used up", http.StatusBadRequest)
			return
		}
		used[c] = true
		at := 0
		fmt.Sscan(c, &at)
		var items []string
		for i := range 10 {
			items = append(items, fmt.Sprintf(`{"id":%d}`, at+i))
		}
		next := "null"
		if at < 20 {
			next = fmt.Sprintf(`"%d"`, at+10)
		}
		fmt.Fprintf(w, `{"items":[%s],"next":%s}`, strings.Join(items, ","), next)
	}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items}\n    pagination: {type: cursor, next: body.next, send: query.c, token: {one_use: true}}\n")
	for i, n := range []int{5, 20, 30} { // the first page has no token
		limit := int64(8)
		if i == 0 {
			limit = 5
		}
		report := r.run(func(j *runtime.Job) { j.MaxRecords = limit })
		if i < 2 {
			want(t, report, "truncated limit")
		} else {
			want(t, report, "complete")
		}
		if got := r.ids("items", "id"); len(got) != n {
			t.Fatalf("run %d: %d records, want %d: %v", i+1, len(got), n, got)
		}
	}
}

// TestTokenOfOneUseAfterAKill: a killed run may have sent the token that its checkpoint holds. When the next
// run finds it refused, it goes on by the fallback; without one it fails and says so.
func TestTokenOfOneUseAfterAKill(t *testing.T) {
	for _, c := range []struct{ token, fallback, verdict string }{
		{"{one_use: true}", ", fallback: {type: restart}", "complete"},
		{"{one_use: true}", "", "failed http_400"},
		{"{one_use: false}", ", fallback: {type: restart}", "failed http_400"},
	} {
		gone := ""
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			at := 0
			fmt.Sscan(strings.TrimLeft(q.FormValue("c"), "ab"), &at)
			if gone != "" && q.FormValue("c") == gone {
				http.Error(w, "the token is used up", http.StatusBadRequest)
				return
			}
			generation := "a"
			if gone != "" {
				generation = "b"
			}
			next := "null"
			if at < 20 {
				next = fmt.Sprintf(`"%s%d"`, generation, at+10)
			}
			answer(w, `{"items":%s,"next":%s}`, items(at+1, at+10), next)
		}, "streams:\n  s:\n    request: {path: /}\n    records: {path: items, key: id}\n    pagination: {type: cursor, next: body.next, send: query.c, token: "+c.token+c.fallback+"}\n")
		want(t, r.run(func(j *runtime.Job) { j.MaxPages = 1 }), "truncated limit")
		gone = "a10"
		want(t, r.run(), c.verdict)
		if c.verdict == "complete" {
			r.count("s", "id", 30)
		}
	}
}
