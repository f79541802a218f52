package transport

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// forever is the longest wait that is told apart: what asks for more waits as long.
const forever = 100 * 365 * 24 * time.Hour

// maxTrustedSkew is how far a server's clock may be from ours and still be believed without doubt.
const maxTrustedSkew = 24 * time.Hour

// moment is "now" on both sides of an exchange.
type moment struct {
	now  time.Time     // ours, when the answer was received
	skew time.Duration // server's clock minus ours
}

// until returns how long after m.now the server's clock shows t; not less than 0. A clock that is
// off by more than a day is followed only when that gives a wait within a day.
func (m moment) until(t time.Time) time.Duration {
	wait := clip(t.Sub(m.now.Add(m.skew)))
	if m.skew > maxTrustedSkew || m.skew < -maxTrustedSkew {
		if wait <= 0 || wait > maxTrustedSkew {
			wait = clip(t.Sub(m.now))
		}
	}
	return wait
}

func clip(d time.Duration) time.Duration { return min(max(d, 0), forever) }

// secondsOf turns seconds into a duration; ok is false for what is no finite number of at least 0.
func secondsOf(f float64) (time.Duration, bool) {
	if math.IsNaN(f) || f < 0 {
		return 0, false
	}
	if f > forever.Seconds() {
		return forever, true
	}
	return time.Duration(f * float64(time.Second)), true
}

// decimal reads digits with an optional fraction, nothing else (no sign, exponent, hex, Inf).
func decimal(s string) (float64, bool) {
	dots := 0
	for i := range len(s) {
		if s[i] == '.' {
			dots++
		} else if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	if s == "" || dots > 1 || s == "." {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 1)
}

// httpDate reads the three forms of RFC 9110, section 5.6.7.
func httpDate(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(strings.TrimSpace(s))
	return t, err == nil
}

// epoch reads seconds since 1970, or milliseconds when the number is too great for seconds
// (from 1e11, the year 5138).
func epoch(f float64) time.Time {
	if f >= 1e11 {
		f /= 1000
	}
	if f > 1e11 {
		f = 1e11
	}
	whole, frac := math.Modf(f)
	return time.Unix(int64(whole), int64(frac*1e9))
}

// retryAfter reads the Retry-After lines of an answer: seconds, decimals or a date; the longest
// counts. ok is false when none is readable.
func retryAfter(h http.Header, m moment) (wait time.Duration, ok bool) {
	for _, s := range h["Retry-After"] {
		s = strings.TrimSpace(s)
		if f, good := decimal(s); good {
			if d, good := secondsOf(f); good {
				wait, ok = max(wait, d), true
			}
		} else if t, good := httpDate(s); good {
			wait, ok = max(wait, m.until(t)), true
		}
	}
	return wait, ok
}

// scalar returns a JSON value as the text of a number or string; ok is false for others.
func scalar(v json.RawMessage) (string, bool) {
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return "", false
	}
	switch {
	case v[0] == '"':
		var s string
		if json.Unmarshal(v, &s) != nil {
			return "", false
		}
		return strings.TrimSpace(s), true
	case v[0] == '-' || v[0] >= '0' && v[0] <= '9':
		return string(v), true
	}
	return "", false
}

func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(s, 64)
	if math.IsNaN(f) || (err != nil && !math.IsInf(f, 0)) {
		return 0, false
	}
	return f, true
}

// waitValue reads the value of a rule's `wait`: a number or digits are seconds below 1e9, seconds
// since 1970 from there and milliseconds since 1970 from 1e11; a text may be a duration (30s, 5m,
// 2h, 30d), an HTTP date or an RFC 3339 time. ok is false for anything else.
func waitValue(v json.RawMessage, m moment) (time.Duration, bool) {
	s, ok := scalar(v)
	if !ok || s == "" {
		return 0, false
	}
	if f, ok := number(s); ok {
		if f >= 1e9 {
			return m.until(epoch(f)), true
		}
		return secondsOf(f)
	}
	if d, ok := duration(s); ok {
		return d, true
	}
	if t, ok := httpDate(s); ok {
		return m.until(t), true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return m.until(t), true
	}
	return 0, false
}

// duration reads what Go reads, and days.
func duration(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if f, ok := decimal(days); ok {
			return secondsOf(f * 86400)
		}
	}
	d, err := time.ParseDuration(s)
	return clip(d), err == nil && d >= 0
}

// resetValue reads `throttle.reset` in the declared unit. ok is false when it is not one.
func resetValue(v json.RawMessage, unit string, m moment) (time.Duration, bool) {
	s, ok := scalar(v)
	if !ok || s == "" {
		return 0, false
	}
	switch unit {
	case "http_date":
		t, ok := httpDate(s)
		return m.until(t), ok
	case "rfc3339":
		t, err := time.Parse(time.RFC3339, s)
		return m.until(t), err == nil
	}
	f, ok := number(s)
	if !ok || f < 0 {
		return 0, false
	}
	switch unit {
	case "seconds":
		return secondsOf(f)
	case "milliseconds":
		return secondsOf(f / 1000)
	}
	return m.until(epoch(f)), true
}
