package script

// Function is a function that a hook may define at top level. The table Functions is what binds
// them, what hook.d.ts is generated from and what error messages quote.
type Function struct {
	Name   string
	Params []Param
	Result string // TypeScript type
	Wants  string // for messages: `return {token: …}, {end: "reason"} or nothing`
	Doc    []string
}

// Param is a parameter of a Function: its name and TypeScript type.
type Param struct{ Name, Type string }

// Functions are the functions of a hook, in the order of the format (section 10).
var Functions = []Function{
	{
		Name: "next", Params: []Param{{"page", "Page"}}, Result: "Next | undefined",
		Wants: `return {token: …}, {end: "reason"}, {fail: "reason"} or nothing`,
		Doc: []string{
			"Says after each page whether the chain goes on. Nothing leaves it to the YAML.",
			"`{fail: \"reason\"}` is for a page that contradicts itself: the chain goes to its fallback, or ends incomplete.",
		},
	},
	{
		Name: "classify", Params: []Param{{"resp", "Page"}}, Result: "Class | undefined",
		Wants: `return a class such as "ok" or "retry", or nothing`,
		Doc: []string{
			"Says what an answer is before anything else looks at it. Nothing leaves it to the YAML.",
		},
	},
	{
		Name: "request", Params: []Param{{"req", "HookRequest"}, {"ctx", "Context"}}, Result: "HookRequest",
		Wants: `return the request`,
		Doc: []string{
			"Changes a request. Runs for every attempt, before auth.",
		},
	},
	{
		Name: "sign", Params: []Param{{"req", "HookRequest"}, {"ctx", "Context"}}, Result: "HookRequest",
		Wants: `return the request`,
		Doc: []string{
			"Signs a request (auth type `hook`). Runs for every attempt, after every other edit.",
		},
	},
	{
		Name: "record", Params: []Param{{"rec", "any"}, {"ctx", "Context"}}, Result: "object | any[] | null",
		Wants: `return a record, an array of records, or null to drop it`,
		Doc: []string{
			"Changes a record: what is returned is delivered in its place. `null` drops it.",
			"`rec` may be changed in place.",
		},
	},
	{
		Name: "records", Params: []Param{{"page", "Page"}}, Result: "any[]",
		Wants: `return an array of records`,
		Doc: []string{
			"Finds a page's records where a path cannot.",
		},
	},
}

// Role returns the function of that name, nil for none.
func Role(name string) *Function {
	for i := range Functions {
		if Functions[i].Name == name {
			return &Functions[i]
		}
	}
	return nil
}

// Classes are what classify may return (format, section 4).
var Classes = []string{"ok", "end", "skip", "retry", "rate_limited", "token_expired", "session_expired", "unauthorized", "failed"}

// property is a property of an object that hooks are given or give back, for hook.d.ts.
type property struct {
	name, typ, doc string
	optional       bool
}

var pageProperties = []property{
	{name: "status", typ: "number", doc: "HTTP status."},
	{name: "headers", typ: "HookHeaders", doc: "Looked up whatever their case; several lines of one name are joined by \", \"."},
	{name: "body", typ: "any", doc: "The answer's JSON, read where it is touched; null when it is none."},
	{name: "text", typ: "string", doc: "The answer as text."},
	{name: "link", typ: "{ readonly [rel: string]: any }", doc: "The URLs of the Link headers by rel; `link.next.results` is an attribute of that link."},
	{name: "request", typ: "{ readonly method: string; readonly url: string; readonly query: { readonly [name: string]: any } }", doc: "The request that was answered."},
	{name: "records", typ: "{ readonly count: number; readonly first: any; readonly last: any }", doc: "The page's records as received, before any filter."},
	{name: "token", typ: "any", doc: "The token that was sent; null for the first page."},
	{name: "index", typ: "number", doc: "Of the page in its chain, from 0."},
	{name: "received", typ: "number", doc: "Records received in this chain so far: in next() with this page's, in classify() and records() those of the pages before."},
	{name: "config", typ: "{ readonly [name: string]: any }", doc: "The connector's settings."},
	{name: "partition", typ: "any", doc: "The values of the chain's partition; null without one."},
	{name: "window", typ: "{ readonly from: any; readonly to: any } | null", doc: "The chain's time window; null without one."},
	{name: "watermark", typ: "any", doc: "What requests filter by; null on a first run without `start`."},
	{name: "memo", typ: "any", doc: "What next() returned as memo on the page before; null at first."},
}

var contextProperties = []property{
	{name: "config", typ: "{ readonly [name: string]: any }", doc: "The connector's settings."},
	{name: "partition", typ: "any", doc: "The values of the chain's partition; null without one."},
	{name: "window", typ: "{ readonly from: any; readonly to: any } | null", doc: "The chain's time window; null without one."},
	{name: "watermark", typ: "any", doc: "What requests filter by; null on a first run without `start`."},
	{name: "session", typ: "any", doc: "`id` and `body` of the open session; null without one."},
	{name: "page", typ: "{ readonly index: number; readonly token: any }", doc: "Which page this is for."},
	{name: "memo", typ: "any", doc: "What next() returned last as memo; null at first."},
	{name: "attempt", typ: "number", doc: "Of this request, from 1."},
	{name: "now", typ: "string", doc: "The run's clock, RFC 3339."},
	{name: "run", typ: "{ readonly id: string }", doc: "The run."},
}

var requestProperties = []property{
	{name: "method", typ: "string", doc: "GET, POST, …"},
	{name: "url", typ: "string", doc: "The URL without `query`; a query that is written here is kept as it is. It may be relative to the one that was given."},
	{name: "query", typ: "{ [name: string]: any }", doc: "Parameters that are appended, each percent-encoded once. A list repeats the parameter; null leaves it out."},
	{name: "headers", typ: "{ [name: string]: any }", doc: "Looked up whatever their case; null takes a header away, a list sends several lines."},
	{name: "body", typ: "any", doc: "Sent as JSON; null without. Of `body` and `text` the one that was changed is sent.", optional: true},
	{name: "text", typ: "string | null", doc: "Sent as it is; null where the body is JSON.", optional: true},
}

var nextProperties = []property{
	{name: "token", typ: "any", doc: "Goes on: any JSON, sent where `send` says.", optional: true},
	{name: "end", typ: "string", doc: "Stops: the reason why this is the end.", optional: true},
	{name: "fail", typ: "string", doc: "The page contradicts itself: the reason.", optional: true},
	{name: "memo", typ: "any", doc: "Kept in the checkpoint; the next page's `memo`.", optional: true},
	{name: "wait", typ: "string", doc: "Before the next request: \"30s\".", optional: true},
}
