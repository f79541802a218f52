package rawjson

import "encoding/binary"

// Kind tells what v is by its first byte: '{' '[' '"' 't' 'f' 'n', or '0' for any number. It is 0
// for bytes that begin no value.
func Kind(v []byte) byte {
	i := space(v, 0)
	if i == len(v) {
		return 0
	}
	switch c := v[i]; c {
	case '{', '[', '"', 't', 'f', 'n':
		return c
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return 0
}

// Skip returns the index after the value that begins at i; whitespace before it is passed over.
func Skip(b []byte, i int) int {
	i = space(b, i)
	if i >= len(b) {
		return len(b)
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipContainer(b, i)
	}
	for i < len(b) && !ends[b[i]] {
		i++
	}
	return i
}

// Len returns how many elements an array or members an object has, 0 for anything else.
func Len(v []byte) int {
	n := 0
	switch Kind(v) {
	case '[':
		for range Elements(v) {
			n++
		}
	case '{':
		for range Members(v) {
			n++
		}
	}
	return n
}

// ends marks the bytes that can follow a number or a literal.
var ends = [256]bool{' ': true, '\t': true, '\n': true, '\r': true, ',': true, ':': true, ']': true, '}': true}

// space returns the index of the first byte at or after i that is not whitespace.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// skipString returns the index after the string that opens at i.
func skipString(b []byte, i int) int {
	for i++; ; i++ {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			q, s := x^('"'*low), x^('\\'*low)
			m := ((q - low) &^ q) | ((s - low) &^ s)
			if m &= high; m != 0 {
				i += first(m)
				break
			}
			i += 8
		}
		for i < len(b) && b[i] != '"' && b[i] != '\\' {
			i++
		}
		if i >= len(b) {
			return len(b)
		}
		if b[i] == '"' {
			return i + 1
		}
		i++ // the escaped byte is passed over by the loop
	}
}

// skipContainer returns the index after the array or object that opens at i.
func skipContainer(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(b)
}
