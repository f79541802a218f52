package rawjson

import "encoding/binary"

// walk validates the value that begins at i, without recursion unless w wants something below it,
// and returns the index after it, -1 when it is not valid.
func (s *Scanner) walk(i int, w *Want) int {
	var (
		b     = s.b
		base  = s.depth
		d     = base
		watch = -1          // depth at which w's own members or elements stand
		rows  = len(s.Rows) // before this value
		elem  int           // where the current element of a watched array begins
		count int           // elements of a watched array so far
		key   int           // where the current key begins, after its quote
	)
	if w != nil {
		watch = base + 1
	}

value:
	if i >= len(b) {
		return s.unexpected(i, "a value")
	}
	switch b[i] {
	case '"':
		i++
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			m := special(x)
			if m == 0 {
				i += 8
				continue
			}
			i += first(m)
			if b[i] == '"' {
				i++
				goto after
			}
			break
		}
		if i = s.str(i); i < 0 {
			return -1
		}
	case '{':
		if d++; d >= len(s.stack) && !s.grow(d, i) {
			return -1
		}
		s.stack[d] = '}'
		if i++; i < len(b) && b[i] <= ' ' {
			i = s.Skip(i)
		}
		if i < len(b) && b[i] == '}' {
			d--
			i++
			goto after
		}
		goto member
	case '[':
		if d++; d >= len(s.stack) && !s.grow(d, i) {
			return -1
		}
		s.stack[d] = ']'
		if i++; i < len(b) && b[i] <= ' ' {
			i = s.Skip(i)
		}
		if i < len(b) && b[i] == ']' {
			d--
			i++
			goto after
		}
		goto element
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		for i++; i < len(b) && b[i]-'0' <= 9; i++ {
		}
		if i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e') {
			if i = s.fraction(i); i < 0 {
				return -1
			}
		}
	default:
		if i = s.bare(i); i < 0 {
			return -1
		}
	}

after: // a value has ended before i
	if d == base {
		return i
	}
	if i < len(b) && b[i] <= ' ' {
		i = s.Skip(i)
	}
	if i >= len(b) {
		return s.open(d)
	}
	if b[i] == ',' {
		if s.stack[d] == ']' {
			if d == watch {
				s.element(w, count-1, elem, i, false)
			}
			if i++; i < len(b) && b[i] <= ' ' {
				i = s.Skip(i)
			}
			goto element
		}
		if i++; i < len(b) && b[i] <= ' ' {
			i = s.Skip(i)
		}
		goto member
	}
	if b[i] != s.stack[d] {
		return s.unfollowed(i, d)
	}
	if d == watch && b[i] == ']' {
		s.element(w, count-1, elem, i, true)
	}
	d--
	i++
	goto after

element: // an array's element begins at i
	if d == watch {
		elem = i
		count++
		if w.Each != nil {
			if i = s.each(i, w, d); i < 0 {
				return -1
			}
			if s.more != nil {
				s.reach(i)
			}
			b = s.b
			goto after
		}
	}
	goto value

member: // an object's member begins at i
	if i >= len(b) || b[i] != '"' {
		return s.unexpected(i, "a key in double quotes")
	}
	i++
	key = i
	s.esc = false
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		m := special(x)
		if m == 0 {
			i += 8
			continue
		}
		i += first(m)
		if b[i] == '"' {
			i++
			goto colon
		}
		break
	}
	if i = s.str(i); i < 0 {
		return -1
	}

colon:
	if d == watch {
		if m := w.member(b[key:i-1], s.esc); m != nil {
			if i = s.colon(i); i < 0 {
				return -1
			}
			if m == w.Each {
				s.rest()
				i = s.each(i, w, d)
			} else {
				if m.Rows || len(m.Fields) > 0 {
					s.forget(m, rows)
				}
				s.depth = d
				i = s.node(i, m)
				s.depth = base
			}
			if i < 0 {
				return -1
			}
			b = s.b
			goto after
		}
	}
	if i+1 < len(b) && b[i] == ':' && b[i+1] > ' ' {
		i++
		goto value
	}
	if i = s.colon(i); i < 0 {
		return -1
	}
	goto value
}

// each visits an element, or a member's value, of which w wants every one.
func (s *Scanner) each(i int, w *Want, depth int) int {
	if w.Gate {
		s.Gated++
	}
	if w.Final {
		s.Elements++
	}
	base := s.depth
	s.depth = depth
	i = s.node(i, w.Each)
	s.depth = base
	return i
}

// element notes the element of a watched array that ended before end.
func (s *Scanner) element(w *Want, index, start, end int, last bool) {
	for _, e := range w.Items {
		if e.Index == index || e.Index == -1 && last {
			s.note(e.Slot, Span{start, start + len(trim(s.b[start:end]))})
		}
	}
}

// colon passes over the colon after a key and returns where the member's value begins.
func (s *Scanner) colon(i int) int {
	if i = s.Skip(i); i >= len(s.b) || s.b[i] != ':' {
		return s.unexpected(i, "a colon after the key")
	}
	return s.Skip(i + 1)
}

// grow makes room for depth d, which opens at i.
func (s *Scanner) grow(d, i int) bool {
	if d > MaxDepth {
		s.fail(i, "arrays and objects stand more than 10000 deep in each other")
		return false
	}
	s.stack = append(s.stack, make([]byte, min(len(s.stack), MaxDepth+1-len(s.stack)))...)
	return true
}

// open says that the input ends inside the container at depth d.
func (s *Scanner) open(d int) int {
	if s.stack[d] == ']' {
		return s.fail(len(s.b), "cut: it ends inside an array")
	}
	return s.fail(len(s.b), "cut: it ends inside an object")
}

// unfollowed says that what stands at i cannot follow a value of the container at depth d.
func (s *Scanner) unfollowed(i, d int) int {
	if s.stack[d] == ']' {
		return s.unexpected(i, "a comma or ] after the element")
	}
	return s.unexpected(i, "a comma or } after the member")
}

// bare validates the literal or number that begins at i and returns the index after it.
func (s *Scanner) bare(i int) int {
	b := s.b
	switch b[i] {
	case 't':
		if i+4 > len(b) || string(b[i:i+4]) != "true" {
			return s.literal(i, "true")
		}
		return i + 4
	case 'f':
		if i+5 > len(b) || string(b[i:i+5]) != "false" {
			return s.literal(i, "false")
		}
		return i + 5
	case 'n':
		if i+4 > len(b) || string(b[i:i+4]) != "null" {
			return s.literal(i, "null")
		}
		return i + 4
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number(i)
	}
	return s.unexpected(i, "a value")
}

// literal says that what begins at i is not quite the word.
func (s *Scanner) literal(i int, word string) int {
	for k := range word {
		if i+k >= len(s.b) {
			return s.fail(len(s.b), "cut: it ends inside "+word)
		}
		if s.b[i+k] != word[k] {
			return s.fail(i, "a word that is not true, false or null")
		}
	}
	return -1
}
