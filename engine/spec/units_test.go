package spec

import (
	"encoding/json"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "30s": 30 * time.Second, "5m": 5 * time.Minute, "2h": 2 * time.Hour, "30d": 720 * time.Hour,
		"1w": 168 * time.Hour, "1h30m": 90 * time.Minute, "1.5h": 90 * time.Minute, "0": 0, "0s": 0,
	} {
		if got, err := ParseDuration(in); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"":         "`` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`",
		"30":       "`30` has no unit: write `30s`, or ms, m, h, d",
		"-30s":     "`-30s` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`",
		"s":        "`s` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`",
		"5 m":      "`5 m` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`",
		"5y":       "`5y` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`",
		"1..5s":    "`1..5s` is not a duration such as `250ms`, `30s`, `5m`, `2h` or `30d`",
		"9999999d": "`9999999d` is longer than 292 years",
	} {
		if got, err := ParseDuration(in); err == nil || err.Error() != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
	for _, text := range []string{"0", "250ms", "90s", "5m", "36h", "30d"} {
		d, err := ParseDuration(text)
		if err != nil || Duration(d) != text {
			t.Errorf("Duration(%v) = %s, %v", d, Duration(d), err)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{"64KB": 64 << 10, "64MB": 64 << 20, "1GiB": 1 << 30, "1.5mb": 3 << 19, "64 MB": 64 << 20, "100": 100, "5B": 5} {
		if got, err := ParseSize(in); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "MB", "-5MB", "5TB", "NaNMB", "99999999999GB", "1.2.3MB", "-1"} {
		if got, err := ParseSize(in); err == nil {
			t.Errorf("ParseSize(%q) = %v", in, got)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"now": now, "-30d": now.AddDate(0, 0, -30), "+1h": now.Add(time.Hour), "2026-01-31": time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31T01:02:03.5+01:00": time.Date(2026, 1, 31, 0, 2, 3, 5e8, time.UTC),
	} {
		if got, err := ParseTime(in, now); err != nil || !got.Equal(want) {
			t.Errorf("ParseTime(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-", "30d", "yesterday", "2026-13-01", "1700000000"} {
		if got, err := ParseTime(in, now); err == nil {
			t.Errorf("ParseTime(%q) = %v", in, got)
		}
	}
}

func TestVariableFromText(t *testing.T) {
	for _, c := range []struct {
		typ, in, want, err string
	}{
		{"string", "abc", `"abc"`, ""},
		{"string", `a"<b`, `"a\"<b"`, ""},
		{"integer", " 42 ", "42", ""},
		{"integer", "9007199254740993", "9007199254740993", ""},
		{"integer", "4.5", "", "`4.5` is not a whole number"},
		{"number", "1.10", "1.10", ""},
		{"number", "x", "", "`x` is not a number"},
		{"boolean", "TRUE", "true", ""},
		{"boolean", "yes", "", "`yes` is not true or false"},
		{"time", "-30d", `"-30d"`, ""},
		{"duration", "5m", `"5m"`, ""},
		{"duration", "5", "", "`5` has no unit: write `5s`, or ms, m, h, d"},
		{"url", "https://a.example/x", `"https://a.example/x"`, ""},
		{"url", "https:///x", "", "`https:///x` names no host"},
		{"list", "a, b,", `["a","b"]`, ""},
		{"list", `["a", 1]`, `["a", 1]`, ""},
		{"list", "", `[]`, ""},
	} {
		v := Variable{Type: c.typ}
		got, err := v.FromText(c.in)
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s %q: %s, %v; want %s", c.typ, c.in, got, err, c.err)
			}
			continue
		}
		if err != nil || string(got) != c.want {
			t.Errorf("%s %q: %s, %v; want %s", c.typ, c.in, got, err, c.want)
		}
	}
	few := Variable{Type: "list", Enum: []json.RawMessage{json.RawMessage(`"a"`), json.RawMessage(`2`)}}
	if got, err := few.FromText(`["a", 2, "a"]`); err != nil || string(got) != `["a", 2, "a"]` {
		t.Errorf("list with enum: %s, %v", got, err)
	}
	if _, err := few.FromText("a,c"); err == nil || err.Error() != "`c` is not one of `a` or `2`" {
		t.Errorf("list with enum: %v", err)
	}
	secret := Variable{Type: "url", Secret: true}
	if _, err := secret.FromText("hunter2"); err == nil || err.Error() != "the value is not an absolute URL" {
		t.Errorf("secret: %v", err)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"pagination", "records", "request", "retry", "path", "url", "limits"}
	for word, want := range map[string]string{
		"pagintion": "pagination", "pagniation": "pagination", "record": "records", "Path": "path", "rquest": "request", "retries": "retry", "limit": "limits",
		"zebra": "", "x": "", "frobnicate": "", "pages": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q; want %q", word, got, want)
		}
	}
}
