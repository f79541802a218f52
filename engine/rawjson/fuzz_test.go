package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"
)

// seeds are documents that have been trouble for some JSON reader.
var seeds = []string{
	``, ` `, `null`, `true`, `tru`, `nul`, `falsy`, `0`, `-0`, `01`, `1.`, `-`, `1e`, `1E+05`, `.5`, `NaN`, `Infinity`, `9007199254740993`,
	`""`, `"`, `"a`, `"\`, `"\u12`, `"\ud83d"`, `"\ud83d\ude00"`, `"\x"`, "\"\x01\"", "\"\x7f\"", "\"é\"", "\"\xff\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\"", `"\/\u00e9"`,
	`[]`, `[`, `]`, `[1,]`, `[,1]`, `[1 2]`, `[1,2,3]`, ` [ 1 , [ ] , { } ] `, `{}`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a" 1}`, `{"a":1 "b":2}`, `{"a":1}{}`, `[1]]`,
	"\xef\xbb\xbf[]", "[1]\x00", `[1] // x`, `{"a":{"b":[{"c":1},{"c":[2,{"d":null}]}]},"a":{}}`, `{"\u0061":1,"a":2}`,
	`{"items":[{"id":1,"n":"x"},{"n":"yyyyyyyyyyyyyyyyyyyyyyyyy","id":"2"}],"next":"n\"x","meta":{"total":3}}`,
}

func FuzzValid(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		want := json.Valid(b) && utf8.Valid(b)
		err := Valid(b)
		if (err == nil) != want {
			t.Fatalf("Valid(%q) = %v, want valid %v", b, err, want)
		}
		if err != nil {
			var at *SyntaxError
			if !errors.As(err, &at) || at.Offset < 0 || at.Offset > int64(len(b)) || at.Cut != (at.Offset == int64(len(b))) {
				t.Fatalf("Valid(%q): %#v", b, err)
			}
		}
	})
}

func FuzzWalk(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if !json.Valid(b) || !utf8.Valid(b) {
			walkInvalid(b)
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, b); err != nil {
			t.Fatal(err)
		}
		if got := Compact(nil, b); !bytes.Equal(got, compact.Bytes()) {
			t.Fatalf("Compact(%q) = %q, want %q", b, got, compact.Bytes())
		}
		if i := Skip(b, 0); len(trim(b[i:])) != 0 {
			t.Fatalf("Skip(%q) = %d", b, i)
		}
		canonical := Canonical(nil, b)
		if err := Valid(canonical); err != nil {
			t.Fatalf("Canonical(%q) = %q: %v", b, canonical, err)
		}
		if again := Canonical(nil, canonical); !bytes.Equal(again, canonical) {
			t.Fatalf("Canonical(%q) = %q, then %q", b, canonical, again)
		}
		if !Equal(b, compact.Bytes()) || !Equal(b, canonical) {
			t.Fatalf("%q does not equal its own canonical form", b)
		}
		sameParts(t, b)
	})
}

// walkInvalid calls everything that expects valid bytes: it may answer anything, but it returns.
func walkInvalid(b []byte) {
	Skip(b, 0)
	Len(b)
	Field(b, "a")
	Index(b, -2)
	String(b)
	Compact(nil, b)
	Canonical(nil, b)
	CompareNumbers(b, b)
}

// sameParts compares the parts of a valid value with what encoding/json finds.
func sameParts(t *testing.T, b []byte) {
	t.Helper()
	switch Kind(b) {
	case '[':
		var want []json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			return // nested too deep for a decoder
		}
		n := 0
		for e := range Elements(b) {
			if !bytes.Equal(e, want[n]) {
				t.Fatalf("element %d of %q is %q, want %q", n, b, e, want[n])
			}
			n++
		}
		if n != len(want) || Len(b) != n {
			t.Fatalf("%q has %d elements, want %d", b, n, len(want))
		}
		for i := -n - 1; i <= n; i++ {
			v, ok := Index(b, i)
			k := i
			if k < 0 {
				k += n
			}
			if ok != (k >= 0 && k < n) || ok && !bytes.Equal(v, want[k]) {
				t.Fatalf("Index(%q, %d) = %q, %v", b, i, v, ok)
			}
		}
	case '{':
		var want map[string]json.RawMessage
		if err := json.Unmarshal(b, &want); err != nil {
			return
		}
		for name, w := range want {
			v, ok := Field(b, name)
			if !ok || !bytes.Equal(v, w) {
				t.Fatalf("Field(%q, %q) = %q, %v, want %q", b, name, v, ok, w)
			}
		}
	case '"':
		var want string
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		got, ok := String(b)
		if !ok || got != want {
			t.Fatalf("String(%q) = %q, %v, want %q", b, got, ok, want)
		}
		quoted := AppendString(nil, got)
		if back, _ := String(quoted); back != got || Valid(quoted) != nil {
			t.Fatalf("AppendString(%q) = %q", got, quoted)
		}
	}
}
