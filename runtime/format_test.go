package runtime_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// A format case is a connector, what its server answers, and what must come of it. The server is a
// list of answers that are given in order; each says what request it expects.
type exchange struct {
	ask    string // "GET /path?query", the body behind a space when there is one; "" is not checked
	header string // "Name: value" that the request must carry, "-Name" that it must not
	status int    // 200
	head   string // headers of the answer, "Name: value" separated by "|"
	body   string
}

type formatCase struct {
	name    string
	http    string // lines below `http:`
	streams string
	hook    string
	say     []exchange
	verdict string // "complete"
	records string // the lines of s.jsonl
}

func (c formatCase) run(t *testing.T) {
	n := 0
	var problems []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if n >= len(c.say) {
			problems = append(problems, "one request too many: "+q.Method+" "+q.RequestURI)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		x := c.say[n]
		n++
		b, _ := io.ReadAll(q.Body)
		got := q.Method + " " + q.RequestURI
		if len(b) > 0 {
			got += " " + string(b)
		}
		if x.ask != "" && x.ask != got {
			problems = append(problems, fmt.Sprintf("request %d:\n got %s\nwant %s", n, got, x.ask))
		}
		if name, value, ok := strings.Cut(x.header, ": "); ok && q.Header.Get(name) != value {
			problems = append(problems, fmt.Sprintf("request %d: header %s is %q, want %q", n, name, q.Header.Get(name), value))
		} else if not, ok := strings.CutPrefix(x.header, "-"); ok && q.Header.Get(not) != "" {
			problems = append(problems, fmt.Sprintf("request %d: header %s is sent", n, not))
		}
		w.Header().Set("Content-Type", "application/json")
		for h := range strings.SplitSeq(x.head, "|") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				w.Header().Add(name, value)
			}
		}
		if x.status != 0 {
			w.WriteHeader(x.status)
		}
		io.WriteString(w, x.body)
	}, c.http+c.streams)
	if c.hook != "" {
		if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(c.hook), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rep := r.run(func(j *runtime.Job) { j.Set["org"] = "a b/ü" })
	for _, p := range problems {
		t.Error(p)
	}
	if n != len(c.say) {
		t.Errorf("%d requests, want %d", n, len(c.say))
	}
	if got := strings.TrimSpace(rep.Verdict + " " + rep.Reason); got != c.verdict {
		t.Errorf("the run ended %q, want %q: %s", got, c.verdict, rep.Message)
	}
	b, _ := os.ReadFile(filepath.Join(r.dir, "s.jsonl"))
	if got := strings.TrimSpace(string(b)); got != strings.TrimSpace(c.records) {
		t.Errorf("records:\n%s\nwant:\n%s", got, c.records)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range formatCases {
		t.Run(c.name, c.run)
	}
	names := map[string]bool{}
	for _, c := range formatCases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
	}
	if !slices.ContainsFunc(formatCases, func(c formatCase) bool { return c.hook != "" }) {
		t.Error("no case has a hook")
	}
}

const cursorTail = `
    pagination: {type: cursor, next: body.next, send: query.cursor}
`

var formatCases = []formatCase{
	{
		name: "offset and limit are sent from the first request, an empty page ends",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}}
`,
		say: []exchange{
			{ask: "GET /l?limit=2&offset=0", body: `{"items":[1,2]}`},
			{ask: "GET /l?limit=2&offset=2", body: `{"items":[3]}`},
			{ask: "GET /l?limit=2&offset=3", body: `{"items":[]}`},
		},
		verdict: "complete", records: "1\n2\n3",
	},
	{
		name: "step limit advances by the size asked",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: offset, send: query.offset, limit: {send: query.limit, value: 2}, step: limit}
`,
		say: []exchange{
			{ask: "GET /l?limit=2&offset=0", body: `{"items":[1]}`},
			{ask: "GET /l?limit=2&offset=2", body: `{"items":[3]}`},
			{ask: "GET /l?limit=2&offset=4", body: `{"items":[]}`},
		},
		verdict: "complete", records: "1\n3",
	},
	{
		name: "first omit leaves the first position out",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: page, send: query.page, first: omit, total_pages: body.pages}
`,
		say: []exchange{
			{ask: "GET /l", body: `{"items":[1],"pages":"2"}`},
			{ask: "GET /l?page=2", body: `{"items":[2],"pages":2}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "pages count from start",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: page, start: 0, send: query.page, total_pages: body.pages}
