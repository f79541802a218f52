package page

import (
	"errors"
	"testing"

	"github.com/lastpage/lastpage/engine"
)

// TestKeyMissingSaysWhatIsThere names what stands where the key was looked for.
func TestKeyMissingSaysWhatIsThere(t *testing.T) {
	p := &Page{}
	for key, msg := range map[string]string{
		"a.id": "no record of the page has records.key `a.id`: `a` of the first one is an object with `x`",
		"a.y":  "no record of the page has records.key `a.y`: `a` of the first one is an object with `x`",
		"A.x":  "no record of the page has records.key `A.x`: the first one is an object with `a`, `n`; did you mean `a`?",
		"n":    "no record of the page has records.key `n`: in the first one its value is null",
		"n.x":  "no record of the page has records.key `n.x`: `n` of the first one is null",
	} {
		var e *Error
		if err := (&Plan{Keys: []engine.Path{path(key)}}).Read([]byte(`[{"a":{"x":1},"n":null}]`), "", p); !errors.As(err, &e) || e.Msg != msg {
			t.Errorf("%s: %v", key, err)
		}
	}
}
