package rawjson

import "encoding/binary"

// Scanner validates JSON in one pass and notes on the way where wanted values stand. The zero
// Scanner is ready after Reset; reuse it, so that its tables are allocated once.
type Scanner struct {
	Cells []Span // of the document, Want.Slot k at k-1; the caller sizes it
	Rows  []Row  // in order
	Width int    // cells of a row; the caller sets it
	Grid  []Span // of the rows, Want.Slot -k of row r at r*Width+k-1

	Gate     Span // the value at Want.Gate, zero when it was not met
	Gated    int  // elements of it
	Finals   int  // how many values at Want.Final were met
	Elements int  // their elements

	b     []byte
	space bool // whitespace outside strings was met
	esc   bool // the string scanned last holds an escape
	depth int
	stack []byte // closing bytes of the open containers, by depth
	err   *SyntaxError

	shapes shapes                // of the rows, kept by Reset
	more   func() ([]byte, bool) // waits for more of b (Arriving); nil: all is there
}

// Reset readies s for b; what was noted before is dropped, capacity is kept.
func (s *Scanner) Reset(b []byte) {
	s.b, s.more, s.err, s.depth, s.space = b, nil, nil, 0, false
	clear(s.Cells)
	s.Rows, s.Grid = s.Rows[:0], s.Grid[:0]
	s.Gate, s.Gated, s.Finals, s.Elements = Span{}, 0, 0, 0
	if s.stack == nil {
		s.stack = make([]byte, 64)
	}
}

// Err returns what Document or Value found wrong, nil when nothing was.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// Spaced says whether whitespace outside strings was met.
func (s *Scanner) Spaced() bool { return s.space }

// Document validates the bytes as one value with whitespace around it. When it is false, Err says
// why and what was noted is unspecified.
func (s *Scanner) Document(w *Want) bool {
	i := s.Value(s.Skip(0), w)
	if i < 0 {
		return false
	}
	s.rest()
	if i = s.Skip(i); i < len(s.b) {
		s.unexpected(i, "nothing more")
		return false
	}
	return true
}

// Value validates the value that begins at i and returns the index after it, -1 when it is not
// valid.
func (s *Scanner) Value(i int, w *Want) int {
	if w == nil {
		return s.walk(i, nil)
	}
	return s.node(i, w)
}

// node notes what w wants of the value itself and walks it.
func (s *Scanner) node(i int, w *Want) int {
	if w.Row {
		return s.row(i, w)
	}
	if w.Gate {
		s.Gate, s.Gated = Span{i, i}, 0
	}
	if w.Final {
		s.Finals++
	}
	end := s.walk(i, w.inner())
	if end < 0 {
		return -1
	}
	if w.Gate {
		s.Gate.End = end
	}
	s.note(w.Slot, Span{i, end})
	return end
}

// row notes a row and what is wanted of it.
func (s *Scanner) row(i int, w *Want) int {
	outer := s.space
	s.space = false
	n := len(s.Rows)
	s.Rows = append(s.Rows, Row{})
	for range s.Width {
		s.Grid = append(s.Grid, Span{})
	}
	end := s.rowEnd(i, w)
	for s.more != nil && (end < 0 && s.err.Cut || end == len(s.b)) { // it may go on
		s.pull(max(2*len(s.b)-i, len(s.b)+1))
		s.unrow()
		end = s.rowEnd(i, w)
	}
	if end < 0 {
		return -1
	}
	s.Rows[n] = Row{Span{i, end}, s.space}
	s.note(w.Slot, Span{i, end})
	s.space = s.space || outer
	return end
}

// rowEnd validates the row that begins at i, notes what is wanted of it, and returns the index after it.
func (s *Scanner) rowEnd(i int, w *Want) int {
	learn := false
	if i < len(s.b) && s.b[i] == '{' && s.shapes.ready(w) {
		end := s.follow(i)
		if end >= 0 {
			s.shapes.known()
			return end
		}
		learn = end == -1
		s.unrow()
	}
	end := s.walk(i, w.inner())
	if learn && end >= 0 {
		s.shapes.unknown(s.b[i:end])
	}
	return end
}

// unrow forgets what was noted of the newest row, which is read again.
func (s *Scanner) unrow() {
	s.err, s.space = nil, false
	clear(s.Grid[len(s.Grid)-s.Width:])
}

// note puts a span into its cell: slots above 0 are the document's, below 0 the newest row's.
func (s *Scanner) note(slot int, p Span) {
	switch {
	case slot > 0:
		s.Cells[slot-1] = p
	case slot < 0:
		s.Grid[len(s.Grid)-s.Width-slot-1] = p
	}
}

// forget drops what was noted below w: its member stands in the object for another time, and the
// last one counts. There were rows rows before the object.
func (s *Scanner) forget(w *Want, rows int) {
	if w.Rows {
		s.Rows, s.Grid = s.Rows[:rows], s.Grid[:rows*s.Width]
	}
	s.forgetCells(w)
}

func (s *Scanner) forgetCells(w *Want) {
	if w.Row {
		return
	}
	if w.Gate {
		s.Gate, s.Gated, s.Finals, s.Elements = Span{}, 0, 0, 0
	}
	s.note(w.Slot, Span{})
	for _, m := range w.Fields {
		s.forgetCells(m.Want)
	}
	for _, e := range w.Items {
		s.note(e.Slot, Span{})
	}
}

// Skip returns the index of the first byte at or after i that is not whitespace.
func (s *Scanner) Skip(i int) int {
	b, from := s.b, i
	for i < len(b) {
		if c := b[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			break
		}
		i++
		for i+8 <= len(b) && binary.LittleEndian.Uint64(b[i:]) == ' '*low {
			i += 8
		}
	}
	if i > from {
		s.space = true
	}
	return i
}
