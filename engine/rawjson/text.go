package rawjson

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// str validates a string from its byte at i to its closing quote and returns the index after it, -1
// when it is not valid.
func (s *Scanner) str(i int) int {
	b := s.b
	for {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			m := special(x)
			if m != 0 {
				i += first(m)
				break
			}
			i += 8
		}
		for i < len(b) && b[i] >= ' ' && b[i] < utf8.RuneSelf && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return s.fail(len(b), "cut: it ends inside a string")
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = s.escaped(i); i < 0 {
				return -1
			}
		case c < ' ':
			return s.fail(i, fmt.Sprintf("control character 0x%02x in a string", c))
		default:
			if i = s.runes(i); i < 0 {
				return -1
			}
		}
	}
}

// runes validates the run of characters beyond ASCII that begins at i.
func (s *Scanner) runes(i int) int {
	b := s.b
	for i < len(b) && b[i] >= utf8.RuneSelf {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(b[i:]) {
				return s.fail(len(b), "cut: it ends inside a character")
			}
			return s.fail(i, fmt.Sprintf("byte 0x%02x is not UTF-8", b[i]))
		}
		i += n
	}
	return i
}

// escaped validates the escape sequence that begins at i.
func (s *Scanner) escaped(i int) int {
	s.esc = true
	b := s.b
	if i+1 >= len(b) {
		return s.fail(len(b), "cut: it ends inside a string")
	}
	switch b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		if hex4(b[i+2:]) >= 0 {
			return i + 6
		}
		for k := i + 2; k < i+6; k++ {
			if k >= len(b) {
				return s.fail(len(b), "cut: it ends inside a string")
			}
			if hex4([]byte{'0', '0', '0', b[k]}) < 0 {
				return s.fail(k, "\\u must be followed by four hexadecimal digits")
			}
		}
	}
	return s.fail(i+1, "a backslash must be followed by one of \"\\/bfnrtu")
}

// number validates the number that begins at i and returns the index after it.
func (s *Scanner) number(i int) int {
	b := s.b
	if b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && b[i]-'1' <= 8:
		i = digits(b, i)
	default:
		return s.unexpected(i, "a digit")
	}
	return s.fraction(i)
}

// fraction validates what may follow the digits of a number: fraction and exponent.
func (s *Scanner) fraction(i int) int {
	b := s.b
	if i < len(b) && b[i] == '.' {
		n := digits(b, i+1)
		if n == i+1 {
			return s.unexpected(n, "a digit")
		}
		i = n
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		n := digits(b, i)
		if n == i {
			return s.unexpected(n, "a digit")
		}
		i = n
	}
	return i
}

// special marks the bytes of x that end a run of plain text in a string: a quote, a backslash, a control
// character or a byte beyond ASCII. Only the lowest mark is certain.
func special(x uint64) uint64 {
	return ((x - ' '*low) | ((x ^ '"'*low) - low) | ((x ^ '\\'*low) - low) | x) & high
}
