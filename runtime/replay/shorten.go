package replay

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// shorten keeps the first n records of every page and every other field as it is, but for counts of
// records: a total is reduced by what was left out. It returns copies.
func shorten(list []*exchange, streams []*spec.Stream, n int) []*exchange {
	out := make([]*exchange, len(list))
	dropped := map[*spec.Stream]int64{}
	for i, x := range list {
		c, r := *x, *x.response
		for _, st := range streams {
			var less int64
			r.body, less = cutList(r.body, st.Records.Path, n)
			dropped[st] += less
			if st.Details != nil && less == 0 {
				r.body, _ = cutList(r.body, st.Details.Records.Path, n)
			}
		}
		c.response = &r
		out[i] = &c
	}
	for _, st := range streams {
		ref := singleRef(st.Pagination.Total)
		if ref == nil || dropped[st] == 0 {
			continue
		}
		for _, x := range out {
			switch h := x.response.header; {
			case ref.Root == engine.RootBody:
				x.response.body = edit(x.response.body, ref.Path, func(v []byte) []byte { return less(v, dropped[st]) })
			case ref.Root == engine.RootHeader && h.Get(ref.Name) != "":
				x.response.header = h.Clone()
				x.response.header.Set(ref.Name, unquoted(less([]byte(quoted(h.Get(ref.Name))), dropped[st])))
			}
		}
	}
	return out
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

// cutList keeps the first n elements of the list at path, and says how many it left out.
func cutList(body []byte, path engine.Path, n int) (short []byte, dropped int64) {
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
		out, count := []byte{'['}, 0
		for e := range rawjson.Elements(v) {
			if count++; count > n {
				dropped++
				continue
			}
			if count > 1 {
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
