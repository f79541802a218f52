package script

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dop251/goja"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// text makes the JavaScript string of a JSON string, quotes included. Escaped lone surrogates,
// which vendors produce by cutting texts, stay what they are.
func (m *machine) text(raw []byte) goja.Value {
	if bytes.Contains(raw, []byte(`\u`)) && surrogate(raw) {
		return goja.StringFromUTF16(decodeUTF16(raw))
	}
	s, _ := rawjson.String(raw)
	return m.vm.ToValue(s)
}

// surrogate says whether an escape of a surrogate, paired or not, stands in raw.
func surrogate(raw []byte) bool {
	for i := 0; i+4 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if raw[i+1] == 'u' && (raw[i+2]|0x20) == 'd' && raw[i+3] >= '8' {
			return true
		}
		i++
	}
	return false
}

// decodeUTF16 decodes a JSON string, quotes included.
func decodeUTF16(raw []byte) []uint16 {
	if len(raw) >= 2 {
		raw = raw[1 : len(raw)-1]
	}
	out := make([]uint16, 0, len(raw))
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' || i+1 == len(raw) {
			r, n := utf8.DecodeRune(raw[i:])
			out = utf16.AppendRune(out, r)
			i += n
			continue
		}
		if raw[i+1] == 'u' && i+6 <= len(raw) {
			if n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16); err == nil {
				out = append(out, uint16(n))
				i += 6
				continue
			}
		}
		s, _ := rawjson.String([]byte{'"', '\\', raw[i+1], '"'})
		out = append(out, utf16.Encode([]rune(s))...)
		i += 2
	}
	return out
}

// appendString writes a JavaScript string as JSON; lone surrogates as escapes.
func appendString(dst []byte, v goja.String) []byte {
	s := v.String()
	if !strings.ContainsRune(s, utf8.RuneError) {
		return rawjson.AppendString(dst, s)
	}
	dst = append(dst, '"')
	n := v.Length()
	var run []uint16
	flush := func() {
		if len(run) > 0 {
			quoted := rawjson.AppendString(nil, string(utf16.Decode(run)))
			dst = append(dst, quoted[1:len(quoted)-1]...)
			run = run[:0]
		}
	}
	for i := 0; i < n; i++ {
		c := v.CharAt(i)
		switch {
		case c >= 0xD800 && c < 0xDC00 && i+1 < n && v.CharAt(i+1)&0xFC00 == 0xDC00:
			run = append(run, c, v.CharAt(i+1))
			i++
		case c >= 0xD800 && c < 0xE000:
			flush()
			dst = append(dst, `\u`...)
			dst = strconv.AppendUint(dst, uint64(c), 16)
		default:
			run = append(run, c)
		}
	}
	flush()
	return append(dst, '"')
}
