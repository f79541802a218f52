package page

import (
	"bytes"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// Comparer returns how values of a kind compare: "number" by Numbers, "string" by Strings, "time" by
// Times of the format; any other kind by Order.
func Comparer(kind, format string) func(a, b []byte) int {
	switch kind {
	case "number":
		return Numbers
	case "string":
		return Strings
	case "time":
		return Times(format)
	}
	return Order
}

// Numbers compares numbers, or digits in strings, as exact decimals. What is no number is less than
// any number.
func Numbers(a, b []byte) int {
	x, y := bare(a), bare(b)
	if c, ok := rawjson.CompareNumbers(x, y); ok {
		return c
	}
	_, isX := rawjson.CompareNumbers(x, x)
	_, isY := rawjson.CompareNumbers(y, y)
	switch {
	case isX:
		return 1
	case isY:
		return -1
	}
	return Strings(a, b)
}

// Strings compares the texts of strings by their UTF-8 bytes, and other values by their JSON.
func Strings(a, b []byte) int {
	if bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0 {
		return bytes.Compare(bare(a), bare(b))
	}
	return bytes.Compare(text(a), text(b))
}

// Times returns how times of a format compare: rfc3339 (also ""), epoch and epoch_ms (as Numbers),
// or a Go layout. What is no time of the format is less than any time.
func Times(format string) func(a, b []byte) int {
	switch format {
	case "epoch", "epoch_ms":
		return Numbers
	case "", "rfc3339":
		return compareRFC3339
	}
	return func(a, b []byte) int {
		x, errX := time.Parse(format, string(text(a)))
		y, errY := time.Parse(format, string(text(b)))
		return instants(a, b, x, y, errX == nil, errY == nil)
	}
}

// Order compares values of which nothing is known: two numbers as numbers, two strings that are
// RFC 3339 times as times, two other strings as strings. A number is less than a string, and both
// are greater than anything else.
func Order(a, b []byte) int {
	x, y := rank(a), rank(b)
	switch {
	case x != y:
		return x - y
	case x == 1:
		return Numbers(a, b)
	case x == 2 && timelike(a) && timelike(b):
		return compareRFC3339(a, b)
	}
	return Strings(a, b)
}

func rank(v []byte) int {
	switch rawjson.Kind(v) {
	case '0':
		return 1
	case '"':
		return 2
	}
	return 0
}

func compareRFC3339(a, b []byte) int {
	if alike(a, b) {
		return bytes.Compare(a, b)
	}
	x, okX := parseTime(string(text(a)))
	y, okY := parseTime(string(text(b)))
	return instants(a, b, x, y, okX, okY)
}

func instants(a, b []byte, x, y time.Time, okX, okY bool) int {
	switch {
	case okX && okY:
		return x.Compare(y)
	case okX:
		return 1
	case okY:
		return -1
	}
	return Strings(a, b)
}

// timelike says whether a JSON string begins as an RFC 3339 time does.
func timelike(v []byte) bool {
	return len(v) > 12 && v[5] == '-' && v[8] == '-' && (v[11] == 'T' || v[11] == 't' || v[11] == ' ')
}

// alike says whether two JSON strings are UTC times of one and the same shape
// (`"2026-01-02T03:04:05.678Z"`), so that their bytes compare as they do.
func alike(a, b []byte) bool {
	n := len(a)
	if n != len(b) || n < 22 || !timelike(a) || a[n-2] != 'Z' {
		return false
	}
	for i, c := range a {
		if d := b[i]; c != d && (c-'0' > 9 || d-'0' > 9) {
			return false
		}
	}
	for _, i := range [...]int{1, 2, 3, 4, 6, 7, 9, 10, 12, 13, 15, 16, 18, 19} {
		if a[i]-'0' > 9 {
			return false
		}
	}
	return a[14] == ':' && a[17] == ':' && (a[20] == 'Z' || a[20] == '.')
}

// layouts are the ways in which APIs write what they call RFC 3339. Times without a zone are UTC.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02",
}

func parseTime(s string) (time.Time, bool) {
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// bare returns what stands between the quotes of a string, any other value as it is.
func bare(v []byte) []byte {
	if len(v) > 1 && v[0] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// text is bare with escapes decoded.
func text(v []byte) []byte {
	if s, ok := rawjson.String(v); ok {
		return []byte(s)
	}
	return v
}
