package sink_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lastpage/lastpage/store/sink"
)

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		name, options string
		records       []string
		want          string
		notes         string
	}{
		{"union of the fields in order", "", []string{`{"id":1,"name":"a"}`, `{"id":2,"x":true,"name":null}`},
			"id,name,x\r\n1,a,\r\n2,,true\r\n", ""},
		{"quotes where RFC 4180 asks for them", "", []string{`{"a":"x,y","b":"say \"hi\"","c":"two\nlines","d":" space ","e":"\ttab"}`},
			"a,b,c,d,e\r\n\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\", space ,\ttab\r\n", ""},
		{"digits are kept", "", []string{`{"id":9007199254740993,"f":1.10,"e":1E400}`}, "id,f,e\r\n9007199254740993,1.10,1E400\r\n", ""},
		{"nested values as JSON", "", []string{`{"o":{"a":[1, "x"]},"l":[]}`}, "o,l\r\n\"{\"\"a\"\":[1, \"\"x\"\"]}\",[]\r\n", ""},
		{"null is nothing, empty text is quoted", "", []string{`{"a":null,"b":""}`}, "a,b\r\n,\"\"\r\n", ""},
		{"escapes in names and values", "", []string{`{"caf\u00e9":"\u00e9\/\ud83d\ude00\ud83d"}`}, "café\r\né/😀\uFFFD\r\n", ""},
		{"one column is never an empty line", "", []string{`{"a":null}`, `{"a":""}`, `{"a":1}`}, "a\r\n\"\"\r\n\"\"\r\n1\r\n", ""},
		{"values that are not objects", "", []string{`"x"`, `5`, `[1,2]`}, "value\r\nx\r\n5\r\n\"[1,2]\"\r\n", ""},
		{"declared columns", "?columns=name,%20id", []string{`{"id":1,"name":"a","more":2}`, `{"id":2}`}, "name,id\r\na,1\r\n,2\r\n", ""},
		{"the last of two fields of one name", "", []string{`{"a":1,"a":2}`}, "a\r\n2\r\n", ""},
		{"tab and line feed", "?delimiter=tab&eol=lf", []string{`{"a":"x,y","b":"x\ty"}`}, "a\tb\nx,y\t\"x\ty\"\n", ""},
		{"spaces in the record", "", []string{"{ \"a\" : 1 ,\n \"b\" : \"x\" }", `{ }`}, "a,b\r\n1,x\r\n,\r\n", ""},
		{"no records", "", nil, "", ""},
		{"header with a comma", "", []string{`{"a,b":1,"c":2}`}, "\"a,b\",c\r\n1,2\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			path := filepath.Join(t.TempDir(), "out.csv")
			var page [][]byte
			for _, r := range c.records {
				page = append(page, []byte(r))
			}
			for _, target := range []string{path, "-"} {
				s := open(t, "csv:"+target+c.options, "a", nil, false, sink.Options{Stdout: &out})
				write(t, s, "a", page...)
				mark(t, s, "a")
				check(t, s.Close(t.Context()))
			}
			if got := string(content(t, path)); got != c.want || out.String() != c.want {
				t.Errorf("\n got %q\n and %q\nwant %q", got, out.String(), c.want)
			}
		})
	}
}

