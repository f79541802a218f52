package spec

import (
	"fmt"

	"github.com/lastpage/lastpage/engine"
)

// checkStream checks what must hold between the parts of a stream.
func checkStream(r reader, m *mapping, s *Stream) {
	checkAuthHook(r, m.sub("http"), s.HTTP.Auth)
	checkFallbackKey(r, m, s)
	checkDetails(r, m, s)
	checkPartitions(r, m, s)
	checkBodies(r, s)
}

// checkFallbackKey reports fallbacks that read records again where nothing tells them apart.
func checkFallbackKey(r reader, m *mapping, s *Stream) {
	if m.sub("records").any("key") || m.sub("details").sub("records").any("key") {
		return
	}
	for _, f := range s.Pagination.Fallback {
		if f.kind == engine.FallbackRestart || f.kind == engine.FallbackTimestamp {
			r.file.errs = append(r.file.errs, &Error{f.Pos, fmt.Sprintf("fallback `%s` needs `records.key`: it reads records again", f.kind), "name the field that identifies a record, such as key: id"})
		}
	}
}

// checkDetails reports a details request that asks for nothing.
func checkDetails(r reader, m *mapping, s *Stream) {
	if s.Details == nil || s.Details.Request == nil || r.hook { // a hook's `request` may put the ids in
		return
	}
	q := s.Details.Request
	texts := []*Text{q.Path, q.URL, q.BodyText}
	for _, t := range texts {
		if r.textMentions(t, "ids") {
			return
		}
	}
	fields := append(append(append([]Field{}, q.Query...), q.Headers...), q.Form...)
	if q.Body != nil {
		fields = append(fields, Field{Value: q.Body})
	}
	for _, f := range fields {
		if f.Value != nil && r.mentions(f.Value, "ids") {
			return
		}
	}
	if d := m.sub("details"); d.known("request") {
		r.fail(d.at("request"), "the details request never reads `ids`: every batch would fetch the same", `such as body: {ids: "${ids}"}`)
	}
}

// checkPartitions reports what partitions of one stream cannot share, or lack.
func checkPartitions(r reader, m *mapping, s *Stream) {
	names := map[string]bool{}
	windows, parents := 0, 0
	for _, p := range s.Partitions {
		if p.Stream != "" {
			if parents++; parents == 2 {
				r.file.errs = append(r.file.errs, &Error{p.Pos, "a stream has one partition by `stream`", "a parent that is partitioned itself hands its values on: ${partition.…} has them too"})
			}
		}
		for _, name := range p.names() {
			if names[name] {
				r.file.errs = append(r.file.errs, &Error{p.Pos, fmt.Sprintf("the partition name `%s` stands twice", name), ""})
			}
			names[name] = true
		}
		if p.Session != nil && !m.any("session") {
			r.file.errs = append(r.file.errs, &Error{p.Session.Pos, "a partition by `session` needs a `session` in the stream", ""})
		}
		if p.Window == nil {
			continue
		}
		if windows++; windows == 2 {
			r.file.errs = append(r.file.errs, &Error{p.Pos, "a stream has one window partition", "expressions say ${window.from}: there is one window"})
		}
		if p.Window.SplitOver > 0 && s.Pagination.Total == nil && !m.sub("pagination").any("total") {
			r.file.errs = append(r.file.errs, &Error{p.Pos, "`split_over` needs `pagination.total`", "the count that it is compared with"})
		}
	}
}

// names are the names under ${partition.…} that a partition gives.
func (p *Partition) names() []string {
	var names []string
	for _, v := range p.Values {
		names = append(names, v.Name)
	}
	for _, t := range p.Take {
		names = append(names, t.Name)
	}
	if p.As != "" {
		names = append(names, p.As)
	}
	return names
}

// checkBodies reports positions that go into the body of a request whose body is text.
func checkBodies(r reader, s *Stream) {
	if s.Request == nil || s.Request.BodyText == nil {
		return
	}
	sends := []*Send{s.Pagination.Send, s.Pagination.LimitSend}
	for _, f := range s.Pagination.Fallback {
		sends = append(sends, f.Send)
	}
	for _, send := range sends {
		if send == nil {
			continue
		}
		targets := []*Target{send.One}
		for _, f := range send.Many {
			targets = append(targets, f.Target)
		}
		for _, t := range targets {
			if t != nil && t.Kind == TargetBody {
				r.file.errs = append(r.file.errs, &Error{t.Pos, fmt.Sprintf("`%s` stands in a JSON body: the request has `body_text`", t.Source), "the text may hold \"${page.token}\""})
			}
		}
	}
}

// checkParents reports partitions by streams that do not exist or that wait for each other.
func checkParents(r reader, c *Connector) {
	names := make([]string, len(c.Streams))
	for i, s := range c.Streams {
		names[i] = s.Name
	}
	for _, s := range c.Streams {
		for _, p := range s.Partitions {
			if p.Stream == "" {
				continue
			}
			at := p.Pos
			if m := r.partitions[p.Pos]; m != nil {
				at = r.src.pos(m.at("stream"))
			}
			if c.Stream(p.Stream) == nil {
				r.file.errs = append(r.file.errs, &Error{at, fmt.Sprintf("there is no stream `%s`", shorten(p.Stream)), meant(p.Stream, names)})
				continue
			}
			if chain := cycle(c, s.Name, p.Stream, nil); chain != nil {
				text := s.Name
				for _, name := range chain {
					text += " → " + name
				}
				r.file.errs = append(r.file.errs, &Error{at, "streams wait for each other: " + text, ""})
			}
		}
	}
}

// cycle returns the way from a stream's parent back to the stream, nil when there is none.
func cycle(c *Connector, from, at string, seen []string) []string {
	for _, name := range seen {
		if name == at {
			return nil
		}
	}
	seen = append(seen[:len(seen):len(seen)], at)
	if at == from {
		return seen
	}
	if s := c.Stream(at); s != nil {
		for _, p := range s.Partitions {
			if p.Stream != "" {
				if way := cycle(c, from, p.Stream, seen); way != nil {
					return way
				}
			}
		}
	}
	return nil
}

// checkBaseURL reports paths that stand below nothing.
func checkBaseURL(r reader, c *Connector, m *mapping) {
	report := func(h *HTTP, declared bool, requests ...*Request) {
		if h.BaseURL != nil || declared {
			return
		}
		for _, q := range requests {
			if q != nil && q.Path != nil {
				r.file.errs = append(r.file.errs, &Error{q.Path.Pos, "`path` needs `http.base_url`", "a whole URL is `url`"})
			}
		}
	}
	declared := m.sub("http").any("base_url")
	if c.HTTP.Auth != nil {
		report(&c.HTTP, declared, c.HTTP.Auth.Request)
	}
	for _, s := range c.Streams {
		here := declared || r.maps[r.streams[s]].sub("http").any("base_url")
		report(&s.HTTP, here, s.Request)
		if s.Details != nil {
			report(&s.HTTP, here, s.Details.Request)
		}
		if s.Session != nil {
			report(&s.HTTP, here, s.Session.Open, s.Session.Close)
			if s.Session.Wait != nil {
				report(&s.HTTP, here, s.Session.Wait.Request)
			}
		}
		if s.HTTP.Auth != nil && s.HTTP.Auth != c.HTTP.Auth {
			report(&s.HTTP, here, s.HTTP.Auth.Request)
		}
	}
}
