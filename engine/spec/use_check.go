package spec

import (
	"fmt"
	"slices"
	"strings"
)

// checkUses reports expressions that read what the file does not declare: they would be null for
// ever.
func checkUses(r reader, c *Connector) {
	config := make([]string, len(c.Config))
	for i, v := range c.Config {
		config[i] = v.Name
	}
	for _, u := range r.uses {
		allowed := u.expr.Scope.Names()
		for _, n := range u.names {
			if !slices.Contains(allowed, n.name) {
				continue // package script compiles the expression and knows JavaScript's own names
			}
			if n.name == "watermark" {
				readsWatermark(c, u.stream)
			}
			if why := r.missing(c, u, n.name); why != "" {
				r.failAt(u.node, n.off, why, "")
				continue
			}
			known, what := members[n.name], ""
			switch n.name {
			case "config":
				known, what = config, "declare it in `config`"
			case "partition":
				known = partitionNames(c, u.stream)
			}
			if n.member == "" || known == nil && n.name != "config" || slices.Contains(known, n.member) {
				continue
			}
			hint := meant(n.member, known)
			if hint == "" && len(known) > 0 {
				hint = "there is " + strings.Join(known, ", ")
			}
			if hint == "" {
				hint = what
			}
			r.failAt(u.node, n.at, fmt.Sprintf("`%s.%s` is not defined", n.name, n.member), hint)
		}
	}
}

// readsWatermark notes that an expression of the stream, or of all streams when it is nil, reads it.
func readsWatermark(c *Connector, stream *Stream) {
	for _, s := range c.Streams {
		if s.Incremental != nil && (stream == nil || stream == s) {
			s.Incremental.Read = true
		}
	}
}

// missing says why a data name has no value where it is used, "" when it may have one.
func (r reader) missing(c *Connector, u use, name string) string {
	has := func(test func(*Stream) bool) bool {
		if u.stream != nil {
			return test(u.stream)
		}
		return slices.ContainsFunc(c.Streams, test)
	}
	given := func(s *Stream, key string) bool { return r.maps[r.streams[s]].any(key) }
	if u.part == "window" && slices.Contains([]string{"window", "partition", "session"}, name) {
		return fmt.Sprintf("`%s` has no value where the windows are made", name)
	}
	which := "the stream has"
	if u.stream == nil {
		which = "no stream has"
	}
	switch name {
	case "session":
		if u.part == "session.open" {
			return "`session` has no value before the session is open"
		}
		if !has(func(s *Stream) bool { return given(s, "session") }) {
			return "`session` is never set: " + which + negate(u, "`session`")
		}
	case "watermark":
		if !has(func(s *Stream) bool { return given(s, "incremental") }) {
			return "`watermark` is never set: " + which + negate(u, "`incremental`")
		}
	case "window":
		if !has(func(s *Stream) bool {
			return slices.ContainsFunc(s.Partitions, func(p *Partition) bool { return p.Window != nil }) || r.partitionsWrong(s)
		}) {
			return "`window` is never set: " + which + negate(u, "window partition")
		}
	case "partition":
		if !has(func(s *Stream) bool { return partitionNames(c, s) != nil || r.partitionsWrong(s) }) {
			return "`partition` is never set: " + which + negate(u, "`partitions`")
		}
	}
	return ""
}

// negate finishes "the stream has …" or "no stream has …".
func negate(u use, what string) string {
	if u.stream == nil {
		return " " + what
	}
	return " no " + what
}

// partitionsWrong reports whether the partitions of a stream could not be read.
func (r reader) partitionsWrong(s *Stream) bool {
	m := r.maps[r.streams[s]]
	bare := func(p *Partition) bool {
		return p.Values == nil && p.Stream == "" && p.Window == nil && p.Session == nil
	}
	return m != nil && m.any("partitions") && !m.known("partitions") || slices.ContainsFunc(s.Partitions, bare)
}

// partitionNames lists what ${partition.…} has in a stream, with what its parents' chains have;
// for the connector's own expressions, in any stream. It is nil when there are no partitions.
func partitionNames(c *Connector, s *Stream) []string {
	var names []string
	if s == nil {
		for _, one := range c.Streams {
			names = append(names, partitionNames(c, one)...)
		}
		return names
	}
	var walk func(s *Stream, seen []*Stream)
	walk = func(s *Stream, seen []*Stream) {
		if s == nil || slices.Contains(seen, s) {
			return
		}
		for _, p := range s.Partitions {
			names = append(names, p.names()...)
			if p.Stream != "" {
				walk(c.Stream(p.Stream), append(seen, s))
			}
		}
	}
	walk(s, nil)
	slices.Sort(names)
	return slices.Compact(names)
}
