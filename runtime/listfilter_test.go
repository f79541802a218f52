package runtime_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestFilterOfAList: what the list's filter rejects is not fetched; a filter of the details is theirs; one
// that reads fields where the list has bare ids is of the details, unless they have their own.
func TestFilterOfAList(t *testing.T) {
	const objects = `[{"id":1,"kind":"a"},{"id":2,"kind":"b"},{"id":3,"kind":"a"},{"id":4,"kind":"b"}]`
	for _, c := range []struct{ list, filter, details, asked, got string }{
		{objects, "record.kind === 'b'", "", "[2,4]", "2 4"},
		{objects, "record.kind === 'b'", `, filter: "${record.id > 2}"`, "[2,4]", "4"},
		{objects, "record.kind === 'c'", "", "", ""},
		{"[1,2,3,4]", "record !== 3", "", "[1,2,4]", "1 2 4"},
		{"[1,2,3,4]", "record.odd", "", "[1,2,3,4]", "1 3"},
		{"[1,2,3,4]", "record.odd", `, filter: "${record.id > 2}"`, "", ""},
	} {
		var asked []string
		id := ""
		if c.list == objects {
			id = "id: id"
		}
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			if q.Method != http.MethodPost {
				answer(w, `{"items":%s}`, c.list)
				return
			}
			body, _ := io.ReadAll(q.Body)
			asked = append(asked, string(body))
			var things []string
			for part := range strings.SplitSeq(strings.Trim(string(body), "[]"), ",") {
				n, _ := strconv.Atoi(part)
				things = append(things, fmt.Sprintf(`{"id":%d,"odd":%t}`, n, n%2 == 1))
			}
			answer(w, `[%s]`, strings.Join(things, ","))
		}, fmt.Sprintf(`
streams:
  s:
    request: {path: /ids}
    records: {path: items, filter: "${%s}", set: {from: list}}
    details:
      request: {method: POST, path: /things, body: "${ids}"}
      batch: 10
      %s
      records: {path: $, key: id%s}
    pagination: {type: none}
`, c.filter, id, c.details))
		want(t, r.run(), "complete")
		if got := strings.Join(r.ids("s", "id"), " "); got != c.got || strings.Join(asked, " ") != c.asked {
			t.Errorf("%s of %.9s…%s: asked for %s, got %s; want %s, %s", c.filter, c.list, c.details, asked, got, c.asked, c.got)
		}
		for _, from := range r.ids("s", "from") {
			if from != "list" {
				t.Errorf("the list's `set` is not applied: %q", from)
			}
		}
	}
}

// TestShiftIsNoDisorder: in a list, newest first, that grows while it is read, records come a second time.
// They say nothing of its order: the walk still ends at the watermark.
func TestShiftIsNoDisorder(t *testing.T) {
	newest, grow := 30, false
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		page, _ := strconv.Atoi(q.URL.Query().Get("page"))
		if page == 2 && grow {
			newest, grow = newest+2, false
		}
		var list []string
		for n := newest - 3*(page-1); n > max(0, newest-3*page); n-- {
			list = append(list, fmt.Sprintf(`{"id":%d,"at":%d}`, n, n))
		}
		answer(w, `{"items":[%s]}`, strings.Join(list, ","))
	}, `
streams:
  s:
    request: {path: /feed}
    records: {path: items, key: id}
    pagination: {type: page, send: query.page}
    incremental: {watermark: max.at, type: number, order: desc, stop_at_watermark: true}
`)
	want(t, r.run(), "complete")
	newest, grow = newest+5, true
	before := r.requests()
	want(t, r.run(), "complete")
	if n := r.requests() - before; n != 3 || r.noticed("order_violated") > 0 {
		t.Errorf("%d requests, want 3; %d order_violated", n, r.noticed("order_violated"))
	}
	want(t, r.run(), "complete")
	r.count("s", "id", 37)
}
