package runtime

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// watermarkKind compares, shifts and writes the watermarks of one stream.
type watermarkKind struct {
	typ     string // time number string
	format  string // as spec.Incremental.Format; "" as received
	overlap string
	windows string // format of the stream's windows, "" without
}

func newWatermarkKind(in *spec.Incremental) *watermarkKind {
	return &watermarkKind{typ: in.Type, format: in.Format, overlap: in.Overlap}
}

// compare orders two values as the declared type does: numbers and times as such, never as strings.
func (k *watermarkKind) compare(a, b []byte) int {
	switch k.typ {
	case "number":
		if c, ok := rawjson.CompareNumbers(digits(a), digits(b)); ok {
			return c
		}
	case "time":
		ta, okA := k.time(a)
		tb, okB := k.time(b)
		if okA && okB {
			return ta.Compare(tb)
		}
	}
	return strings.Compare(text(a), text(b))
}

// digits is a number's text, also of one that stands in a string.
func digits(v []byte) []byte {
	if len(v) > 1 && v[0] == '"' {
		return v[1 : len(v)-1]
	}
	return v
}

// valid reports whether v is a value of the declared type.
func (k *watermarkKind) valid(v []byte) bool {
	switch k.typ {
	case "number":
		_, ok := rawjson.CompareNumbers(digits(v), []byte("0"))
		return ok
	case "time":
		_, ok := k.time(v)
		return ok
	}
	return len(v) > 0
}

func (k *watermarkKind) time(v []byte) (time.Time, bool) { return parseStamp(text(v), k.format) }

// parseStamp reads a time as it stands in records and headers: in the declared format, else as
// RFC 3339, else as a whole or decimal number of seconds (of milliseconds from 10^11 on).
func parseStamp(s, format string) (time.Time, bool) {
	switch format {
	case "", "rfc3339":
	case "epoch", "epoch_ms":
		if t, ok := epoch(s, format == "epoch_ms"); ok {
			return t, true
		}
	default:
		if t, err := time.Parse(format, s); err == nil {
			return t, true
		}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999Z0700", time.DateOnly, time.RFC1123, time.RFC1123Z} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	if t, ok := epoch(s, false); ok {
		if t.Unix() >= 1e11 {
			return epoch(s, true)
		}
		return t, true
	}
	return time.Time{}, false
}

// epoch reads seconds or milliseconds since 1970, whole or decimal, exact to the nanosecond.
func epoch(s string, millis bool) (time.Time, bool) {
	digits, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	if exponent != "" {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.Abs(f) >= 1<<53 {
			return time.Time{}, false
		}
		digits = strconv.FormatFloat(f, 'f', -1, 64)
	}
	whole, frac, _ := strings.Cut(digits, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	frac = (frac + "000000000")[:9]
	f, err := strconv.ParseUint(frac, 10, 64)
	if err != nil {
		return time.Time{}, false
	}
	part := time.Duration(f)
	if millis {
		part /= 1000
	}
	if strings.HasPrefix(whole, "-") {
		part = -part
	}
	if millis {
		return time.UnixMilli(n).Add(part).UTC(), true
	}
	return time.Unix(n, 0).Add(part).UTC(), true
}

// formatStamp writes a time in a format of section 7 as JSON: epochs as numbers.
func formatStamp(t time.Time, format string) json.RawMessage {
	switch format {
	case "", "rfc3339":
		return quote(t.UTC().Format(time.RFC3339Nano))
	case "epoch":
		return number(t.Unix())
	case "epoch_ms":
		return number(t.UnixMilli())
	}
	return quote(t.UTC().Format(format))
}

// shift is v less the overlap, in the declared format; without an overlap and format it is v.
func (k *watermarkKind) shift(v json.RawMessage) json.RawMessage { return k.less(v, k.overlap) }

// begin is `start` as requests filter by it: the overlap is for what an earlier walk has read.
func (k *watermarkKind) begin(v json.RawMessage) json.RawMessage { return k.less(v, "") }

func (k *watermarkKind) less(v json.RawMessage, overlap string) json.RawMessage {
	if v == nil {
		return nil
	}
	switch k.typ {
	case "number":
		if overlap == "" {
			return v
		}
		return subtract(v, overlap)
	case "time":
		t, ok := k.time(v)
		if !ok || overlap == "" && (k.format == "" || k.format == "rfc3339" && rawjson.Kind(v) == '"') {
			return v // as the API wrote it
		}
		if overlap != "" {
			d, err := spec.ParseDuration(overlap)
			if err != nil {
				return v
			}
			t = t.Add(-d)
		}
		return formatStamp(t, k.format)
	}
	return v
}

// near reports whether a record with value at is next to the watermark: a walk that starts there
// (less the overlap, in the format that requests and windows are written in) sees it again.
func (k *watermarkKind) near(at, watermark json.RawMessage) bool {
	edge := k.shift(watermark)
	if k.typ == "time" {
		t, ok := k.time(edge)
		if ok && k.windows != "" {
			t = grainOf(k.windows).floor(t)
		}
		if a, okA := k.time(at); ok && okA {
			return !a.Before(t)
		}
	}
	return k.compare(at, watermark) >= 0 || k.compare(at, edge) >= 0
}

// maxScale bounds the digits behind the point, and the zeros before it, of a number that is reckoned with.
const maxScale = 400

// subtract is a number less another, digit for digit; it has no more digits behind the point than they.
func subtract(v json.RawMessage, less string) json.RawMessage {
	x, behindX, okX := decimal(string(digits(v)))
	y, behindY, okY := decimal(less)
	if !okX || !okY {
		return v
	}
	behind := max(behindX, behindY)
	s := x.Sub(x, y).FloatString(behind)
	if behind > 0 {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return json.RawMessage(s)
}

// decimal reads a number and how many digits it has behind the point.
func decimal(s string) (x *big.Rat, behind int, ok bool) {
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(s), "e")
	_, fraction, _ := strings.Cut(mantissa, ".")
	e := 0
	if scaled {
		var err error
		if e, err = strconv.Atoi(exponent); err != nil {
			return nil, 0, false
		}
	}
	if behind = max(0, len(fraction)-e); behind > maxScale || e > maxScale {
		return nil, 0, false
	}
	x, ok = new(big.Rat).SetString(s)
	return x, behind, ok
}
