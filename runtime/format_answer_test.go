package runtime_test

// Sections 4, 5 and 10: answers, records and hooks.
var answerCases = []formatCase{
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
