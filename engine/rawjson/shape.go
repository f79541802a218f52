package rawjson

import "encoding/binary"

// shapes is what a Scanner has learned of the rows of a list: which bytes stand between one scalar and
// the next. Rows are alike, so most of a row can be compared instead of read. It is an automaton: a
// place is the way from the row down to a scalar, through keys and arrays (it fixes which containers are
// open there), and a move is the text from behind a scalar to the next one, or to the row's end. What a
// row says is not part of it; rows of one API with keys left out, or lists of any length, share it.
//
// A row that makes an unknown move is read as any other value, and its moves are learned.
type shapes struct {
	want   *Want // of the rows
	fit    bool  // nothing is wanted but members on the way down
	places []place
	nodes  map[node]int32 // places, and the containers on the way to them
	size   int            // bytes of the moves' texts
	full   bool
	trust  int // falls with unknown moves
	rest   int // rows that are read without a look here
	rested int // how long the last rest was
}

// place is where a scalar stands; the first one is the row's beginning, the second its end.
type place struct {
	moves []move // longer texts first: one may begin like another
	slot  int    // Want.Slot
}

// move is the text between two places. Its first eight bytes and its last eight are compared as words.
type move struct {
	head, mask, tail uint64
	text             string
	to               int32
	spaced           bool    // whitespace stands in the text, outside strings
	forget           []*Want // members that the text enters
}

// node is a value below another: a member by its key as it is written, or any element.
type node struct {
	in    int32
	array bool
	key   string
}

const (
	rowBegins = 0
	rowEnds   = 1

	shapeMoves  = 16      // from one place
	shapePlaces = 1 << 10 // of a list
	shapeBytes  = 64 << 10
	shapeDepth  = 32
	shapeTrust  = 16      // an unknown move costs a quarter of it, a known row gives 1 back
	shapeRest   = 1 << 8  // rows
	shapeRests  = 1 << 16 // rows
)

// ready says whether it is worth to look for the shape of a row of w.
func (h *shapes) ready(w *Want) bool {
	if h.want != w {
		*h = shapes{want: w, fit: w.plain(), trust: shapeTrust}
	}
	if h.rest > 0 {
		h.rest--
		return false
	}
	return h.fit
}

// plain says whether w is a tree of members only.
func (w *Want) plain() bool {
	if len(w.Items) > 0 || w.Each != nil || w.Gate || w.Final || w.Rows && !w.Row {
		return false
	}
	for _, m := range w.Fields {
		if m.Want.Row || !m.Want.plain() {
			return false
		}
	}
	return true
}

// follow validates the row that begins at i by the moves that are known, notes what is wanted of it, and
// returns the index after it. -1: it makes an unknown move, -2: the bytes are about to end. It has to be
// read as any other value then.
func (s *Scanner) follow(i int) int {
	b, places, at, spaced := s.b, s.shapes.places, rowBegins, false
	if len(places) == 0 {
		return -1
	}
	for {
		var m *move
		moves := places[at].moves
		if i+8 > len(b) {
			return -2
		}
		x := binary.LittleEndian.Uint64(b[i:])
		for k := range moves {
			if v := &moves[k]; (x^v.head)&v.mask == 0 && v.ends(b, i) {
				m = v
				break
			}
		}
		if m == nil {
			return -1
		}
		if m.forget != nil {
			for _, w := range m.forget {
				s.forgetCells(w)
			}
		}
		spaced = spaced || m.spaced
		i += len(m.text)
		at = int(m.to)
		if at == rowEnds {
			s.space = spaced
			return i
		}
		if i >= len(b) {
			return -2
		}
		from := i
		switch c := b[i]; {
		case c == '"':
			for i++; ; i += 16 {
				if i+16 > len(b) {
					return -2
				}
				two := b[i : i+16]
				x, y := binary.LittleEndian.Uint64(two), binary.LittleEndian.Uint64(two[8:])
				if m := special(x); m != 0 {
					i += first(m)
					break
				}
				if m := special(y); m != 0 {
					i += 8 + first(m)
					break
				}
			}
			if b[i] == '"' {
				i++
			} else if i = s.str(i); i < 0 {
				return -1
			}
		case c-'1' <= 8: // as bare would, 7 % faster
			for i++; i < len(b) && b[i]-'0' <= 9; i++ {
			}
			if i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') {
				if i = s.fraction(i); i < 0 {
					return -1
				}
			}
		case c == '{' || c == '[' || c == '}' || c == ']':
			return -1
		default:
			if i = s.bare(i); i < 0 {
				return -1
			}
		}
		if slot := places[at].slot; slot != 0 {
			s.note(slot, Span{from, i})
		}
	}
}

// ends says whether b[i:], of which the first word is compared already, begins with the move's text.
func (m *move) ends(b []byte, i int) bool {
	n := len(m.text)
	if n <= 8 {
		return true
	}
	return i+n <= len(b) && binary.LittleEndian.Uint64(b[i+n-8:]) == m.tail &&
		(n <= 16 || string(b[i+8:i+n-8]) == m.text[8:n-8])
}

// known notes that a row made known moves only.
func (h *shapes) known() {
	if h.trust < shapeTrust {
		h.trust++
		return
	}
	h.rested = 0
}

// unknown learns the moves of a valid row; when they are too many to be worth it, the next rows are
// passed over, more of them each time.
func (h *shapes) unknown(row []byte) {
	if h.trust -= shapeTrust / 4; h.trust < 0 {
		h.rested = min(max(2*h.rested, shapeRest), shapeRests)
		h.rest, h.trust = h.rested, shapeTrust/2
		if h.full {
			h.places, h.nodes, h.size, h.full = nil, nil, 0, false
		}
		return
	}
	if !h.full {
		h.learn(row)
	}
}
