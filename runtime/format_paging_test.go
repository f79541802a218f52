package runtime_test

const cursorTail = `
    pagination: {type: cursor, next: body.next, send: query.cursor}
`

// Sections 2 and 6: where positions come from and where they go.
var pagingCases = []formatCase{
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
}
