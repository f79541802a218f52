package runtime_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// orgs are the lists of two organisations: acme's records count from 1, other's from 101.
func orgs(w http.ResponseWriter, q *http.Request) {
	first, n := 1, 12
	if strings.Contains(q.URL.Path+q.FormValue("org")+q.Header.Get("X-Org"), "other") {
		first, n = 101, 9
	}
	since, offset := 0, 0
	fmt.Sscan(q.FormValue("since"), &since)
	fmt.Sscan(q.FormValue("o"), &offset)
	var items []string
	for i := max(0, since-1) + offset; i < n && len(items) < 4; i++ {
		items = append(items, fmt.Sprintf(`{"id":%d,"u":%d}`, first+i, i+1))
	}
	fmt.Fprintf(w, `{"items":[%s],"delta":"%s?since=%d"}`, strings.Join(items, ","), q.URL.Path, n+1)
}

// with sets configuration of one run.
func with(values ...string) func(*runtime.Job) {
	return func(j *runtime.Job) {
		for i := 0; i < len(values); i += 2 {
			j.Set[values[i]] = values[i+1]
		}
	}
}

// TestWatermarkOfAnotherConfiguration: a watermark or a kept position is used for the records that it was
// made of, and for no others.
func TestWatermarkOfAnotherConfiguration(t *testing.T) {
	const increment = "    incremental: {watermark: max.u, type: number, order: asc}\n"
	const offset = "    pagination: {type: offset, send: query.o, limit: {send: query.l, value: \"${config.size ?? 4}\"}}\n"
	const plain = `request: {path: "/${config.org}/s", query: {since: "${watermark}"}}` + "\n    records: {path: items, key: id}\n"
	for _, c := range []struct {
		name, stream, hook string
		then               []string // configuration of the second run
		told, others       int
	}{
		{"in the path", plain + offset + increment, "", []string{"org", "other"}, 1, 9},
		{"the same", plain + offset + increment, "", []string{"org", "acme"}, 0, 0},
		{"in an expression", `request: {path: /s, query: {org: "${config['org'].toLowerCase()}", since: "${watermark}"}}` + "\n    records: {path: items, key: id}\n" + offset + increment, "", []string{"org", "other"}, 1, 9},
		{"in a header of http", `request: {path: /s, query: {since: "${watermark}"}}` + "\n    records: {path: items, key: id}\n    http: {headers: {X-Org: \"${config.org}\"}}\n" + offset + increment, "", []string{"org", "other"}, 1, 9},
		{"in the hook", `request: {path: /s, query: {since: "${watermark}"}}` + "\n    records: {path: items, key: id}\n" + offset + increment,
			"function request(req, ctx) { req.query.org = ctx.config.org; return req }", []string{"org", "other"}, 1, 9},
		{"a kept position", `request: {path: "/${config.org}/s"}` + "\n    records: {path: items, key: id}\n    pagination: {type: link, next: body.next, keep: body.delta}\n", "", []string{"org", "other"}, 1, 4},
		{"the size of a page", plain + offset + increment, "", []string{"size", "3"}, 0, 0},
		{"a time", plain + offset + increment, "", []string{"from", "2026-01-02T00:00:00Z"}, 0, 0},
		{"a secret", `request: {path: "/${config.org}/s", query: {since: "${watermark}"}, headers: {X-Key: "${config.key}"}}` + "\n    records: {path: items, key: id}\n" + offset + increment, "", []string{"key", "two"}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, orgs, "streams:\n  s:\n    "+c.stream)
			r.declare("size: {type: integer}", "from: {type: time}", "key: {type: string, secret: true}")
			r.hookFile(c.hook, c.hook != "")
			want(t, r.run(with("org", "acme", "key", "one")), "complete")
			want(t, r.run(with(append([]string{"org", "acme", "key", "one"}, c.then...)...)), "complete")
			others := 0
			for _, id := range r.ids("s", "id") {
				if len(id) == 3 {
					others++
				}
			}
			if n := r.noticed(runtime.NoticeMarkDropped); n != c.told || others != c.others {
				t.Errorf("told %d times, %d records of the other; want %d and %d", n, others, c.told, c.others)
			}
			if r.detail(runtime.NoticeMarkDropped, "`config.org`") != c.told {
				t.Errorf("no variable is named")
			}
			before := len(r.ids("s", "id"))
			want(t, r.run(with(append([]string{"org", "acme", "key", "one"}, c.then...)...)), "complete")
			if n := r.noticed(runtime.NoticeMarkDropped); n != c.told || len(r.ids("s", "id")) != before {
				t.Errorf("the new walk left no watermark of its own: told %d times, %d records more", n, len(r.ids("s", "id"))-before)
			}
		})
	}
}