`,
		say: []exchange{
			{ask: "GET /l?page=0", body: `{"items":[1],"pages":2}`},
			{ask: "GET /l?page=1", body: `{"items":[2],"pages":2}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "a token goes into the body, nested, with its type",
		streams: `streams:
  s:
    request: {method: POST, path: /l, body: {a: {b: 1}, list: [x, "${config.org}"]}}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: body.page.after.token}
`,
		say: []exchange{
			{ask: `POST /l {"a":{"b":1},"list":["x","a b/ü"]}`, header: "Content-Type: application/json", body: `{"items":[1],"next":9007199254740993}`},
			{ask: `POST /l {"a":{"b":1},"list":["x","a b/ü"],"page":{"after":{"token":9007199254740993}}}`, body: `{"items":[2],"next":["x",1.10]}`},
			{ask: `POST /l {"a":{"b":1},"list":["x","a b/ü"],"page":{"after":{"token":["x",1.10]}}}`, body: `{"items":[3],"next":""}`},
		},
		verdict: "complete", records: "1\n2\n3",
	},
	{
		name: "values are percent-encoded once, paths keep their slashes, null parameters are left out",
		streams: `streams:
  s:
    request: {path: "/o/${config.org}/x", query: {q: "a&b=c|d +é", n: 5, none: "${memo}", list: [1, two]}, headers: {X-Org: v, X-None: "${memo}"}}
    records: {path: items}` + cursorTail,
		say: []exchange{
			{ask: "GET /o/a%20b/%C3%BC/x?q=a%26b%3Dc%7Cd%20%2B%C3%A9&n=5&list=1&list=two", header: "X-Org: v", body: `{"items":[1],"next":"t=/+ 1"}`},
			{ask: "GET /o/a%20b/%C3%BC/x?q=a%26b%3Dc%7Cd%20%2B%C3%A9&n=5&list=1&list=two&cursor=t%3D%2F%2B%201", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "a raw token is sent untouched",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: query.cursor, token: {encode: raw}}
`,
		say: []exchange{
			{body: `{"items":[1],"next":"a%2Fb+c"}`},
			{ask: "GET /l?cursor=a%2Fb+c", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "an object of parameters is the token",
		streams: `streams:
  s:
    request: {path: /w, query: {action: query, list: pages}}
    records: {path: query.pages, optional: true}
    pagination: {type: cursor, next: body.continue, send: query.*}
`,
		say: []exchange{
			{ask: "GET /w?action=query&list=pages", body: `{"continue":{"apcontinue":"B","continue":"-||"}}`},
			{ask: "GET /w?action=query&list=pages&apcontinue=B&continue=-%7C%7C", body: `{"query":{"pages":[1]}}`},
		},
		verdict: "complete", records: "1",
	},
	{
		name: "a token of several parts",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination:
      type: cursor
      next: body.next
      send: {query.session: "${page.token.session}", query.page: "${page.token.page + 1}", header.X-Left: "${page.token.left}"}
`,
		say: []exchange{
			{ask: "GET /l", body: `{"items":[1],"next":{"session":"s1","page":1}}`},
			{ask: "GET /l?session=s1&page=2", header: "-X-Left", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "only the token and the named parameters follow",
		streams: `streams:
  s:
    request: {path: /l, query: {verb: ListRecords, prefix: oai_dc, from: "2026"}}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: query.resumptionToken, only: [verb]}
`,
		say: []exchange{
			{ask: "GET /l?verb=ListRecords&prefix=oai_dc&from=2026", body: `{"items":[1],"next":"r"}`},
			{ask: "GET /l?verb=ListRecords&resumptionToken=r", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "the next URL replaces the request's, relative to the last one, and nothing is appended",
		http: "  query: {key: k}\n",
		streams: `streams:
  s:
    request: {path: /v1/list, query: {limit: 2}}
    records: {path: items}
    pagination: {type: link, next: body.next}
`,
		say: []exchange{
			{ask: "GET /v1/list?key=k&limit=2", body: `{"items":[1],"next":"more?c=%7Ba%5B&z"}`},
			{ask: "GET /v1/more?c=%7Ba%5B&z", body: `{"items":[2],"next":"/v2/x"}`},
			{ask: "GET /v2/x", body: `{"items":[3],"next":null}`},
		},
		verdict: "complete", records: "1\n2\n3",
	},
	{
		name: "Link headers on several lines, quoted attributes with commas",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: $}
    pagination: {type: link, more: "link.next.results"}
`,
		say: []exchange{
			{head: `Link: </l>; rel="first"; title="a, b"|Link: </l?p=2>; rel="last next"; results="true", </x>; rel=prev`, body: `[1]`},
			{ask: "GET /l?p=2", head: `Link: </l>; rel=first`, body: `[2]`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "a token in a header, names ignore case",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: header.x-next-CURSOR, send: header.X-Cursor}
`,
		say: []exchange{
			{head: "X-Next-Cursor: c1", body: `{"items":[1]}`},
			{header: "X-Cursor: c1", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "a list of references means the first that is present",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: [body.a, body.b, "${body.c ? body.c + 1 : null}"], send: query.c}
`,
		say: []exchange{
			{body: `{"items":[1],"a":"","b":"x"}`},
			{ask: "GET /l?c=x", body: `{"items":[2],"a":null,"c":7}`},
			{ask: "GET /l?c=8", body: `{"items":[3]}`},
		},
		verdict: "complete", records: "1\n2\n3",
	},
	{
		name: "end values",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: query.c, end_values: [null, "", "NULL", 0]}
`,
		say: []exchange{
			{body: `{"items":[1],"next":"0"}`},
			{ask: "GET /l?c=0", body: `{"items":[2],"next":"NULL"}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "records pass through as they came",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: data.items}
    pagination: {type: none}
`,
		say: []exchange{
			{body: "{\"data\":{\"items\":[ {\"id\": 9007199254740993,\n \"u\":\"\\u00e9\\/\", \"f\":1.10, \"z\": [ 1 ], \"a\":null} ]}}"},
		},
		verdict: "complete", records: `{"id":9007199254740993,"u":"\u00e9\/","f":1.10,"z":[1],"a":null}`,
	},
	{
		name: "filter, set and drop",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items, filter: "${record.type !== 'x'}", set: {org: "${config.org}", n: "${record.id * 2}"}, drop: [secret, deep.x]}
    pagination: {type: none}
`,
		say: []exchange{
			{body: `{"items":[{"id":1,"type":"x"},{"id":2,"type":"y","secret":1,"deep":{"x":1,"y":2}}]}`},
		},
		verdict: "complete", records: `{"id":2,"type":"y","deep":{"y":2},"org":"a b/ü","n":4}`,
	},
	{
		name: "values of an object, edges of a list",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: "data.edges[*].node"}
    pagination: {type: none}
`,
		say:     []exchange{{body: `{"data":{"edges":[{"node":{"id":1}},{"node":{"id":2}}]}}`}},
		verdict: "complete", records: "{\"id\":1}\n{\"id\":2}",
	},
	{
		name: "a missing path is an error",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: none}
`,
		say:     []exchange{{body: `{"itmes":[1]}`}},
		verdict: "failed records_path_missing",
	},
	{
		name: "a class end is a clean end",
		http: "  responses: [{status: 404, is: end}]\n",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: page, send: query.page}
`,
		say: []exchange{
			{body: `{"items":[1]}`},
			{ask: "GET /l?page=2", status: 404, body: `{"error":"no such page"}`},
		},
		verdict: "complete", records: "1",
	},
	{
		name: "204 is an answer without records",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}` + cursorTail,
		say:     []exchange{{status: 204}},
		verdict: "complete",
	},
	{
		name: "a class skip ends the partition and is no failure",
		http: "  responses: [{status: 403, is: skip}]\n",
		streams: `streams:
  s:
    request: {path: "/l/${partition.k}"}
    partitions: [{values: {k: [a, b]}}]
    chains: {concurrency: 1}
    records: {path: items}
    pagination: {type: none}
`,
		say:     []exchange{{ask: "GET /l/a", status: 403}, {ask: "GET /l/b", body: `{"items":[1]}`}},
		verdict: "complete", records: "1",
	},
	{
		name: "errors in a 200 are classified before paging",
		http: "  responses: [{when: \"${body.ok === false && body.error === 'ratelimited'}\", is: rate_limited, wait: header.X-Wait}, {when: \"${body.ok === false}\", is: failed, message: \"${body.error}\"}]\n",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}` + cursorTail,
		say: []exchange{
			{body: `{"ok":true,"items":[1],"next":"a"}`},
			{head: "X-Wait: 0.01", body: `{"ok":false,"error":"ratelimited"}`},
			{ask: "GET /l?cursor=a", body: `{"ok":false,"error":"account_inactive"}`},
		},
		verdict: "failed api_error", records: "1",
	},
	{
		name: "a cut body is retried and never half delivered",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: none}
`,
		say:     []exchange{{body: `{"items":[1,2`}, {body: `<html>busy</html>`}, {body: `{"items":[1,2]} x`}},
		verdict: "failed body",
	},
	{
		name: "a hook decides",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: hook, send: query.c}
`,
		hook: `function next(page) {
  const n = (page.memo || 0) + 1;
  if (page.body.stop) return {end: "the API says so"};
  return {token: {a: n}, memo: n};
}`,
		say: []exchange{
			{ask: "GET /l", body: `{"items":[1]}`},
			{ask: "GET /l?c=%7B%22a%22%3A1%7D", body: `{"items":[2]}`},
			{ask: "GET /l?c=%7B%22a%22%3A2%7D", body: `{"items":[3],"stop":true}`},
		},
		verdict: "complete", records: "1\n2\n3",
	},
	{
		name: "a hook that returns a number fails the page",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: hook, send: query.c}
`,
		hook:    `function next(page) { return 5 }`,
		say:     []exchange{{body: `{"items":[1]}`}},
		verdict: "failed hook",
	},
	{
		name: "an exception is never an end",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: "${body.meta.next}", send: query.c}
`,
		say:     []exchange{{body: `{"items":[1]}`}},
		verdict: "failed script",
	},
	{
		name: "hooks for records and requests",
		streams: `streams:
  s:
    request: {path: /l}
    pagination: {type: none}
`,
		hook: `function records(page) { return Object.entries(page.body.map).map(([k, v]) => ({k, v})) }
function record(rec, ctx) { return rec.v === 2 ? null : rec.v === 3 ? [rec, {k: "again"}] : rec }
function request(req, ctx) { req.headers["X-Signed"] = sha256(req.url).slice(0, 4) === "" ? "no" : "yes"; return req }`,
		say:     []exchange{{header: "X-Signed: yes", body: `{"map":{"a":1,"b":2,"c":3}}`}},
		verdict: "complete", records: "{\"k\":\"a\",\"v\":1}\n{\"k\":\"c\",\"v\":3}\n{\"k\":\"again\"}",
	},
	{
		name: "a 2xx page with more pages than its flag says follows the decider",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: query.c, more: body.more}
`,
		say: []exchange{
			{body: `{"items":[1],"next":"a","more":"false"}`},
			{body: `{"items":[2],"more":0}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "more is still true when the token is gone",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: query.c, more: body.more}
`,
		say:     []exchange{{body: `{"items":[1],"more":true}`}},
		verdict: "incomplete next_token_missing", records: "1",
	},
	{
		name: "next URLs stay on the origin",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: link, next: body.next}
`,
		say:     []exchange{{body: `{"items":[1],"next":"http://foreign.invalid/x"}`}},
		verdict: "failed foreign_origin", records: "1",
	},
	{
		name: "ndjson",
		streams: `streams:
  s:
    request: {path: /l}
    records: {format: ndjson}
    pagination: {type: cursor, next: header.X-Next, send: query.c}
`,
		say:     []exchange{{head: "X-Next: b", body: "{\"id\":1}\n\n{\"id\":2}\n"}, {ask: "GET /l?c=b", body: "{\"id\":3}"}},
		verdict: "complete", records: "{\"id\":1}\n{\"id\":2}\n{\"id\":3}",
	},
	{
		name: "csv",
		streams: `streams:
  s:
    request: {path: /l}
    records: {format: csv, key: id}
    pagination: {type: none}
`,
		say:     []exchange{{head: "Content-Type: text/csv", body: "id,name\n1,\"a, b\"\n2,c\n"}},
		verdict: "complete", records: "{\"id\":\"1\",\"name\":\"a, b\"}\n{\"id\":\"2\",\"name\":\"c\"}",
	},
	{
		name: "form requests",
		streams: `streams:
  s:
    request: {method: POST, path: /l, form: {a: "x y", n: 1}}
    records: {path: items}
    pagination: {type: cursor, next: body.next, send: body.token}
`,
		say: []exchange{
			{ask: "POST /l a=x+y&n=1", header: "Content-Type: application/x-www-form-urlencoded", body: `{"items":[1],"next":"t"}`},
			{ask: "POST /l a=x+y&n=1&token=t", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
	{
		name: "api key in the query follows the next URL",
		http: "  auth: {type: api_key, in: query, name: key, value: sekret}\n",
		streams: `streams:
  s:
    request: {path: /l}
    records: {path: items}
    pagination: {type: link, next: body.next}
`,
		say: []exchange{
			{ask: "GET /l?key=sekret", body: `{"items":[1],"next":"/l?p=2"}`},
			{ask: "GET /l?p=2&key=sekret", body: `{"items":[2]}`},
		},
		verdict: "complete", records: "1\n2",
	},
}