// Columns are fixed by the first page, for later runs as well; a new field shifts nothing and is told.
func TestCSVColumnsAreFixed(t *testing.T) {
	for _, ext := range []string{".csv", ".csv.gz"} {
		path := filepath.Join(t.TempDir(), "out"+ext)
		s := open(t, "csv:"+path, "a", nil, false, sink.Options{})
		before := mark(t, s, "a")
		write(t, s, "a")
		write(t, s, "a", []byte(`{"id":1,"name":"a"}`))
		kept := mark(t, s, "a")
		write(t, s, "a", []byte(`{"extra":5,"name":"b","id":2}`), []byte(`{"extra":6,"id":3}`))
		if n := s.Notes(); !reflect.DeepEqual(n, [][2]string{{"csv_new_column", "extra"}}) {
			t.Errorf("%v", n)
		}
		check(t, s.Close(t.Context()))

		for _, m := range [][]byte{kept, nil} { // by the mark, and by the header that is there
			s = open(t, "csv:"+path, "a", m, false, sink.Options{})
			write(t, s, "a", []byte(`{"name":"c","zzz":1,"id":4}`))
			if n := s.Notes(); !reflect.DeepEqual(n, [][2]string{{"csv_new_column", "zzz"}}) {
				t.Errorf("%v", n)
			}
			check(t, s.Close(t.Context()))
		}
		if got := string(content(t, path)); got != "id,name\r\n1,a\r\n4,c\r\n4,c\r\n" {
			t.Errorf("%q", got)
		}
		other, err := sink.New(t.Context(), "csv:"+path+"?columns=name", sink.Options{})
		check(t, err)
		want := path + ": it has the columns id,name, not the ones that are asked for; leave out ?columns=…, name another file, or start over with --fresh"
		if err := other.Open(t.Context(), "a", kept, false); err == nil || err.Error() != want {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
		check(t, other.Open(t.Context(), "a", kept, true))
		write(t, other, "a", []byte(`{"id":1,"name":"n"}`))
		check(t, other.Close(t.Context()))
		if got := string(content(t, path)); got != "name\r\nn\r\n" {
			t.Errorf("%q", got)
		}
		s = open(t, "csv:"+path, "a", before, false, sink.Options{}) // back to before the header
		write(t, s, "a", []byte(`{"q":1}`))
		check(t, s.Close(t.Context()))
		if got := string(content(t, path)); got != "q\r\n1\r\n" {
			t.Errorf("%q", got)
		}
	}
}

// Every file of a row has its header.
func TestCSVRotation(t *testing.T) {
	dir := t.TempDir()
	s := open(t, "csv:"+dir+"/out.csv?rotate=30B", "a", nil, false, sink.Options{})
	for i := range 6 {
		write(t, s, "a", fmt.Appendf(nil, `{"id":%d,"text":"abcdefgh"}`, i))
		mark(t, s, "a")
	}
	check(t, s.Close(t.Context()))
	names, err := filepath.Glob(dir + "/out-*.csv")
	check(t, err)
	rows := 0
	for _, n := range names {
		b := string(content(t, n))
		if !strings.HasPrefix(b, "id,text\r\n") {
			t.Errorf("%s: %q", n, b)
		}
		rows += strings.Count(b, "abcdefgh")
	}
	if len(names) < 3 || rows != 6 {
		t.Errorf("%v, %d rows", names, rows)
	}
}

// What goes in as JSON comes out of another reader as the same text.
func FuzzCSV(f *testing.F) {
	f.Add(`{"a":"x","b":[1,{"c":"\"]}"}],"d":1.5e3}`)
	f.Add(`{"\u0061":"\\","b":"\ud83d"}`)
	f.Add(`{"":"","a\nb":"\r\n,\""}`)
	f.Add(`{"a":"\n\n\n\"\"\\"}`)
	f.Fuzz(func(t *testing.T, record string) {
		var want map[string]json.RawMessage
		if !utf8.ValidString(record) || json.Unmarshal([]byte(record), &want) != nil || want == nil {
			return
		}
		var out bytes.Buffer
		s := open(t, "csv:-?eol=lf", "a", nil, false, sink.Options{Stdout: &out})
		write(t, s, "a", []byte(record))
		rows, err := csv.NewReader(&out).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%v %q of %q", err, rows, record)
		}
		if len(want) == 0 {
			want = map[string]json.RawMessage{"value": json.RawMessage("null")}
		}
		for name, raw := range want {
			var text string
			switch raw[0] {
			case 'n':
			case '"':
				check(t, json.Unmarshal(raw, &text))
			default:
				text = string(raw)
			}
			// The reader turns \r\n inside quotes into \n, and so may the comparison.
			norm := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
			found := false
			for i, column := range rows[0] {
				if column == norm(name) {
					found = norm(rows[1][i]) == norm(text) || bytes.ContainsRune(raw, '\n')
				}
			}
			if !found {
				t.Errorf("%q: %q is not %q in %q", record, name, text, rows)
			}
		}
	})
}
