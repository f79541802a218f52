package page

import (
	"slices"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// program is a Plan made ready for scanning.
type program struct {
	root  *rawjson.Want // of a document
	row   *rawjson.Want // of one record
	list  *rawjson.Want // of an array of records and nothing else
	line  *rawjson.Want // of a line of ndjson, nil when far
	cells int           // of a document
	width int           // cells of a record

	far  bool // the records path counts elements: records are looked up once the body is validated
	all  int  // index of the path's first [*], -1 without
	tail bool // steps follow the path's last [*]
	open bool // more than one [*]

	keys, fields []source
	refs         []source // of Plan.Refs; body, max and min only

	arrays []bool   // xml: whether the element at names[:i+1] is an array always
	names  []string // xml: the path's fields
}

// source is where a value is noted and what is to be looked up in it. Slot 0: nowhere.
type source struct {
	slot int
	rest engine.Path
}

func (s source) of(cells []rawjson.Span, b []byte) []byte {
	slot := max(s.slot, -s.slot)
	if slot == 0 {
		return nil
	}
	v := cells[slot-1].Of(b)
	if v == nil || len(s.rest) == 0 {
		return v
	}
	v, _ = s.rest.Get(v)
	return v
}

func compile(pl *Plan) *program {
	pr := &program{row: &rawjson.Want{Row: true, Rows: true}, all: slices.IndexFunc(pl.Path, isAll)}
	for n, s := range pl.Path {
		switch s.Kind {
		case engine.StepIndex:
			pr.far = true
		case engine.StepAll:
			pr.open = n > pr.all
			pr.tail = n < len(pl.Path)-1
		}
	}
	pr.list = &rawjson.Want{List: true, Gate: true, Final: true, Rows: true, Each: pr.row}
	pr.root = &rawjson.Want{}
	path := pl.Path
	if pl.Format == "csv" {
		path = nil
	}
	if !pr.far {
		pr.root = pr.way(path, true)
		pr.line = pr.way(path, false)
	}
	for _, k := range pl.Keys {
		pr.keys = append(pr.keys, pr.want(pr.row, k, true))
	}
	for _, f := range pl.Fields {
		pr.fields = append(pr.fields, pr.want(pr.row, f, true))
	}
	for _, r := range pl.Refs {
		var s source
		switch {
		case r.Root == engine.RootBody && pl.Format != "ndjson":
			s = pr.want(pr.root, r.Path, false)
		case r.Root == engine.RootMax || r.Root == engine.RootMin:
			s = pr.want(pr.row, r.Path, true)
		}
		pr.refs = append(pr.refs, s)
	}
	pr.elements(pl.Path)
	return pr
}

func isAll(s engine.Step) bool { return s.Kind == engine.StepAll }

// way builds the wants from a document down to its records. Without a [*] in the path the value
// there is the list of the records, or, in a line, the record.
func (pr *program) way(path engine.Path, document bool) *rawjson.Want {
	root := &rawjson.Want{Rows: true}
	last := -1
	for n := range path {
		if isAll(path[n]) {
			last = n
		}
	}
	place := &root // where the want of the path so far hangs
	for n, s := range path {
		w := *place
		if isAll(s) {
			w.Gate, w.Final = n == pr.all, n == last
			w.Each = &rawjson.Want{Rows: true}
			place = &w.Each
			continue
		}
		w.Fields = append(w.Fields, rawjson.Member{Name: s.Field, Want: &rawjson.Want{Rows: true}})
		place = &w.Fields[len(w.Fields)-1].Want
	}
	if last < 0 && document {
		list := *pr.list
		*place = &list
		return root
	}
	*place = pr.row
	return root
}

// want adds what is needed to find path below w. Wants go down by fields; an element is noted
// whole, and so is a value of which the path asks all elements.
func (pr *program) want(w *rawjson.Want, path engine.Path, row bool) source {
	for n, s := range path {
		switch {
		case s.Kind == engine.StepIndex && s.Index >= -1:
			return source{pr.element(w, s.Index, row), path[n+1:]}
		case s.Kind != engine.StepField || w.Each != nil:
			return source{pr.whole(w, row), path[n:]}
		}
		k := slices.IndexFunc(w.Fields, func(m rawjson.Member) bool { return m.Name == s.Field })
		if k < 0 {
			w.Fields = append(w.Fields, rawjson.Member{Name: s.Field, Want: &rawjson.Want{}})
			k = len(w.Fields) - 1
		}
		w = w.Fields[k].Want
	}
	return source{pr.whole(w, row), nil}
}

func (pr *program) whole(w *rawjson.Want, row bool) int {
	if w.Slot == 0 {
		w.Slot = pr.slot(row)
	}
	return w.Slot
}

func (pr *program) element(w *rawjson.Want, index int, row bool) int {
	for _, e := range w.Items {
		if e.Index == index {
			return e.Slot
		}
	}
	slot := pr.slot(row)
	w.Items = append(w.Items, rawjson.Element{Index: index, Slot: slot})
	return slot
}

func (pr *program) slot(row bool) int {
	if row {
		pr.width++
		return -pr.width
	}
	pr.cells++
	return pr.cells
}

// elements notes which xml elements are lists, repeated or not: those of which the path takes all,
// and the last one of a path that names no list.
func (pr *program) elements(path engine.Path) {
	for n, s := range path {
		if s.Kind != engine.StepField {
			continue
		}
		pr.names = append(pr.names, s.Field)
		last := n == len(path)-1
		pr.arrays = append(pr.arrays, last && pr.all < 0 || !last && path[n+1].Kind != engine.StepField)
	}
}
