package script

import (
	"bytes"
	"math"
	"math/big"
	"strconv"

	"github.com/dop251/goja"
)

// maxSafe is the greatest whole number up to which a double holds every whole number.
const maxSafe = 1<<53 - 1

// number makes the JavaScript value of a JSON number: a Number where that keeps it, a BigInt for a
// whole number beyond 2^53. The digits of a fraction or exponent that a Number would write otherwise
// are remembered, so that the number goes back to JSON as it came.
func (m *machine) number(text []byte) goja.Value {
	if len(text) <= 15 {
		if n, ok := small(text); ok {
			return m.vm.ToValue(n)
		}
	}
	if !bytes.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err == nil && n >= -maxSafe && n <= maxSafe && !bytes.Equal(text, []byte("-0")) {
			return m.vm.ToValue(n)
		}
		if err == nil && n == 0 {
			return m.vm.ToValue(math.Copysign(0, -1))
		}
		if whole, ok := new(big.Int).SetString(string(text), 10); ok {
			return m.vm.ToValue(whole)
		}
		return goja.Null() // bytes that are no number: the document is not valid
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !math.IsInf(f, 0) {
		return goja.Null()
	}
	m.remember(f, text)
	return m.vm.ToValue(f)
}

// small reads a whole number of few digits without an allocation.
func small(text []byte) (int64, bool) {
	neg := len(text) > 0 && text[0] == '-'
	digits := text
	if neg {
		digits = text[1:]
	}
	if len(digits) == 0 || neg && digits[0] == '0' {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, true
}

// remember keeps the text of f when appendFloat would write another. Two texts of one value cannot
// be told apart in a script: neither is kept then.
func (m *machine) remember(f float64, text []byte) {
	var buf [32]byte
	kept := ""
	if !bytes.Equal(appendFloat(buf[:0], f), text) {
		kept = string(text)
	}
	if m.digits == nil {
		m.digits = map[float64]string{}
	}
	if old, ok := m.digits[f]; ok && old != kept {
		kept = ""
	}
	m.digits[f] = kept
}

// appendFloat writes f as JavaScript does; Infinity and NaN, which JSON cannot write, as such.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case f == 0:
		return append(dst, '0')
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go writes e-09 where JavaScript writes e-9.
	if i := bytes.IndexByte(dst[n:], 'e') + n; i > n && i+3 < len(dst) && dst[i+2] == '0' {
		dst = append(dst[:i+2], dst[i+3:]...)
	}
	return dst
}
