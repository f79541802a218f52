package runtime_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
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

// TestAPositionThatCountsIsAWholeNumber gives offsets and page numbers by every way but a literal: what is
// no whole number is an error with its place, never the first page.
func TestAPositionThatCountsIsAWholeNumber(t *testing.T) {
	tokens := []struct{ token, asks string }{ // by the second page; asks "": an error
		{`{a: 1}`, ""}, {`1.5`, ""}, {`"abc"`, ""}, {`[3]`, ""}, {`true`, ""}, {`-3`, ""}, {`"1.0"`, ""},
		{`9`, "9"}, {`"9"`, "9"}, {`9.0`, "9"}, {`9n`, "9"},
	}
	for _, typ := range []string{"offset", "page"} {
		stream := func(more string) string {
			return "streams:\n  s:\n    request: {path: /l}\n    records: {path: items}\n    limits: {pages: 2}\n    pagination: {type: " + typ + ", send: query.at, limit: {value: 3}" + more + "}\n"
		}
		api := func(w http.ResponseWriter, q *http.Request) {
			answer(w, `{"items":[{"at":%q}]}`, q.URL.Query().Get("at"))
		}
		for _, c := range tokens {
			r := newRig(t, api, stream(""))
			r.hook("\nfunction next(page) { if (page.index === 0) return {token: " + c.token + "} }\n")
			rep := r.run()
			if c.asks == "" {
				want(t, rep, "failed hook")
				if !strings.Contains(rep.Message, "hook.js:2:10: next() returned {token: ") || !strings.Contains(rep.Message, "a whole number from 0 on") {
					t.Errorf("%s %s: %s", typ, c.token, rep.Message)
				}
				continue
			}
			if got := r.ids("s", "at"); len(got) != 2 || got[1] != c.asks {
				t.Errorf("%s %s: asked for %q: %s", typ, c.token, got, rep.Message)
			}
		}
		for _, c := range []struct{ start, org, asks string }{
			{"${config.org}", "abc", ""}, {"${1.5}", "", ""}, {"${[1]}", "", ""}, {"${-1}", "", ""}, {"${config.org}", "", ""},
			{"${config.org}", "7", "7"}, {"${3 + 4}", "", "7"}, {"${null}", "", map[string]string{"offset": "0", "page": "1"}[typ]},
		} {
			r := newRig(t, api, stream(", start: \""+c.start+"\""))
			rep := r.run(func(j *runtime.Job) { j.Set["org"] = c.org })
			if c.asks == "" {
				want(t, rep, "failed script")
				if !strings.Contains(rep.Message, "connector.yaml:14:") || !strings.Contains(rep.Message, "`start` of pagination type `"+typ+"` is a whole number, not `") || r.requests() > 0 {
					t.Errorf("%s, start %s: %d requests: %s", typ, c.start, r.requests(), rep.Message)
				}
				continue
			}
			if got := r.ids("s", "at"); len(got) != 2 || got[0] != c.asks {
				t.Errorf("%s, start %s: asked for %q: %s", typ, c.start, got, rep.Message)
			}
		}
	}
}

// TestATokenOfAnErrorCounts takes an offset from the error answer, and from what a run keeps.
func TestATokenOfAnErrorCounts(t *testing.T) {
	for token, verdict := range map[string]string{`4`: "complete", `"4"`: "complete", `"abc"`: "failed witness_malformed"} {
		first := true
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			at, _ := strconv.Atoi(q.URL.Query().Get("at"))
			if at == 3 && first {
				first = false
				w.WriteHeader(http.StatusGone)
				answer(w, `{"at":%s}`, token)
				return
			}
			answer(w, `{"items":%s,"next":%s}`, items(at+1, min(at+3, 7)), token)
		}, "  responses: [{status: 410, is: token_expired}]\nstreams:\n  s:\n    request: {path: /l}\n    records: {path: items, key: id}\n"+
			"    pagination: {type: offset, send: query.at, limit: {value: 3}, fallback: {token: body.at}, keep: body.next}\n")
		rep := r.run()
		want(t, rep, verdict)
		if verdict != "complete" && !strings.Contains(rep.Message, `the fallback's `+"`token`"+` is "abc"; want a whole number`) {
			t.Error(rep.Message)
		}
		if verdict == "complete" {
			want(t, r.run(), "complete")
			if !slices.Contains(r.asked[4:], "GET /l?at=4") || slices.Contains(r.asked[4:], "GET /l?at=0") {
				t.Errorf("token %s: the next run asks for %q", token, r.asked)
			}
		}
	}
}

