package spec

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

var durationUnits = []struct {
	name string
	unit time.Duration
}{
	{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour},
	{"d", 24 * time.Hour}, {"w", 7 * 24 * time.Hour},
}

// ParseDuration reads a duration such as `250ms`, `30s`, `1h30m`, `1.5h`, `30d` or `0`. It is never
// negative.
func ParseDuration(s string) (time.Duration, error) {
	if s == "0" {
		return 0, nil
	}
	var total float64
	rest := s
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		number, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, durationError(s)
		}
		rest = rest[digits:]
		letters := len(rest) - len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))
		unit := time.Duration(0)
		for _, u := range durationUnits {
			if u.name == rest[:letters] {
				unit = u.unit
			}
		}
		if unit == 0 {
			return 0, durationError(s)
		}
		rest = rest[letters:]
		total += number * float64(unit)
	}
	if s == "" {
		return 0, durationError(s)
	}
	if total >= math.MaxInt64 {
		return 0, fmt.Errorf("`%s` is longer than 292 years", s)
	}
	return time.Duration(total), nil
}

func durationError(s string) error {
	if _, err := strconv.ParseFloat(s, 64); err == nil && !strings.HasPrefix(s, "-") {
		return fmt.Errorf("`%s` has no unit: write `%ss`, or ms, m, h, d", s, s)
	}
	return fmt.Errorf("`%s` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`", s)
}

var sizeUnits = []struct {
	name string
	unit float64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30},
	{"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"B", 1},
}

// ParseSize reads a size such as `64KB` or `64MB` and returns bytes; 1KB is 1,024 bytes.
func ParseSize(s string) (int64, error) {
	upper := strings.ToUpper(s)
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(upper, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n < 0 || n*u.unit >= math.MaxInt64 || math.IsNaN(n) {
			break
		}
		return int64(n * u.unit), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return n, nil
	}
	return 0, fmt.Errorf("`%s` is not a size such as `64KB` or `64MB`", s)
}

// ParseTime reads an RFC 3339 time, a date (midnight UTC), `now`, or a time relative to now such
// as `-30d`.
func ParseTime(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	if len(s) > 1 && (s[0] == '-' || s[0] == '+') {
		if d, err := ParseDuration(s[1:]); err == nil {
			if s[0] == '-' {
				d = -d
			}
			return now.Add(d), nil
		}
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("`%s` is not a time: write RFC 3339 (`2026-01-31T00:00:00Z`), `-30d` or `now`", s)
}
