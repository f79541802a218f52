package replay

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// shorten keeps the first n records of every page and every other field as it is, but for counts of
// records: a chain's total is reduced by what was left out of it. It returns copies.
func shorten(list []*exchange, streams []*spec.Stream, n int) []*exchange {
	out := make([]*exchange, len(list))
	dropped := map[string]int64{} // by chain
	ids := map[string]bool{}      // of the records that details are asked for
	for i, x := range list {
		c, r := *x, *x.response
		c.response = &r
		out[i] = &c
		for _, st := range streams {
			if !asksPage(x, st, streams) {
				continue
			}
			var less int64
			r.body, less = cutList(r.body, st.Records.Path, func(_ []byte, i int) bool { return i < n })
			dropped[chainOf(x, st)] += less
			if st.Details != nil && less > 0 {
				noteIDs(r.body, st, ids)
			}
		}
	}
	for _, st := range streams {
		ref := singleRef(st.Pagination.Total)
		for _, x := range out {
			if n := dropped[chainOf(x, st)]; ref != nil && n > 0 && asksPage(x, st, streams) {
				reduce(x.response, ref, n)
			}
			if asksDetails(x, st) && len(ids) > 0 {
				x.response.body, _ = cutList(x.response.body, st.Details.Records.Path, func(v []byte, _ int) bool { return names(v, ids) })
			}
		}
	}
	return out
}

// chainOf tells the exchanges of a stream's chains apart: by what is asked for beside the position.
func chainOf(x *exchange, st *spec.Stream) string {
	q := x.request.target.Query()
	for _, s := range []*spec.Send{st.Pagination.Send, st.Pagination.LimitSend} {
		switch {
		case s == nil:
		case s.One != nil && s.One.Kind == spec.TargetQuery:
			q.Del(s.One.Name)
		case s.One != nil:
			q = nil // a link or an object of parameters: nothing is known of the rest
		default:
			for _, m := range s.Many {
				q.Del(m.Target.Name)
			}
		}
	}
	if st.Pagination.Rules.Type == engine.Link {
		q = nil
	}
	return st.Name + " " + x.request.target.EscapedPath() + "?" + q.Encode()
}

// asks says whether x can be made of the template r: the same method, and a path that fits.
func asks(x *exchange, r *spec.Request) bool {
	method := r.Method
	if method == "" {
		method = "GET"
	}
	if x.request.method != method || r.Path == nil {
		return false
	}
	pattern := ""
	for _, p := range r.Path.Parts {
		if p.Expr != nil {
			pattern += "[^/]+"
		} else {
			pattern += regexp.QuoteMeta(p.Lit)
		}
	}
	ok, err := regexp.MatchString(pattern+"$", x.request.target.Path)
	return err == nil && ok
}

// asksDetails says whether x fetches the things that a page listed.
func asksDetails(x *exchange, st *spec.Stream) bool {
	return st.Details != nil && asks(x, st.Details.Request)
}

// asksPage says whether x fetches a page of st: it fits the stream's request, or nobody's (a link).
func asksPage(x *exchange, st *spec.Stream, all []*spec.Stream) bool {
	if asksDetails(x, st) {
		return false
	}
	return asks(x, st.Request) || !slices.ContainsFunc(all, func(o *spec.Stream) bool { return asks(x, o.Request) })
}

// noteIDs notes what details are asked for.
func noteIDs(body []byte, st *spec.Stream, ids map[string]bool) {
	st.Records.Path.Each(body, func(list []byte) {
		for e := range rawjson.Elements(list) {
			if v, ok := st.Details.ID.Get(e); ok {
				ids[string(rawjson.Canonical(nil, v))] = true
			}
		}
	})
}

// names says whether a field of the record v is one of the ids.
func names(v []byte, ids map[string]bool) bool {
	for _, f := range rawjson.Members(v) {
		if ids[string(rawjson.Canonical(nil, f))] {
			return true
		}
	}
	return false
}

// reduce takes n off the count at ref.
func reduce(r *response, ref *engine.Ref, n int64) {
	switch ref.Root {
	case engine.RootBody:
		r.body = edit(r.body, ref.Path, func(v []byte) []byte { return less(v, n) })
	case engine.RootHeader:
		if had := r.header.Get(ref.Name); had != "" {
			r.header = r.header.Clone()
			r.header.Set(ref.Name, unquoted(less([]byte(quoted(had)), n)))
		}
	}
}

// singleRef is the one reference of a pick, nil when it is another.
func singleRef(p *spec.Pick) *engine.Ref {
	if p == nil || len(p.Any) != 1 {
		return nil
	}
	return p.Any[0].Ref
}

// less subtracts from a count, a number or digits in a text.
func less(v []byte, n int64) []byte {
	had, err := strconv.ParseInt(unquoted(v), 10, 64)
	if err != nil {
		return v
	}
	left := strconv.FormatInt(max(0, had-n), 10)
	if rawjson.Kind(v) == '"' {
		left = quoted(left)
	}
	return []byte(left)
}

// cutList keeps the elements of the list at path that keep says, and tells how many it left out.
func cutList(body []byte, path engine.Path, keep func(v []byte, i int) bool) (short []byte, dropped int64) {
	if !json.Valid(body) {
		return body, 0
	}
	for i, s := range path {
		if s.Kind == engine.StepAll {
			path = path[:i]
			break
		}
	}
	short = edit(body, path, func(v []byte) []byte {
		if rawjson.Kind(v) != '[' {
			return v
		}
		out, i := []byte{'['}, 0
		for e := range rawjson.Elements(v) {
			i++
			if !keep(e, i-1) {
				dropped++
				continue
			}
			if len(out) > 1 {
				out = append(out, ", "...)
			}
			out = append(out, e...)
		}
		return append(out, ']')
	})
	if dropped == 0 {
		return body, 0
	}
	return short, dropped
}

// edit replaces the value at path, where there is one.
func edit(doc []byte, path engine.Path, fn func([]byte) []byte) []byte {
	if len(path) == 0 {
		return fn(doc)
	}
	if path[0].Kind != engine.StepField || rawjson.Kind(doc) != '{' {
		return doc
	}
	out := []byte{'{'}
	for k, v := range rawjson.Members(doc) {
		if len(out) > 1 {
			out = append(out, ", "...)
		}
		if name, _ := rawjson.String(k); name == path[0].Field {
			v = edit(v, path[1:], fn)
		}
		out = append(append(append(out, k...), ": "...), bytes.TrimSpace(v)...)
	}
	return append(out, '}')
}