// TestReceivedInAHook counts the records of the chain: for next() with the page in hand, for what comes
// before its records are known without.
func TestReceivedInAHook(t *testing.T) {
	for _, records := range []string{"", "function records(page) { seen(page); return page.body.rows.x }\n"} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
			at, _ := strconv.Atoi(q.URL.Query().Get("at"))
			answer(w, `{"rows":{"x":%s},"at":%d}`, items(at+1, min(at+3, 8)), at)
		}, "streams:\n  s:\n    request: {path: /l}\n    records: {path: rows.x, key: id, filter: \"${record.id > 4}\"}\n    pagination: {type: hook, send: query.at}\n")
		r.hook("function seen(page) { if (page.received !== page.body.at) throw new Error('received ' + page.received + ' at ' + page.body.at) }\n" +
			"function classify(resp) { seen(resp) }\n" + records +
			"function next(page) { return page.records.count < 3 ? {end: 'short'} : {token: page.received} }\n")
		rep := r.run()
		want(t, rep, "complete")
		if got := strings.Join(r.asked, ","); got != "GET /l,GET /l?at=3,GET /l?at=6" || len(r.lines("s")) != 4 {
			t.Errorf("asked for %s, %d lines", got, len(r.lines("s")))
		}
	}
}

// TestAThrownExceptionIsOneLine keeps the stack out of the run's message, and in the detail.
func TestAThrownExceptionIsOneLine(t *testing.T) {
	for _, role := range []string{"next", "classify", "request", "sign", "record", "records", ""} {
		auth, query, at := "", "", "hook.js:1:29: "+role+"() threw "
		if role == "sign" {
			auth = "  auth: {type: hook}\n"
		}
		if role == "" {
			query, at = ", query: {x: \"${(() => memo.y.z)()}\"}", "connector.yaml:11:"
		}
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) { answer(w, `{"items":[1]}`) }, auth+
			"streams:\n  s:\n    request: {path: /l"+query+"}\n    records: {path: items}\n    pagination: {type: none}\n")
		r.hook("function deep(x) { return x.a.b }\nfunction " + orElse(role, "none") + "(q) { return deep(q.zz) }\n")
		rep := r.run()
		want(t, rep, "failed script")
		if s := rep.Streams[0]; strings.Contains(rep.Message+s.Message, "\n") || !strings.Contains(rep.Message, at) || !strings.Contains(rep.Message, "; 0 records delivered") || !strings.Contains(s.Detail, "\n    at ") {
			t.Errorf("%s: %q, %q, detail %q", role, rep.Message, s.Message, s.Detail)
		}
	}
}

func TestAFunctionOfAnotherNameThatIsNotThere(t *testing.T) {
	r := newRig(t, after, "  auth: {type: hook}\nstreams:\n  s:\n    request: {path: /l}\n    records: {path: items}\n    pagination: {type: hook, send: query.at}\n    hook: {next: nope, sign: mark}\n")
	r.hook("function next(page) {}\n")
	_, err := runtime.Load(r.dir, script.Options{})
	if err == nil {
		t.Fatal("the connector is taken")
	}
	for _, says := range []string{"the hook file has no function `nope` (hook.next); add `function nope(page) { … }`", "no function `mark` (hook.sign); add `function mark(req, ctx) { … }`"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in\n%s", says, err)
		}
	}
	if strings.Contains(err.Error(), "next(page)") {
		t.Errorf("a function of the wrong name is asked for:\n%s", err)
	}
}

// TestRecordOfScalars gives records that are no objects back as they are, or changed.
func TestRecordOfScalars(t *testing.T) {
	for _, c := range []struct{ list, body, lines string }{
		{`["a",1.10,true,9007199254740993]`, "return rec", "\"a\"\n1.10\ntrue\n9007199254740993\n"},
		{`["a","b"]`, "return rec === 'a' ? null : rec + '!'", "\"b!\"\n"},
		{`["a","b"]`, "return {id: rec}", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n"},
		{`["a"]`, "return [rec, rec + rec]", "\"a\"\n\"aa\"\n"},
		{`[[1,2]]`, "return [rec]", "[1,2]\n"},
	} {
		r := newRig(t, func(w http.ResponseWriter, q *http.Request) { answer(w, `{"items":%s}`, c.list) },
			"streams:\n  s:\n    request: {path: /l}\n    records: {path: items}\n    pagination: {type: none}\n")
		r.hook("function record(rec) { " + c.body + " }\n")
		want(t, r.run(), "complete")
		if got := strings.Join(r.lines("s"), ""); got != c.lines {
			t.Errorf("%s, %s: %q, want %q", c.list, c.body, got, c.lines)
		}
	}
}

func TestASessionThatNobodyOpened(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) { w.WriteHeader(http.StatusGone) },
		"  responses: [{status: 410, is: session_expired}]\nstreams:\n  s:\n    request: {path: /l}\n    records: {path: items}\n    pagination: {type: none}\n")
	rep := r.run()
	want(t, rep, "incomplete session_expired")
	if strings.Contains(rep.Message, "a new session is opened") || !strings.Contains(rep.Message, "the stream has no `session`") {
		t.Error(rep.Message)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
