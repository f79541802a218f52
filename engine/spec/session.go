package spec

import "time"

var sessionTable = table[Session]{
	name: "session",
	what: "`session`",
	like: "{open: {method: POST, path: /sessions}, id: body.id}",
	keys: []key[Session]{
		field("open", "the request that opens it", inPart("session.open", optional(requestTable.shape())), func(s *Session) **Request { return &s.Open }).need(),
		field("wait", "what must be waited for before pages can be read", optional(waitTable.shape()), func(s *Session) **Wait { return &s.Wait }),
		field("id", "where the session's name stands in the answer", pick, func(s *Session) **Pick { return &s.ID }),
		field("refresh", "where each page says the session's new name", pick, func(s *Session) **Pick { return &s.Refresh }),
		field("close", "the request that closes it", optional(requestTable.shape()), func(s *Session) **Request { return &s.Close }),
		field("ttl", "how long it lives without being used", durationFrom(time.Millisecond), func(s *Session) *time.Duration { return &s.TTL }),
	},
	check: func(r reader, m *mapping, s *Session) { s.Pos = r.src.pos(m.node) },
}

var waitTable = table[Wait]{
	name: "wait",
	what: "`wait`",
	like: `{request: {path: "/jobs/${session.id}"}, until: "${body.state === 'done'}"}`,
	keys: []key[Wait]{
		field("request", "the request that asks how far it is", optional(requestTable.shape()), func(w *Wait) **Request { return &w.Request }).need(),
		field("until", "expression that is true when it is ready", in(ScopeResponse, condition), func(w *Wait) **Text { return &w.Until }).need(),
		field("failed", "expression that is true when it never will be", in(ScopeResponse, condition), func(w *Wait) **Text { return &w.Failed }),
		field("every", "how often it is asked", durationFrom(time.Millisecond), func(w *Wait) *time.Duration { return &w.Every }).or("5s"),
		field("timeout", "how long it may take", durationFrom(time.Millisecond), func(w *Wait) *time.Duration { return &w.Timeout }).or("1h"),
	},
	check: func(r reader, m *mapping, w *Wait) { w.Pos = r.src.pos(m.node) },
}
