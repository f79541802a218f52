package runtime

import (
	"encoding/json"
	"testing"
)

// TestNumbersLessTheOverlap subtracts as one does on paper.
func TestNumbersLessTheOverlap(t *testing.T) {
	k := watermarkKind{typ: "number"}
	for _, c := range []struct{ v, overlap, want string }{
		{"1.10", "0.5", "0.6"},
		{"0.3", "0.1", "0.2"},
		{"1.1", "1.1", "0"},
		{"1", "0.25", "0.75"},
		{"0.1", "5", "-4.9"},
		{"-3", "2", "-5"},
		{"9007199254740993", "1", "9007199254740992"},
		{"9007199254740993.5", "0.1", "9007199254740993.4"},
		{"123456789012345678901234567890", "1", "123456789012345678901234567889"},
		{"-9223372036854775808", "1", "-9223372036854775809"},
		{`"1.10"`, "0.05", "1.05"},
		{"1.5e3", "0.5", "1499.5"},
		{"15E-1", "1", "0.5"},
		{"1e999999999", "1", "1e999999999"},   // too large to be reckoned with
		{"1e-999999999", "1", "1e-999999999"}, // and too small
		{"5", "", "5"},
	} {
		k.overlap = c.overlap
		if got := string(k.shift(json.RawMessage(c.v))); got != c.want {
			t.Errorf("%s less %s: %s, want %s", c.v, c.overlap, got, c.want)
		}
	}
}