// TestWatermarkOfAnotherPath: the path of the request is a part of what a watermark stands for; what else is
// written in the file is not.
func TestWatermarkOfAnotherPath(t *testing.T) {
	stream := func(path, more string) string {
		return "streams:\n  s:\n    request: {path: " + path + ", query: {since: \"${watermark}\"" + more + "}}\n    records: {path: items, key: id}\n" +
			"    pagination: {type: offset, send: query.o, limit: {send: query.l, value: 4}}\n    incremental: {watermark: max.u, type: number, order: asc}\n"
	}
	r := newRig(t, orgs, stream("/acme/s", ""))
	want(t, r.run(), "complete")
	r.write(stream("/acme/s", ", fields: all"))
	want(t, r.run(), "complete")
	if n := len(r.ids("s", "id")); n != 12 || r.noticed(runtime.NoticeMarkDropped) != 0 {
		t.Errorf("%d records after another query", n)
	}
	r.write(stream("/other/s", ""))
	want(t, r.run(), "complete")
	if n := len(r.ids("s", "id")); n != 21 || r.detail(runtime.NoticeMarkDropped, "`request.path`") != 1 {
		t.Errorf("%d records after another path", n)
	}
}

// TestPositionOutlivesOtherChanges: a walk goes on after changes that its requests and its paging do not
// depend on, and the others are named.
func TestPositionOutlivesOtherChanges(t *testing.T) {
	const hook = "function next(page) { return page.body.items.length ? {token: at(page)} : {end: 'empty'} }\n" +
		"function at(page) { return (page.token ?? 0) + 4 }\nfunction record(r) { return r }\n"
	const stream = "streams:\n  s:\n    request: {path: /s}\n    records: {path: items, key: id}\n    pagination: {type: hook, send: query.o}\n"
	for _, c := range []struct {
		name, stream, hook string
		then               []string
		says               string // "": the position is reused
	}{
		{"a comment in the hook", stream, "// fixed\n" + hook, nil, ""},
		{"record()", stream, strings.Replace(hook, "{ return r }", "{ r.x = 1; return r }", 1), nil, ""},
		{"next()", stream, strings.Replace(hook, "'empty'", "'none'", 1), nil, "the hook's next() changed since the last run: "},
		{"what next() calls", stream, strings.Replace(hook, "?? 0) + 4", "?? 0) + 4 + 0", 1), nil, "the hook's next() changed since the last run: "},
		{"a value that nothing reads", stream, hook, []string{"org", "x"}, ""},
		{"a value of the rate limit", stream, hook, []string{"rps", "900"}, ""},
		{"records", strings.Replace(stream, "key: id", "key: id, drop: [u]", 1), hook, nil, ""},
		{"the request", strings.Replace(stream, "{path: /s}", "{path: /s, query: {a: b}}", 1), hook, nil, "the connector's `request` changed since the last run: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, orgs, stream+"    http: {rate_limit: {requests: \"${config.rps}\", per: 1s}}\n")
			r.declare("rps: {type: integer, default: 1000}")
			r.hookFile(hook, true)
			want(t, r.run(func(j *runtime.Job) { j.MaxPages = 2 }), "truncated limit")
			r.write(c.stream + "    http: {rate_limit: {requests: \"${config.rps}\", per: 1s}}\n")
			r.declare("rps: {type: integer, default: 1000}", "unused: {type: integer, default: 5}")
			r.hookFile(c.hook, true)
			want(t, r.run(with(c.then...)), "complete")
			lines, told := 12, 0
			if c.says != "" {
				lines, told = 20, 1
			}
			if n := len(r.ids("s", "id")); n != lines || r.detail(runtime.NoticeTokenDropped, c.says) != told {
				t.Errorf("%d records, want %d; told %d times", n, lines, r.detail(runtime.NoticeTokenDropped, c.says))
			}
		})
	}
}

// declare adds variables to the connector's configuration.
func (r *rig) declare(variables ...string) {
	r.t.Helper()
	file := filepath.Join(r.dir, "connector.yaml")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(strings.Replace(string(text), "config:\n", "config:\n  "+strings.Join(variables, "\n  ")+"\n", 1)), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// detail counts the notices of a name whose detail holds the text.
func (r *rig) detail(name, text string) int {
	n := 0
	for _, e := range r.events {
		if e.Name == name && strings.Contains(e.Detail, text) {
			n++
		}
	}
	return n
}
