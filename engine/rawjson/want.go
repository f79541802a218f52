package rawjson

// Want is a tree of what a Scanner notes while it validates: it mirrors the way from a value down to
// the values that are wanted. A tree is not changed while it is in use and may be shared.
type Want struct {
	Slot   int       // cell that takes this value's span: from 1 of the document, from -1 down of the row; 0: not wanted itself
	Row    bool      // this value is a row; slots at and below it are the row's
	Rows   bool      // rows are met at or below it
	Fields []Member  // of an object
	Items  []Element // of an array
	Each   *Want     // every element of an array, and every member's value of an object unless List
	List   bool      // the list whose elements are the rows: only an array has any
	Gate   bool      // the first value on the way to the rows whose elements are all visited
	Final  bool      // the last such value
}

// Member is a wanted member of an object.
type Member struct {
	Name string
	Want *Want
}

// Element is a wanted element of an array: -1 is the last one. Nothing below it is noted.
type Element struct {
	Index int
	Slot  int // as Want.Slot
}

// Span is where a value stands: b[Start:End]. The zero Span is no value.
type Span struct{ Start, End int }

// Of returns the bytes, nil for no value.
func (p Span) Of(b []byte) []byte {
	if p.End == 0 {
		return nil
	}
	return b[p.Start:p.End:p.End]
}

// Row is a value that a Want called a row.
type Row struct {
	Span
	Space bool // whitespace stands in it, outside strings
}

// inner is w for a walk into its value: nil when nothing is wanted below.
func (w *Want) inner() *Want {
	if w == nil || len(w.Fields)+len(w.Items) == 0 && w.Each == nil {
		return nil
	}
	return w
}

// member returns what is wanted of the member with that key, nil for nothing. The key is without
// its quotes.
func (w *Want) member(key []byte, escaped bool) *Want {
	for k := range w.Fields {
		if m := &w.Fields[k]; len(m.Name) == len(key) && m.Name == string(key) {
			return m.Want
		}
	}
	if escaped {
		quoted := make([]byte, 0, len(key)+2)
		quoted = append(append(append(quoted, '"'), key...), '"')
		for k := range w.Fields {
			if m := &w.Fields[k]; keyIs(quoted, m.Name) {
				return m.Want
			}
		}
	}
	if w.Each != nil && !w.List {
		return w.Each
	}
	return nil
}
