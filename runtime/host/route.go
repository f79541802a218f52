package host

import "net/http"

// route is one call of the API: what is served, and what the OpenAPI document says of it.
type route struct {
	method, path string
	tag          string
	summary      string
	about        string // more of it, "" for nothing
	open         bool   // no token is asked for
	stream       bool   // the answer goes on and on
	params       []param
	body         string // name of a schema, "" without a body
	status       int    // of the answer that is no problem, 0: 200
	answer       string // name of its schema, "" for none
	answerType   string // application/json unless it says otherwise
	refusals     []int  // statuses of problems beside those that every route has
	serve        func(h *Host, w http.ResponseWriter, r *http.Request) error
}

// param is a parameter in the path or the query.
type param struct {
	name, in, kind, about string
}

func inPath(name, about string) param        { return param{name, "path", "string", about} }
func inQuery(name, kind, about string) param { return param{name, "query", kind, about} }
func withLimit(most string, more ...param) []param {
	return append(more, inQuery("limit", "integer", "how many at most, up to "+most))
}

var (
	connectorParam = inPath("name", "the connector's name")
	jobParam       = inPath("name", "the job's name")
	runParam       = inPath("id", "the run's id")
	stateParam     = inPath("state", "name under which checkpoints are kept: the connector's, unless the job says otherwise")
	streamParam    = inPath("stream", "the stream's name")
)

