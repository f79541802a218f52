package transport

import "strings"

// SafeQuery percent-encodes the bytes that no URL's query may hold: control characters, space, ", #, <, >
// and all beyond ASCII (the query percent-encode set of the URL Standard). Everything else stays as it
// is, also a % that begins no escape.
func SafeQuery(query string) string {
	safe := true
	for i := range len(query) {
		safe = safe && !unsafe(query[i])
	}
	if safe {
		return query
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; unsafe(c) {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func unsafe(c byte) bool {
	return c <= ' ' || c >= 0x7f || c == '"' || c == '#' || c == '<' || c == '>'
}
