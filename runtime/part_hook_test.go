package runtime_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// hook puts a hook file beside the connector.
func (r *rig) hook(text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// after serves 20 records, three a page, from the one behind `after` on; they stand at rows.x.
func after(w http.ResponseWriter, q *http.Request) {
	if q.URL.Query().Has("c") {
		w.WriteHeader(http.StatusGone)
		return
	}
	at, _ := strconv.Atoi(q.URL.Query().Get("after"))
	token := "null"
	if at < 17 {
		token = strconv.Itoa(at)
	}
	answer(w, `{"rows":{"x":%s},"c":%s,"total":20}`, items(at+1, min(at+3, 20)), token)
}

// TestTheHooksRecordsAreThePages walks a list once by a path to its records and once by the hook's
// records(): every reference, expression and function sees the same records, so the walks are the same.
func TestTheHooksRecordsAreThePages(t *testing.T) {
	const found = "function records(page) { return page.body.rows.x }\n"
	for _, c := range []struct{ name, pagination, hook string }{
		{"cursor, last.", "{type: cursor, next: last.id, send: query.after}", ""},
		{"search_after, last.", "{type: search_after, next: last.id, send: query.after}", ""},
		{"max.", "{type: cursor, next: max.id, send: query.after}", ""},
		{"a list, min. last", "{type: search_after, next: [body.none, \"${records.last?.id}\", min.id], send: query.after}", ""},
		{"an expression", "{type: cursor, next: \"${records.count ? records.first.id + records.count - 1 : null}\", send: query.after}", ""},
		{"a plain expression", "{type: search_after, next: \"${records.last.id}\", send: query.after, more: \"${records.last.id < 20}\"}", ""},
		{"next(page)", "{type: hook, send: query.after}", "function next(page) { return page.records.count ? {token: page.records.last.id} : {end: 'empty'} }\n"},
		{"a fallback", "{type: cursor, next: body.c, send: query.c, total: body.total, fallback: {type: search_after, next: last.id, send: query.after}}", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			walk := func(records, hook string) ([]string, string, []string) {
				r := newRig(t, after, "  responses: [{status: 410, is: token_expired}]\nstreams:\n  s:\n    request: {path: /l}\n    records: {"+records+"key: id}\n    pagination: "+c.pagination+"\n")
				r.hook(c.hook + hook)
				rep := r.run()
				want(t, rep, "complete")
				r.count("s", "id", 20)
				return r.lines("s"), string(rep.Attested), r.asked
			}
			lines, attested, asked := walk("path: rows.x, ", "")
			gotLines, gotAttested, gotAsked := walk("", found)
			if !slices.Equal(lines, gotLines) || attested != gotAttested || !slices.Equal(asked, gotAsked) {
				t.Errorf("by the hook:\n%s %q\n%q\nby a path:\n%s %q\n%q", gotAttested, gotAsked, gotLines, attested, asked, lines)
			}
		})
	}
}
