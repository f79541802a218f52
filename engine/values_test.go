package engine

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
)

func TestWrongTypes(t *testing.T) {
	for _, c := range []struct {
		witness string
		value   string
		ok      bool
	}{
		{"more", `true`, true}, {"more", `false`, true}, {"more", `"true"`, true}, {"more", `"false"`, true}, {"more", `1`, true},
		{"more", `0`, true}, {"more", `null`, true}, {"more", ` true `, true}, {"more", ``, true}, {"more", `"yes"`, false}, {"more", `"TRUE"`, false}, {"more", `2`, false},
		{"more", `"1"`, false}, {"more", `""`, false}, {"more", `[]`, false}, {"more", `{"a":true}`, false}, {"more", `1.0`, false},
		{"done", `"no"`, false}, {"done", `0`, true}, {"done", `{}`, false},
		{"total", `12`, true}, {"total", `"12"`, true}, {"total", `null`, true}, {"total", `""`, true}, {"total", `-1`, true}, {"total", `12.0`, true}, {"total", `1e3`, true},
		{"total", `"many"`, false}, {"total", `12.5`, false}, {"total", `true`, false}, {"total", `{"value":3}`, false}, {"total", `"1,234"`, false}, {"total", `1e400`, false},
		{"remaining", `"0"`, true}, {"remaining", `"none"`, false}, {"remaining", `[1]`, false},
		{"total_pages", `"7"`, true}, {"total_pages", `false`, false},
	} {
		w, _ := NewWalk(&Rules{Type: Cursor, HasNext: true, HasMore: true, HasDone: true, HasTotal: true, HasRemaining: true, HasTotalPages: true}, Strategies())
		p := Page{Records: 1, New: 1, Next: json.RawMessage(`"n"`)}
		v := json.RawMessage(c.value)
		switch c.witness {
		case "more":
			p.More = v
		case "done":
			p.Done = v
		case "total":
			p.Total = v
		case "remaining":
			p.Remaining = v
		case "total_pages":
			p.TotalPages = v
		}
		_, err := w.Step(State{}, p)
		var wrong *ValueError
		if c.ok != (err == nil) || !c.ok && (!errors.As(err, &wrong) || wrong.Witness != c.witness) {
			t.Errorf("%s %s: %v", c.witness, c.value, err)
		}
	}
}

func TestWhole(t *testing.T) {
	for v, want := range map[string]string{
		`9`: "9", `"9"`: "9", `9.0`: "9", `1e3`: "1000", `0`: "0", `"007"`: "7",
		`1.5`: "", `-1`: "", `"-1"`: "", `"abc"`: "", `""`: "", ``: "", `null`: "", `true`: "", `[3]`: "", `{"a":1}`: "", `1e30`: "", `"1.0"`: "", `" 9"`: "",
	} {
		got, ok := Whole([]byte(v))
		if ok != (want != "") || ok && string(got) != want {
			t.Errorf("%s: %s, %t; want %q", v, got, ok, want)
		}
	}
}

func TestAtLeastAndEstimate(t *testing.T) {
	for _, typ := range []Type{Offset, PageNumber, Cursor} {
		for _, c := range []struct {
			kind CountKind
			says int64
			end  bool
		}{
			{Estimate, 5, true}, {Estimate, 53, true}, {Estimate, 5000, true},
			{AtLeast, 5, true}, {AtLeast, 53, true}, {AtLeast, 60, false},
			{Exact, 53, true}, {Exact, 60, false}, {"", 53, true},
		} {
			a := honest(typ, 53, 10, 1)
			a.rules.TotalKind = c.kind
			a.fault = func(n int, q Request, r *reply) { r.total = number(c.says) }
			o := drain(t, a, State{})
			proved := (c.kind == Exact || c.kind == "") && c.says == 53
			if (o.Verdict.Kind == End) != c.end || (o.Verdict.Attested == Proved) != proved || !slices.Equal(o.Delivered, upTo(53)) {
				t.Errorf("%s, %s total of %d: %v", typ, c.kind, c.says, o)
			}
			if c.kind == Estimate && len(o.Events) > 0 && o.Events[EventTotalChanged]+o.Events[EventTotalExceeded] > 0 {
				t.Errorf("%s: events %v", typ, o.Events)
			}
		}
	}
}
