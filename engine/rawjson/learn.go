package rawjson

import (
	"encoding/binary"
	"slices"
)

// lesson is one row on its way into shapes.
type lesson struct {
	*shapes
	b      []byte
	at     int32 // the place that was met last
	from   int   // where its scalar ends
	spaced bool
	forget []*Want
}

// learn adds the moves of a valid row.
func (h *shapes) learn(row []byte) {
	if h.places == nil {
		h.places = make([]place, 2)
		h.nodes = map[node]int32{}
	}
	l := lesson{shapes: h, b: row}
	if end := l.value(0, rowBegins, h.want, 0); end >= 0 {
		l.move(end, rowEnds)
	}
}

// value goes over the value at i, which stands at a node, and returns the index after it; -1: the row
// has something that is not learned.
func (l *lesson) value(i int, at int32, w *Want, depth int) int {
	if c := l.b[i]; c != '{' && c != '[' {
		return l.scalar(i, at, w)
	}
	array := l.b[i] == '['
	if depth == shapeDepth || w != nil && w.Slot != 0 && at != rowBegins {
		return -1
	}
	if i = l.skip(i + 1); l.b[i] == '}' || l.b[i] == ']' {
		return i + 1
	}
	for {
		n := node{in: at, array: array}
		var below *Want
		if !array {
			end := skipString(l.b, i)
			n.key = string(l.b[i:end])
			if w != nil {
				below = w.member(l.b[i+1:end-1], true)
			}
			if below != nil && len(below.Fields) > 0 {
				l.forget = append(l.forget, below)
			}
			i = l.skip(l.skip(end) + 1)
		}
		to, ok := l.node(n)
		if !ok {
			return -1
		}
		if i = l.value(i, to, below, depth+1); i < 0 {
			return -1
		}
		i = l.skip(i)
		if l.b[i] != ',' {
			return i + 1
		}
		i = l.skip(i + 1)
	}
}

// scalar ends a move at i and passes over the scalar there.
func (l *lesson) scalar(i int, at int32, w *Want) int {
	if at == rowBegins || !l.move(i, at) {
		return -1
	}
	if w != nil {
		l.places[at].slot = w.Slot
	}
	end := Skip(l.b, i)
	l.at, l.from, l.spaced, l.forget = at, end, false, nil
	return end
}

func (l *lesson) skip(i int) int {
	n := space(l.b, i)
	l.spaced = l.spaced || n > i
	return n
}

// node returns the number of a place, a new one where the way was not gone before.
func (l *lesson) node(n node) (int32, bool) {
	if to, ok := l.nodes[n]; ok {
		return to, true
	}
	if len(l.places) >= shapePlaces {
		l.full = true
		return 0, false
	}
	to := int32(len(l.places))
	l.places = append(l.places, place{})
	l.nodes[n] = to
	return to, true
}

// move adds the move that ends before i, unless it is known.
func (l *lesson) move(i int, to int32) bool {
	text := l.b[l.from:i]
	all := &l.places[l.at].moves
	for _, m := range *all {
		if m.to == to && m.text == string(text) {
			return true
		}
	}
	if len(*all) >= shapeMoves || l.size+len(text) > shapeBytes {
		l.full = true
		return false
	}
	l.size += len(text)
	m := move{text: string(text), to: to, spaced: l.spaced, forget: l.forget}
	var word [8]byte
	n := copy(word[:], text)
	m.head = binary.LittleEndian.Uint64(word[:])
	m.mask = ^uint64(0) >> (8 * (8 - n))
	if len(text) > 8 {
		m.tail = binary.LittleEndian.Uint64(text[len(text)-8:])
	}
	k, _ := slices.BinarySearchFunc(*all, m, func(a, b move) int { return len(b.text) - len(a.text) })
	*all = slices.Insert(*all, k, m)
	return true
}
