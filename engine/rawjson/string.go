package rawjson

import (
	"bytes"
	"math/bits"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// String returns the text of a JSON string, false when v is none. The escape of a lone surrogate
// becomes U+FFFD.
func String(v []byte) (string, bool) {
	v = trim(v)
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' {
		return "", false
	}
	v = v[1 : len(v)-1]
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v), true
	}
	var s strings.Builder
	s.Grow(len(v))
	for i := 0; i < len(v); {
		if v[i] != '\\' {
			n := bytes.IndexByte(v[i:], '\\')
			if n < 0 {
				n = len(v) - i
			}
			s.Write(v[i : i+n])
			i += n
			continue
		}
		r, n := escape(v[i:])
		s.WriteRune(r) // a lone surrogate is no rune: WriteRune puts U+FFFD
		i += n
	}
	return s.String(), true
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON string. Only what must be escaped is; bytes that are not UTF-8
// become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[from:i]...), "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	return append(append(dst, s[from:]...), '"')
}

// escape decodes the escape sequence at the start of v (`\n`, `\u00e9`, a surrogate pair) and
// returns its length. A lone surrogate comes back as such.
func escape(v []byte) (rune, int) {
	if len(v) < 2 {
		return utf8.RuneError, len(v)
	}
	switch v[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r := hex4(v[2:])
		if r < 0 {
			return utf8.RuneError, 2
		}
		if utf16.IsSurrogate(r) && len(v) >= 12 && v[6] == '\\' && v[7] == 'u' {
			if pair := utf16.DecodeRune(r, hex4(v[8:])); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return r, 6
	}
	return rune(v[1]), 2
}

// hex4 reads four hexadecimal digits, -1 when v does not begin with four.
func hex4(v []byte) rune {
	if len(v) < 4 {
		return -1
	}
	var r rune
	for _, c := range v[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// keyIs says whether a raw key, quotes included, reads name.
func keyIs(key []byte, name string) bool {
	if len(key) == len(name)+2 && string(key[1:len(key)-1]) == name {
		return true
	}
	return len(key) > len(name)+2 && bytes.IndexByte(key, '\\') >= 0 && unescaped(key) == name
}

func unescaped(key []byte) string {
	s, _ := String(key)
	return s
}

// trim cuts whitespace off both ends.
func trim(v []byte) []byte {
	v = v[space(v, 0):]
	for n := len(v); n > 0; n-- {
		if c := v[n-1]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return v[:n]
		}
	}
	return v[:0]
}

// first returns the index of the lowest byte of m that has its high bit set.
func first(m uint64) int { return bits.TrailingZeros64(m) >> 3 }
