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

// TestKeepTokenIsTheLastThatWasReceived: an end value is no token, and the page that comes again brings only
// what is new on it, also in the runs after.
func TestKeepTokenIsTheLastThatWasReceived(t *testing.T) {
	for _, send := range []string{"query.c", "header.X-C"} {
		for _, end := range []string{"", `,"next":null`, `,"next":""`, `,"next":0`, `,"next":"0"`, `,"next":false`} {
			t.Run(send+end, func(t *testing.T) {
				records := 12
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					at := 0
					if v := q.FormValue("c") + q.Header.Get("X-C"); v != "" {
						if _, err := fmt.Sscanf(v, "p%d", &at); err != nil {
							http.Error(w, "no such token "+v, http.StatusTeapot)
							return
						}
					}
					next := end
					if at+4 < records {
						next = fmt.Sprintf(`,"next":"p%d"`, at+4)
					}
					fmt.Fprintf(w, `{"items":%s%s}`, items(at+1, min(at+4, records)), next)
				}, "streams:\n  s:\n    request: {path: /}\n    records: {path: items, key: id}\n"+
					"    pagination: {type: cursor, next: body.next, send: "+send+", keep: token, end_values: [null, \"\", 0, \"0\", false]}\n")
				for range 3 {
					want(t, r.run(), "complete")
					r.count("s", "id", 12)
				}
				records = 14
				for range 2 {
					want(t, r.run(), "complete")
					r.count("s", "id", 14)
				}
			})
		}
	}
}

// TestTokenThatNoRequestCanCarry: a token or a kept position that is none is refused at the page that gives
// it, and the next run asks for that page again.
func TestTokenThatNoRequestCanCarry(t *testing.T) {
	for _, c := range []struct{ pagination, bad, good string }{
		{"{type: cursor, next: body.next, send: query.*}", `"next":[]`, `"next":{"at":4}`},
		{"{type: cursor, next: body.next, send: query.*}", `"next":"oops"`, `"next":{"at":4}`},
		{"{type: cursor, next: body.next, send: query.*}", `"next":5`, `"next":{"at":4}`},
		{"{type: link, next: body.next}", `"next":"ftp://127.0.0.1/?at=4"`, `"next":"/?at=4"`},
		{"{type: link, next: body.next, keep: body.keep}", `"keep":{"a":1}`, `"keep":"/?at=8"`},
		{"{type: link, next: body.next, keep: body.keep}", `"keep":"http://[bad"`, `"keep":"/?at=8"`},
	} {
		t.Run(c.pagination+c.bad, func(t *testing.T) {
			well := false
			r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
				at := 0
				fmt.Sscan(q.FormValue("at"), &at)
				more := ""
				if at == 0 {
					if more = "," + c.bad; well {
						more = "," + c.good
					}
				}
				fmt.Fprintf(w, `{"items":%s%s}`, items(at+1, at+4), more)
			}, "streams:\n  s:\n    request: {path: /}\n    records: {path: items, key: id}\n    pagination: "+c.pagination+"\n")
			for range 2 {
				want(t, r.run(), "incomplete token_malformed")
			}
			well = true
			want(t, r.run(), "complete")
			n := 8
			if strings.Contains(c.pagination, "keep") {
				n = 4
			}
			r.count("s", "id", n)
			if first := r.asked[0]; r.asked[1] != first || r.asked[2] != first {
				t.Errorf("asked for %q", r.asked)
			}
		})
	}
}
