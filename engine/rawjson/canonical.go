package rawjson

import (
	"bytes"
	"slices"
)

// Compact appends src without the whitespace outside its strings; nothing else changes.
func Compact(dst, src []byte) []byte {
	from := 0
	for i := 0; i < len(src); {
		switch src[i] {
		case '"':
			i = skipString(src, i)
		case ' ', '\n', '\r', '\t':
			dst = append(dst, src[from:i]...)
			i = space(src, i)
			from = i
		default:
			i++
		}
	}
	return append(dst, src[from:]...)
}

// Equal says whether a and b are the same JSON value: strings by their characters, numbers as exact
// decimals (1.0 equals 1), objects by their members in any order.
func Equal(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	if Kind(a) != Kind(b) {
		return false
	}
	return bytes.Equal(Canonical(nil, a), Canonical(nil, b))
}

// Canonical appends src in the one form that all texts of an equal value share: no whitespace, keys
// sorted and once, strings with the fewest escapes, numbers without superfluous zeros.
func Canonical(dst, src []byte) []byte { return canonical(dst, src, appendNumber) }

// Sorted is Canonical with numbers as they stand, digit for digit.
func Sorted(dst, src []byte) []byte {
	return canonical(dst, src, func(dst, number []byte) []byte { return append(dst, number...) })
}

func canonical(dst, src []byte, number func(dst, src []byte) []byte) []byte {
	src = trim(src)
	switch Kind(src) {
	case '"':
		return appendCanonicalString(dst, src)
	case '0':
		return number(dst, src)
	case '[':
		dst = append(dst, '[')
		n := len(dst)
		for e := range Elements(src) {
			if len(dst) > n {
				dst = append(dst, ',')
			}
			dst = canonical(dst, e, number)
		}
		return append(dst, ']')
	case '{':
		return appendCanonicalObject(dst, src, number)
	}
	return append(dst, src...)
}

type member struct {
	key   []byte // canonical
	value []byte // as it stands
}

func appendCanonicalObject(dst, src []byte, number func(dst, src []byte) []byte) []byte {
	var all []member
	for k, v := range Members(src) {
		all = append(all, member{appendCanonicalString(nil, k), v})
	}
	slices.SortStableFunc(all, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	dst = append(dst, '{')
	n := len(dst)
	for i, m := range all {
		if i+1 < len(all) && bytes.Equal(m.key, all[i+1].key) {
			continue // the last of the same name counts
		}
		if len(dst) > n {
			dst = append(dst, ',')
		}
		dst = append(append(dst, m.key...), ':')
		dst = canonical(dst, m.value, number)
	}
	return append(dst, '}')
}

// appendCanonicalString appends the string v, quotes included. Lone surrogates, which no UTF-8 can
// write, stay escapes.
func appendCanonicalString(dst, v []byte) []byte {
	if bytes.IndexByte(v, '\\') < 0 {
		return append(dst, v...)
	}
	for i := 0; i < len(v); {
		if v[i] != '\\' {
			dst = append(dst, v[i])
			i++
			continue
		}
		r, n := escape(v[i:])
		i += n
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' || r >= 0xD800 && r <= 0xDFFF:
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return dst
}
