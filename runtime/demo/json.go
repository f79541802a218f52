package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// object is a JSON object whose fields keep their order.
type object []field

type field struct {
	name  string
	value any
}

// absent is a value that is left out of its object.
type absent struct{}

// appendJSON appends v, which is one of the kinds that answers are made of.
func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case string:
		return appendString(b, v)
	case bool:
		return strconv.AppendBool(b, v)
	case int:
		return strconv.AppendInt(b, int64(v), 10)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case json.RawMessage:
		return append(b, v...)
	case object:
		b = append(b, '{')
		n := 0
		for _, f := range v {
			if _, out := f.value.(absent); out {
				continue
			}
			if n > 0 {
				b = append(b, ',')
			}
			n++
			b = append(appendString(b, f.name), ':')
			b = appendJSON(b, f.value)
		}
		return append(b, '}')
	case []*record:
		return appendList(b, v, func(b []byte, r *record) []byte { return append(b, r.raw...) })
	case []string:
		return appendList(b, v, appendString)
	case []int:
		return appendList(b, v, func(b []byte, n int) []byte { return strconv.AppendInt(b, int64(n), 10) })
	case []object:
		return appendList(b, v, func(b []byte, o object) []byte { return appendJSON(b, o) })
	case []any:
		return appendList(b, v, appendJSON)
	}
	panic(fmt.Sprintf("demo: no JSON for %T", v))
}

func appendList[T any](b []byte, list []T, item func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = item(b, v)
	}
	return append(b, ']')
}

// appendString appends s as a JSON string; <, > and & stay as they are.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\t':
			b = append(b, '\\', 't')
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// pretty lays JSON out over lines; digits and escapes stay.
func pretty(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, b, "", "  ") != nil {
		return b
	}
	return append(out.Bytes(), '\n')
}

// text gives the text of a JSON string, or the JSON of anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil && len(raw) > 0 && raw[0] == '"' {
		return s
	}
	return string(raw)
}
