package rawjson

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCompareNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1", "2", -1}, {"10", "9", 1}, {"-1", "1", -1}, {"-10", "-9", -1}, {"0", "-0", 0}, {"0.000", "0e99", 0}, {"1", "1.0", 0}, {"100", "1e2", 0}, {"1E+2", "1e002", 0},
		{"0.01", "1e-2", 0}, {"9007199254740993", "9007199254740992", 1}, {"9007199254740993", "9007199254740992.9", 1}, {"1.10", "1.1", 0}, {"1.101", "1.1", 1}, {"0.1", "0.09", 1},
		{"1e400", "1e401", -1}, {"-1e400", "1e-400", -1}, {"1e99999999999999999999", "1e99999999999999999998", 1}, {"10e99999999999999999999", "1e100000000000000000000", 0},
		{"1e-99999999999999999999", "0", 1}, {"-1e-99999999999999999999", "0", -1}, {"1e9223372036854775807", "10e9223372036854775807", -1}, {"123", "1e-99999999999999999999", 1}, {"001", "1", 0},
	} {
		if got, ok := CompareNumbers([]byte(c.a), []byte(c.b)); !ok || got != c.want {
			t.Errorf("%s and %s: %d, want %d", c.a, c.b, got, c.want)
		}
		if got, ok := CompareNumbers([]byte(c.b), []byte(c.a)); !ok || got != -c.want {
			t.Errorf("%s and %s: %d, want %d", c.b, c.a, got, -c.want)
		}
		if got := Equal([]byte(c.a), []byte(c.b)); got != (c.want == 0) {
			t.Errorf("%s equals %s: %v", c.a, c.b, got)
		}
	}
	for _, s := range []string{"", "-", "x", `"1"`, "1.", "1e", "1x", "1e5x", ".5", "null", "+1", "1e--5"} {
		if _, ok := CompareNumbers([]byte(s), []byte("1")); ok {
			t.Errorf("%q is taken for a number", s)
		}
	}
}

// TestNumbersAreExact compares random numbers with math/big.
func TestNumbersAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	number := func() string {
		var b strings.Builder
		if r.IntN(2) == 0 {
			b.WriteByte('-')
		}
		digits := func(n int) {
			for range n {
				b.WriteByte("0001239"[r.IntN(7)])
			}
		}
		if r.IntN(3) == 0 {
			b.WriteByte('0')
		} else {
			b.WriteByte("123"[r.IntN(3)])
			digits(r.IntN(4))
		}
		if r.IntN(2) == 0 {
			b.WriteByte('.')
			digits(1 + r.IntN(4))
		}
		if r.IntN(2) == 0 {
			b.WriteString([]string{"e", "E+", "e-"}[r.IntN(3)])
			digits(1 + r.IntN(2))
		}
		return b.String()
	}
	for range 20_000 {
		a, b := number(), number()
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		if got, ok := CompareNumbers([]byte(a), []byte(b)); !ok || got != x.Cmp(y) {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, x.Cmp(y))
		}
		canonical := Canonical(nil, []byte(a))
		if z, ok := new(big.Rat).SetString(string(canonical)); !ok || z.Cmp(x) != 0 || Valid(canonical) != nil {
			t.Fatalf("%s becomes %s", a, canonical)
		}
		if Equal([]byte(a), []byte(b)) != (x.Cmp(y) == 0) {
			t.Fatalf("%s equals %s: %v", a, b, x.Cmp(y) != 0)
		}
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{` { "b" : 1 , "a" : [ 2 , { } ] } `, `{"a":[2,{}],"b":1}`},
		{`{"a":1,"\u0061":2,"b":0}`, `{"a":2,"b":0}`},
		{`"\u00e9\/\n\ud83d\ude00\ud83d\"\\"`, `"é/\u000a😀\ud83d\"\\"`},
		{`"\uD83D"`, `"\ud83d"`},
		{`[1.0,-0,1e3,1e22,1e23,123456789012345678901234567890,0.00001,0.000001,1.5e-7,-12.50]`, `[1,0,1000,1e22,1e23,123456789012345678901234567890,0.00001,0.000001,1.5e-7,-12.5]`},
		{`null`, `null`}, {` true `, `true`},
	} {
		if got := string(Canonical(nil, []byte(c.in))); got != c.want {
			t.Errorf("%s becomes %s, want %s", c.in, got, c.want)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":[1,2]}`, ` {"b":[1.0,2e0],"a":1}`, true}, {`[1,2]`, `[2,1]`, false}, {`"a"`, `"\u0061"`, true}, {`1`, `"1"`, false},
		{`null`, `null `, true}, {`"\ud83d"`, `"\ud83e"`, false}, {`"\ud83d"`, `"\ufffd"`, false}, {`{"a":1,"a":2}`, `{"a":2}`, true}, {`{}`, `[]`, false}, {`true`, `false`, false},
	} {
		if got := Equal([]byte(c.a), []byte(c.b)); got != c.want {
			t.Errorf("%s equals %s: %v", c.a, c.b, got)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`"a\"\\\/\b\f\n\r\tz"`, "a\"\\/\b\f\n\r\tz"}, {`"\u0041\u00e9\ud83d\ude00"`, "Aé😀"}, {`"\ud83dx"`, "\uFFFDx"}, {`"\ude00\ud83d"`, "\uFFFD\uFFFD"}, {`"\ud83d\ud83d\ude00"`, "\uFFFD😀"}, {` "a" `, "a"}, {`""`, ""},
	} {
		if got, ok := String([]byte(c.in)); !ok || got != c.want {
			t.Errorf("%s reads %q, want %q", c.in, got, c.want)
		}
	}
	if _, ok := String([]byte("1")); ok {
		t.Error("a number is taken for a string")
	}
	if got := string(AppendString([]byte("x"), "<é\u2028\x00\n\"\\\xff\x7f>")); got != "x\"<é\u2028\\u0000\\n\\\"\\\\\uFFFD\x7f>\"" {
		t.Errorf("quoted: %s", got)
	}
}

