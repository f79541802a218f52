package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// ValueError says that a witness holds something that is neither what the format allows nor absent.
type ValueError struct {
	Witness string
	Value   string // its JSON, shortened
	Want    string
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("%s is %s; want %s", e.Witness, e.Value, e.Want)
}

// shorten cuts b after at most 60 bytes, between characters.
func shorten(b []byte) string {
	if len(b) <= 60 {
		return string(b)
	}
	n := 60
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return string(b[:n]) + "…"
}

// flag reads true/false, "true"/"false", 1/0; absent and null say nothing (format, section 6).
func flag(name string, v json.RawMessage) (value, known bool, err error) {
	switch string(bytes.TrimSpace(v)) {
	case "", "null":
		return false, false, nil
	case "true", `"true"`, "1":
		return true, true, nil
	case "false", `"false"`, "0":
		return false, true, nil
	}
	return false, false, &ValueError{name, shorten(v), `true, false, "true", "false", 1 or 0`}
}

// count reads a number or digits in a string; absent, null, "" and negative numbers (a common way to
// say "unknown") say nothing.
func count(name string, v json.RawMessage) (n int64, known bool, err error) {
	t := string(bytes.TrimSpace(v))
	if t == "" || t == "null" || t == `""` {
		return 0, false, nil
	}
	digits := t
	if strings.HasPrefix(t, `"`) && strings.HasSuffix(t, `"`) && len(t) > 2 {
		digits = t[1 : len(t)-1]
	}
	n, err = strconv.ParseInt(digits, 10, 64)
	if err != nil && digits == t {
		if f, ferr := strconv.ParseFloat(t, 64); ferr == nil && f == float64(int64(f)) && f < 1<<53 {
			n, err = int64(f), nil // 1e3, 12.0
		}
	}
	if err != nil {
		return 0, false, &ValueError{name, shorten(v), "a count: a whole number, or its digits in a string"}
	}
	return n, n >= 0, nil
}

// integer reads a position of a pattern that counts; nil gives def.
func integer(v json.RawMessage, def int64) (int64, error) {
	if len(v) == 0 {
		return def, nil
	}
	n, known, err := count("position", v)
	if err != nil {
		return 0, err
	}
	if !known && n == 0 {
		return def, nil
	}
	return n, nil
}

// Whole reads the position of a pattern that counts, offset or page: a whole number from 0 on, or its
// digits in a text. It returns the number, and false for everything else.
func Whole(v json.RawMessage) (json.RawMessage, bool) {
	n, known, err := count("position", v)
	return number(n), known && err == nil
}

// Counts reports whether positions of the type are counted by the client: whole numbers (see Whole).
func (t Type) Counts() bool { return t == Offset || t == PageNumber }

func number(n int64) json.RawMessage { return strconv.AppendInt(nil, n, 10) }

// sameJSON reports whether a and b are the same JSON value, however it is written.
func sameJSON(a, b []byte) bool {
	a, b = bytes.TrimSpace(a), bytes.TrimSpace(b)
	switch {
	case len(a) == 0 || len(b) == 0:
		return false
	case a[0] == '"' && b[0] == '"' && bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0:
		return bytes.Equal(a, b)
	}
	return rawjson.Equal(a, b)
}

// Present reports whether v is a token: it exists, is not null, and is none of the end values.
func (r *Rules) Present(v json.RawMessage) bool {
	t := bytes.TrimSpace(v)
	if len(t) == 0 || string(t) == "null" {
		return false
	}
	if r.EndValues == nil {
		return string(t) != `""`
	}
	for _, end := range r.EndValues {
		if sameJSON(t, end) {
			return false
		}
	}
	return true
}
