package runtime

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/page"
)

// reader turns the bodies of one kind of answer into pages, and finds the values of references in
// them. It is set up once per stream and shared by its chains.
type reader struct {
	plan *page.Plan
	refs map[*engine.Ref]int // references whose value the plan finds
	bare bodyless            // may do without a body; nil: there must be one
}

// bodyless says what an answer without a body lacks, nil when its status and headers will do.
type bodyless func(context.Context, *view) error

// newReader makes a reader for records, and for the references of picks.
func newReader(r *spec.Records, fields []engine.Path, compare func(a, b []byte) int, picks ...*spec.Pick) *reader {
	rd := &reader{refs: map[*engine.Ref]int{}, plan: &page.Plan{
		Format: r.Format, Path: r.Path, HasPath: r.HasPath, Optional: r.Optional, Keys: r.Key, Fields: fields,
		CSV: page.CSV(r.CSV),
	}}
	for _, p := range picks {
		if p == nil {
			continue
		}
		for i := range p.Any {
			ref := p.Any[i].Ref
			if ref == nil {
				continue
			}
			switch ref.Root {
			case engine.RootHeader, engine.RootLink, engine.RootStatus:
				continue
			}
			if _, ok := rd.refs[ref]; ok {
				continue
			}
			rd.refs[ref] = len(rd.plan.Refs)
			rd.plan.Refs = append(rd.plan.Refs, *ref)
			rd.plan.Compare = append(rd.plan.Compare, compare)
		}
	}
	return rd
}

// view is one answer as references and expressions see it.
type view struct {
	rd    *reader
	page  *page.Page
	scope *scope // with its answer set
}

// present says which values count for a pick: there, and neither null nor "".
func present(v json.RawMessage) bool {
	return len(v) > 0 && string(v) != "null" && string(v) != `""`
}

// pick gives the first value that counts; when none does, the last that is there at all.
func (v *view) pick(ctx context.Context, p *spec.Pick, counts func(json.RawMessage) bool) (json.RawMessage, error) {
	got, _, err := v.pickFrom(ctx, p, counts)
	return got, err
}

// pickFrom is pick, and says where the value was found.
func (v *view) pickFrom(ctx context.Context, p *spec.Pick, counts func(json.RawMessage) bool) (value json.RawMessage, from *spec.Source, err error) {
	if p == nil {
		return nil, nil, nil
	}
	for i := range p.Any {
		got, err := v.source(ctx, &p.Any[i])
		if err != nil {
			return nil, nil, err
		}
		if counts(got) {
			return got, &p.Any[i], nil
		}
		if got != nil {
			value, from = got, &p.Any[i]
		}
	}
	return value, from, nil
}

// flag picks the value of a flag. What a header, XML or CSV says is always text: "1" and "0" there are
// the numbers that a flag may be.
func (v *view) flag(ctx context.Context, p *spec.Pick) (json.RawMessage, error) {
	got, from, err := v.pickFrom(ctx, p, present)
	if err != nil || from == nil || from.Ref == nil {
		return got, err
	}
	if f := v.rd.plan.Format; from.Ref.Root == engine.RootHeader || f == "xml" || f == "csv" {
		switch string(got) {
		case `"1"`, `"0"`:
			return got[1:2], nil
		}
	}
	return got, nil
}

func (v *view) source(ctx context.Context, s *spec.Source) (json.RawMessage, error) {
	if s.Text != nil {
		return v.scope.evalText(ctx, s.Text)
	}
	a := v.scope.answer
	switch s.Ref.Root {
	case engine.RootStatus:
		return number(int64(a.status)), nil
	case engine.RootHeader:
		if h := a.header[http.CanonicalHeaderKey(s.Ref.Name)]; len(h) > 0 {
			return quote(h[0]), nil
		}
		return nil, nil
	case engine.RootLink:
		if l, ok := a.link(s.Ref.Name, s.Ref.Attr); ok {
			return quote(l), nil
		}
		return nil, nil
	}
	if i, ok := v.rd.refs[s.Ref]; ok && v.page != nil && i < len(v.page.Values) {
		return v.page.Values[i], nil
	}
	if s.Ref.Root == engine.RootBody {
		if got, ok := s.Ref.Path.Get(a.body); ok && a.body != nil {
			return got, nil
		}
	}
	return nil, nil
}