func TestKindAndLen(t *testing.T) {
	for v, want := range map[string]byte{` {"a":1}`: '{', `[1]`: '[', `"x"`: '"', `true`: 't', `false`: 'f', `null`: 'n', `-1`: '0', `7`: '0', ``: 0, `  `: 0, `x`: 0} {
		if got := Kind([]byte(v)); got != want {
			t.Errorf("%q is of kind %q, want %q", v, got, want)
		}
	}
	for v, want := range map[string]int{`[]`: 0, ` [ 1 , [2,3] , "a,b" ]`: 3, `{}`: 0, `{"a":1,"a":2}`: 2, `"abc"`: 0, ``: 0} {
		if got := Len([]byte(v)); got != want {
			t.Errorf("%s has %d, want %d", v, got, want)
		}
	}
}

func TestDepth(t *testing.T) {
	nest := func(n int) []byte { return []byte(strings.Repeat(`{"a":[`, n/2) + strings.Repeat(`]}`, n/2)) }
	if err := Valid(nest(MaxDepth)); err != nil {
		t.Error(err)
	}
	err := Valid(nest(MaxDepth + 2))
	var e *SyntaxError
	if !errors.As(err, &e) || !strings.Contains(e.Msg, "10000 deep") {
		t.Error(err)
	}
	deep := nest(MaxDepth)
	if !Equal(deep, append([]byte(" "), deep...)) || Skip(deep, 0) != len(deep) {
		t.Error("a deep document is not equal to itself")
	}
}

func TestSyntaxErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                 "byte 0: cut: it ends where a value should follow",
		`{"a":`:            "byte 5: cut: it ends where a value should follow",
		`[1`:               "byte 2: cut: it ends inside an array",
		`{"a":1`:           "byte 6: cut: it ends inside an object",
		`[1 x`:             "byte 3: 'x' where a comma or ] after the element should be",
		"\xef\xbb\xbf{}":   "byte 0: it begins with a byte order mark, which JSON does not allow",
		`nil`:              "byte 0: a word that is not true, false or null",
		"[\"a\x00\"]":      "byte 3: control character 0x00 in a string",
		"[\"\xc3\x28\"]":   "byte 2: byte 0xc3 is not UTF-8",
		`["\ud83d\u12"]`:   "byte 12: \\u must be followed by four hexadecimal digits",
		`{"a":1}  {"b":2}`: "byte 9: '{' where nothing more should be",
	} {
		if err := Valid([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

func BenchmarkValid(b *testing.B) {
	doc := []byte(`[` + strings.Repeat(`{"id":"ind-0001","value":"10.0.0.1","n":12,"ok":true,"tags":["a","b"]},`, 4000) + `0]`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Valid(doc); err != nil {
			b.Fatal(err)
		}
	}
}
