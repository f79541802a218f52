package page

import (
	"errors"
	"testing"
)

// TestNullLost takes a null in the list's place for a missing path, where it is said to be one.
func TestNullLost(t *testing.T) {
	const try = "; if the list is left out when it is empty, set `records.optional: true`"
	for _, c := range []struct{ path, body, msg string }{
		{"", `null`, "nothing stands at records.path `$`: the body is null" + try},
		{"items", `{"items":null,"errors":[{}]}`, "nothing stands at records.path `items`: `items` is null" + try},
		{"items[*]", `{"items":null}`, "nothing stands at records.path `items[*]`: `items` is null" + try},
		{"items.*.x", `{"items":null}`, "nothing stands at records.path `items[*].x`: `items` is null" + try},
		{"data[0].items", `{"data":[{"items":null}]}`, "nothing stands at records.path `data[0].items`: `data[0].items` is null" + try},
		{"data[0].items[*].x", `{"data":[{"items":null}]}`, "nothing stands at records.path `data[0].items[*].x`: `data[0].items` is null" + try},
	} {
		for _, optional := range []bool{false, true} {
			for _, lost := range []bool{false, true} {
				pl := Plan{HasPath: c.path != "", Optional: optional, NullLost: lost}
				if pl.HasPath {
					pl.Path = path(c.path)
				}
				var e *Error
				switch err := pl.Read([]byte(c.body), "", new(Page)); {
				case !lost || optional:
					if err != nil {
						t.Errorf("%s of %s, lost %v, optional %v: %v", c.path, c.body, lost, optional, err)
					}
				case !errors.As(err, &e) || e.Code != CodePathMissing || e.Msg != c.msg:
					t.Errorf("%s of %s:\n %v\nwant:\n %s", c.path, c.body, err, c.msg)
				}
			}
		}
	}
	empty := Plan{Path: path("items"), HasPath: true, NullLost: true}
	if p := read(t, &empty, `{"items":[]}`); len(p.Records) != 0 {
		t.Errorf("%d records of an empty list", len(p.Records))
	}
}

// TestByteOrderMark reads what stands behind a byte order mark, in every format.
func TestByteOrderMark(t *testing.T) {
	for _, c := range []struct {
		plan          *Plan
		body, records string
	}{
		{&Plan{Path: path("items"), HasPath: true}, `{"items":[1,{"a":2}]}`, `1|{"a":2}`},
		{&Plan{}, " [1]", "1"},
		{&Plan{Format: "ndjson"}, "{\"a\":1}\n{\"a\":2}\n", `{"a":1}|{"a":2}`},
		{&Plan{Format: "ndjson"}, "", ""},
		{&Plan{Format: "csv", CSV: CSV{Header: true}}, "a\n1\n", `{"a":"1"}`},
		{&Plan{Format: "xml", Path: path("r.a"), HasPath: true}, "<r><a>1</a><a>2</a></r>", `"1"|"2"`},
	} {
		if got := records(read(t, c.plan, "\xef\xbb\xbf"+c.body)); got != c.records {
			t.Errorf("%s: records %s, want %s", c.plan.Format, got, c.records)
		}
	}
}
