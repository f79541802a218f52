package transport

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

func TestWaitValues(t *testing.T) {
	m := moment{now: epochOfTests, skew: 10 * time.Second} // the server's clock is ahead
	server := epochOfTests.Add(10 * time.Second)
	for _, tc := range []struct {
		value string
		want  time.Duration // -1: not readable
	}{
		{`5`, 5 * time.Second}, {`2.5`, 2500 * time.Millisecond}, {`"7"`, 7 * time.Second}, {`" 7 "`, 7 * time.Second}, {`0`, 0}, {`1e1`, 10 * time.Second},
		{`"30s"`, 30 * time.Second}, {`"5m"`, 5 * time.Minute}, {`"2h"`, 2 * time.Hour}, {`"30d"`, 30 * 24 * time.Hour}, {`"1.5d"`, 36 * time.Hour}, {`"250ms"`, 250 * time.Millisecond},
		{fmt.Sprint(server.Unix() + 8), 8 * time.Second}, {fmt.Sprintf(`"%d"`, server.UnixMilli()+8250), 8250 * time.Millisecond},
		{fmt.Sprint(server.Unix() - 8), 0}, {`"` + server.Add(9*time.Second).Format(http.TimeFormat) + `"`, 9 * time.Second}, {`"` + server.Add(9*time.Second).Format(time.RFC3339) + `"`, 9 * time.Second},
		{`1e300`, forever}, {`-5`, -1}, {`"-5s"`, -1}, {`"soon"`, -1}, {`""`, -1}, {`null`, -1}, {`true`, -1}, {`[1]`, -1}, {`{}`, -1}, {``, -1}, {`"NaN"`, -1},
	} {
		got, ok := waitValue(json.RawMessage(tc.value), m)
		if !ok {
			got = -1
		}
		if got != tc.want {
			t.Errorf("%s: %v, want %v", tc.value, got, tc.want)
		}
	}
}

func FuzzWaits(f *testing.F) {
	for _, s := range []string{"7", "2.5", "-1", "1e9", "9" + strings.Repeat("0", 400), "Fri, 31 Dec 9999 23:59:59 GMT", "Wed Mar  4 05:06:07 2026", "30d", "1700000000", "1700000000000", "NaN", "Inf", "0x10", "2026-01-02T03:04:05Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := moment{now: epochOfTests}
		if d, ok := retryAfter(http.Header{"Retry-After": {s}}, m); d < 0 || d > forever || !ok && d != 0 {
			t.Errorf("Retry-After %q: %v %v", s, d, ok)
		}
		quoted, err := json.Marshal(s)
		if err != nil {
			return
		}
		for _, v := range []json.RawMessage{quoted, json.RawMessage(s)} {
			if d, ok := waitValue(v, m); ok && (d < 0 || d > forever) {
				t.Errorf("wait %q: %v", v, d)
			}
			for _, unit := range []string{"epoch", "seconds", "milliseconds", "http_date", "rfc3339"} {
				if d, ok := resetValue(v, unit, m); ok && (d < 0 || d > forever) {
					t.Errorf("reset %q in %s: %v", v, unit, d)
				}
			}
			below(v, 1)
		}
	})
}

func FuzzAllowances(f *testing.F) {
	for _, s := range []string{"a.example", "*.a.example:8443", "https://a.example/", "[::1]:80", "[::1]", "a:b:c", "https://user@x", "*"} {
		f.Add(s)
	}
	base := Origin{"https", "api.example", "443"}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := spec.ParseAllowance(s)
		if err != nil {
			return
		}
		if a.Host == "" || allowed(a, Origin{"https", "unrelated.invalid", "443"}, base) && !strings.HasSuffix("unrelated.invalid", strings.ToLower(a.Host)) {
			t.Errorf("%q allows everything: %+v", s, a)
		}
	})
}
