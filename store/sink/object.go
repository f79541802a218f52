package sink

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// members calls fn with each member of a JSON object: the text of its name between the quotes, as it
// stands, and its value. It returns false when rec is not an object. rec is valid JSON; nothing is
// allocated.
func members(rec []byte, fn func(name, value []byte)) bool {
	i := space(rec, 0)
	if i >= len(rec) || rec[i] != '{' {
		return false
	}
	i = space(rec, i+1)
	for i < len(rec) && rec[i] == '"' {
		end := stringEnd(rec, i)
		name := rec[i+1 : max(i+1, end-1)]
		i = space(rec, space(rec, end)+1)
		end = valueEnd(rec, i)
		if i > end || end > len(rec) {
			return true
		}
		fn(name, rec[i:end])
		i = space(rec, end)
		if i >= len(rec) || rec[i] != ',' {
			return true
		}
		i = space(rec, i+1)
	}
	return true
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// stringEnd returns the index behind the closing quote of the string that begins at i.
func stringEnd(b []byte, i int) int {
	quote := i
	for i++; i < len(b); {
		if quote < i {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				return len(b)
			}
			quote = i + n
		}
		esc := bytes.IndexByte(b[i:quote], '\\')
		if esc < 0 {
			return quote + 1
		}
		i += esc + 2
	}
	return len(b)
}

// valueEnd returns the index behind the value that begins at i.
func valueEnd(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		depth := 0
		for ; i < len(b); i++ {
			switch b[i] {
			case '"':
				i = stringEnd(b, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
		return len(b)
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && b[i] != ' ' && b[i] != '\n' && b[i] != '\t' && b[i] != '\r' {
		i++
	}
	return i
}

// unquote appends the text of a JSON string, given what is between its quotes. Half a surrogate pair
// becomes U+FFFD.
func unquote(dst, s []byte) []byte {
	for {
		n := bytes.IndexByte(s, '\\')
		if n < 0 || n+1 >= len(s) {
			return append(dst, s...)
		}
		dst = append(dst, s[:n]...)
		c := s[n+1]
		s = s[n+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(s)
			s = s[min(4, len(s)):]
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					low = hex4(s[2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					s = s[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default: // " \ /
			dst = append(dst, c)
		}
	}
}

func hex4(s []byte) rune {
	if len(s) < 4 {
		return utf8.RuneError
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return utf8.RuneError
		}
		r = r<<4 | rune(c)
	}
	return r
}
