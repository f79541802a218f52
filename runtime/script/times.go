package script

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads the durations of the format: `250ms 30s 5m 2h 30d`, also several in a row
// (`1h30m`), decimals (`1.5h`) and a sign.
func parseDuration(s string) (time.Duration, error) {
	rest, sign := s, 1.0
	if len(rest) > 0 && (rest[0] == '-' || rest[0] == '+') {
		if rest[0] == '-' {
			sign = -1
		}
		rest = rest[1:]
	}
	if rest == "" {
		return 0, badDuration(s)
	}
	var total float64
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		if n < 1 {
			return 0, badDuration(s)
		}
		f, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, badDuration(s)
		}
		rest = rest[n:]
		unit := time.Duration(0)
		for _, u := range units {
			if strings.HasPrefix(rest, u.name) {
				unit, rest = u.length, rest[len(u.name):]
				break
			}
		}
		if unit == 0 {
			return 0, badDuration(s)
		}
		total += f * float64(unit)
	}
	if total > math.MaxInt64 {
		return 0, badDuration(s)
	}
	return time.Duration(sign * total), nil
}

var units = []struct {
	name   string
	length time.Duration
}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour}}

func badDuration(s string) error {
	return fmt.Errorf("%q is no duration; write 250ms, 30s, 5m, 2h or 30d", s)
}

// moment is a time as a script wrote it, so that arithmetic gives the same form back.
type moment struct {
	at   time.Time
	unit time.Duration // of a number: time.Second or time.Millisecond; 0 for text
}

// layouts are the forms of text that time() reads. Those without a zone are UTC.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999", "2006-01-02 15:04", "2006-01-02", "2006-01-02T15:04:05.999999999Z0700",
	time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC,
}

// parseMoment reads a time: RFC 3339 and its relatives, an HTTP date, seconds or milliseconds since
// 1970 as digits, `now`, or `-30d` from now.
func parseMoment(s string, now time.Time) (moment, error) {
	s = strings.TrimSpace(s)
	if s == "now" {
		return moment{at: now}, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return epoch(s, f)
	}
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		d, err := parseDuration(s)
		if err != nil {
			return moment{}, err
		}
		return moment{at: now.Add(d)}, nil
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return moment{at: t.UTC()}, nil
		}
	}
	return moment{}, fmt.Errorf("%q is no time; write RFC 3339, seconds since 1970, -30d or now", s)
}

// milliseconds is the least number that is read as milliseconds since 1970: as seconds it would be
// the year 5138.
const milliseconds = 1e11

func epoch(text string, f float64) (moment, error) {
	unit := time.Second
	if math.Abs(f) >= milliseconds {
		unit = time.Millisecond
	}
	if math.Abs(f) >= 1e16 {
		return moment{}, fmt.Errorf("%s is no time: as milliseconds since 1970 it is beyond every calendar", text)
	}
	whole, frac := math.Modf(f)
	if unit == time.Second {
		return moment{at: time.Unix(int64(whole), int64(math.Round(frac*1e9))).UTC(), unit: unit}, nil
	}
	return moment{at: time.UnixMilli(int64(whole)).Add(time.Duration(math.Round(frac * 1e6))).UTC(), unit: unit}, nil
}