// routes is the API, in the order of the document.
func routes() []route {
	return []route{
		{method: "GET", path: "/healthz", tag: "health", summary: "The process is alive", open: true, answer: "Health", serve: (*Host).serveHealth},
		{method: "GET", path: "/readyz", tag: "health", summary: "The service takes work", open: true, answer: "Health", refusals: []int{503}, serve: (*Host).serveReady},
		{method: "GET", path: "/metrics", tag: "health", summary: "Metrics for Prometheus", answerType: "text/plain", serve: (*Host).serveMetrics},
		{method: "GET", path: "/v1/openapi.json", tag: "health", summary: "This document", answer: "Anything", serve: (*Host).serveOpenAPI},

		{method: "POST", path: "/v1/step", tag: "step", summary: "Read one page", body: "StepRequest", answer: "StepAnswer", refusals: []int{404, 409, 413, 415, 422, 429, 502},
			about: "Reads one page and answers its records and `next`, which the call for the page after it takes. `next` is left out at the end. " +
				"A `next` that is absent or null starts a walk; \"\", \"0\" and 0 answer verdict complete without a request, so that a caller may write \"0\" for a `next` that is missing. " +
				"The service keeps nothing: any service with the same key can take any call. A call that did not read its page answers 429 (with Retry-After) or 502 and may be repeated as it is.",
			serve: (*Host).serveStep},
		{method: "POST", path: "/v1/reset", tag: "step", summary: "Forget what is stored", body: "ResetRequest", answer: "Reset", refusals: []int{404, 409, 413, 415},
			about: "Forgets checkpoints, watermarks and kept positions, so that the next run starts over. Walks by /v1/step keep nothing here: leaving `next` out starts those over.",
			serve: (*Host).serveReset},

		{method: "GET", path: "/v1/connectors", tag: "connectors", summary: "List connectors, with their problems", answer: "Connectors", serve: (*Host).serveConnectors},
		{method: "GET", path: "/v1/connectors/{name}", tag: "connectors", summary: "One connector: its config and streams", params: []param{connectorParam}, answer: "Connector", refusals: []int{404}, serve: (*Host).serveConnector},
		{method: "POST", path: "/v1/connectors/validate", tag: "connectors", summary: "Check a connector file", body: "ValidateRequest", answer: "Validation", refusals: []int{413, 415},
			about: "Takes {\"connector\": \"…\", \"hook\": \"…\"}, or the YAML file itself as application/yaml. Nothing is stored or run.", serve: (*Host).serveValidate},
		{method: "GET", path: "/v1/connectors/{name}/versions", tag: "connectors", summary: "Versions that can be put back, newest first", params: []param{connectorParam}, answer: "Versions", refusals: []int{404}, serve: (*Host).serveVersions},
		{method: "GET", path: "/v1/connectors/{name}/versions/{version}", tag: "connectors", summary: "The files of a version", params: []param{connectorParam, inPath("version", "its id")}, answer: "Files", refusals: []int{404}, serve: (*Host).serveSource},
		{method: "POST", path: "/v1/connectors/{name}/rollback", tag: "connectors", summary: "Put a version back", params: []param{connectorParam}, body: "RollbackRequest", answer: "ConnectorStatus", refusals: []int{404, 413, 415, 422},
			about: "It stays until the connector's files change to something that is good. Without `version`: the one before the one in use.", serve: (*Host).serveRollback},

		{method: "GET", path: "/v1/jobs", tag: "jobs", summary: "List jobs, with the problems of their file", answer: "Jobs", serve: (*Host).serveJobs},
		{method: "GET", path: "/v1/jobs/{name}", tag: "jobs", summary: "One job", params: []param{jobParam}, answer: "Job", refusals: []int{404}, serve: (*Host).serveJob},
		{method: "POST", path: "/v1/jobs/{name}/run", tag: "jobs", summary: "Run a job now", params: []param{jobParam}, body: "JobRunRequest", status: 202, answer: "Run", refusals: []int{404, 409, 413, 415}, serve: (*Host).serveJobRun},

		{method: "GET", path: "/v1/runs", tag: "runs", summary: "List runs, newest first", answer: "Runs", refusals: []int{400},
			params: withLimit("1000", inQuery("job", "string", "of this job alone"), inQuery("connector", "string", "of this connector alone"), inQuery("before", "string", "id of the last run of the list before")), serve: (*Host).serveRuns},
		{method: "POST", path: "/v1/runs", tag: "runs", summary: "Start a run", body: "RunRequest", status: 202, answer: "Run", refusals: []int{404, 409, 413, 415, 422}, serve: (*Host).serveStart},
		{method: "GET", path: "/v1/runs/{id}", tag: "runs", summary: "One run", params: []param{runParam}, answer: "Run", refusals: []int{404}, serve: (*Host).serveRun},
		{method: "GET", path: "/v1/runs/{id}/pages", tag: "runs", summary: "The journal of a run's stream, page by page", answer: "Pages", refusals: []int{400, 404},
			params: withLimit("1000", runParam, inQuery("stream", "string", "the stream; may be left out where there is one"), inQuery("after", "integer", "how many pages to pass over")), serve: (*Host).servePages},
		{method: "POST", path: "/v1/runs/{id}/cancel", tag: "runs", summary: "End a run after its pages in flight", params: []param{runParam}, status: 202, answer: "Run", refusals: []int{404, 409}, serve: (*Host).serveCancel},
		{method: "POST", path: "/v1/runs/{id}/pause", tag: "runs", summary: "Hold a run after its pages in flight", params: []param{runParam}, status: 202, answer: "Run", refusals: []int{404, 409}, serve: (*Host).servePause},
		{method: "POST", path: "/v1/runs/{id}/resume", tag: "runs", summary: "Let a paused or parked run go on", params: []param{runParam}, status: 202, answer: "Run", refusals: []int{404, 409}, serve: (*Host).serveResume},

		{method: "GET", path: "/v1/state", tag: "state", summary: "List what is stored", answer: "StateList", serve: (*Host).serveStates},
		{method: "GET", path: "/v1/state/{state}", tag: "state", summary: "What is stored of a connector", params: []param{stateParam}, answer: "StateList", refusals: []int{404}, serve: (*Host).serveState},
		{method: "GET", path: "/v1/state/{state}/{stream}", tag: "state", summary: "The chains of a stream", answer: "Chains", refusals: []int{400, 404},
			params: withLimit("1000", stateParam, streamParam, inQuery("after", "integer", "ordinal of the last chain of the list before")), serve: (*Host).serveChains},
		{method: "PUT", path: "/v1/state/{state}/{stream}", tag: "state", summary: "Say where the next run goes on", params: []param{stateParam, streamParam}, body: "SetRequest", answer: "Set", refusals: []int{404, 409, 413, 415, 422}, serve: (*Host).serveSet},
		{method: "DELETE", path: "/v1/state/{state}/{stream}", tag: "state", summary: "Forget a stream, or one chain of it", answer: "Reset", refusals: []int{404, 409},
			params: []param{stateParam, streamParam, inQuery("chain", "string", "key of the chain, as the list shows it")}, serve: (*Host).serveForget},

		{method: "GET", path: "/v1/events", tag: "events", summary: "What happens, as server-sent events", stream: true, answerType: "text/event-stream", refusals: []int{503},
			about:  "Every event has an id; a listener that comes back with Last-Event-ID gets what it has missed, as far as it is kept.",
			params: []param{inQuery("run", "string", "of this run alone")}, serve: (*Host).serveEvents},
	}
}
