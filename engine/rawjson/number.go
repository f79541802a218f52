package rawjson

import (
	"bytes"
	"math/big"
	"strconv"
)

// decimal is a number as 0.digits × 10^point: digits has no zero at either end, and zero is no
// digits at all.
type decimal struct {
	negative bool
	whole    []byte // significant digits, those before the point as written …
	fraction []byte // … and those after it
	point    int64
	far      *big.Int // the point, when it does not fit
}

// parse reads the text of a JSON number. It is false for other text.
func parse(text []byte) (d decimal, ok bool) {
	text = trim(text)
	if len(text) > 0 && text[0] == '-' {
		d.negative, text = true, text[1:]
	}
	i := digits(text, 0)
	if i == 0 {
		return d, false
	}
	d.whole, text = text[:i], text[i:]
	if len(text) > 0 && text[0] == '.' {
		if i = digits(text, 1); i == 1 {
			return d, false
		}
		d.fraction, text = text[1:i], text[i:]
	}
	var exp []byte
	if len(text) > 0 {
		if text[0]|0x20 != 'e' {
			return d, false
		}
		if exp = text[1:]; len(exp) > 0 && exp[0] == '+' {
			exp = exp[1:]
		}
		sign := 0
		if len(exp) > 0 && exp[0] == '-' {
			sign = 1
		}
		if n := digits(exp, sign); n == sign || n < len(exp) {
			return d, false
		}
	}
	d.normalise(exp)
	return d, true
}

// normalise drops the zeros at both ends and sets the point, which the exponent moves.
func (d *decimal) normalise(exp []byte) {
	d.whole = bytes.TrimLeft(d.whole, "0")
	d.fraction = bytes.TrimRight(d.fraction, "0")
	d.point = int64(len(d.whole))
	if len(d.whole) == 0 {
		n := len(d.fraction)
		d.fraction = bytes.TrimLeft(d.fraction, "0")
		d.point = int64(len(d.fraction) - n)
	}
	if len(d.fraction) == 0 {
		d.whole = bytes.TrimRight(d.whole, "0")
	}
	if len(d.whole)+len(d.fraction) == 0 {
		*d = decimal{}
		return
	}
	if len(exp) == 0 {
		return
	}
	if len(exp) <= 18 {
		if e, err := strconv.ParseInt(string(exp), 10, 64); err == nil {
			d.point += e
			return
		}
	}
	e, _ := new(big.Int).SetString(string(exp), 10)
	if e.Add(e, big.NewInt(d.point)); e.IsInt64() {
		d.point = e.Int64()
		return
	}
	d.far = e
}

func (d *decimal) len() int { return len(d.whole) + len(d.fraction) }

func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.fraction[i-len(d.whole)]
}

// sign is -1, 0 or 1.
func (d *decimal) sign() int {
	switch {
	case d.len() == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// CompareNumbers compares the texts of two JSON numbers as the decimals they write, of any size and
// exponent. It is false when one of them is no number.
func CompareNumbers(a, b []byte) (int, bool) {
	x, ok := parse(a)
	if !ok {
		return 0, false
	}
	y, ok := parse(b)
	if !ok {
		return 0, false
	}
	s := x.sign()
	if t := y.sign(); s != t {
		if s < t {
			return -1, true
		}
		return 1, true
	}
	if s == 0 {
		return 0, true
	}
	return s * x.compareSize(&y), true
}

// compareSize compares without the signs; neither is zero.
func (d *decimal) compareSize(o *decimal) int {
	switch {
	case d.far != nil || o.far != nil:
		if c := d.bigPoint().Cmp(o.bigPoint()); c != 0 {
			return c
		}
	case d.point < o.point:
		return -1
	case d.point > o.point:
		return 1
	}
	for i := 0; i < d.len() && i < o.len(); i++ {
		if x, y := d.digit(i), o.digit(i); x != y {
			if x < y {
				return -1
			}
			return 1
		}
	}
	switch {
	case d.len() < o.len():
		return -1
	case d.len() > o.len():
		return 1
	}
	return 0
}

func (d *decimal) bigPoint() *big.Int {
	if d.far != nil {
		return d.far
	}
	return big.NewInt(d.point)
}

// plainZeros bounds how many zeros a canonical number writes out; beyond it takes an exponent.
const plainZeros = 21

// appendNumber appends the canonical text of a number: the same for all texts of the same decimal.
// Integers of everyday size stay as they are.
func appendNumber(dst, text []byte) []byte {
	d, ok := parse(text)
	if !ok {
		return append(dst, text...)
	}
	n := int64(d.len())
	if n == 0 {
		return append(dst, '0')
	}
	if d.negative {
		dst = append(dst, '-')
	}
	switch {
	case d.far == nil && d.point >= n && d.point-n <= plainZeros:
		dst = d.append(dst, 0, d.len())
		return append(dst, bytes.Repeat([]byte{'0'}, int(d.point-n))...)
	case d.far == nil && d.point > 0 && d.point < n:
		dst = append(d.append(dst, 0, int(d.point)), '.')
		return d.append(dst, int(d.point), d.len())
	case d.far == nil && d.point <= 0 && d.point > -6:
		dst = append(dst, "0.00000"[:2-d.point]...)
		return d.append(dst, 0, d.len())
	}
	dst = append(dst, d.digit(0))
	if n > 1 {
		dst = d.append(append(dst, '.'), 1, d.len())
	}
	e := d.bigPoint()
	return new(big.Int).Sub(e, big.NewInt(1)).Append(append(dst, 'e'), 10)
}

func (d *decimal) append(dst []byte, from, to int) []byte {
	for i := from; i < to; i++ {
		dst = append(dst, d.digit(i))
	}
	return dst
}

// digits returns the index after the decimal digits that begin at i.
func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
