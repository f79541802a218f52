package sink_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/store/sink"
)

// TestOneFileByTwoNames: a file has one mark, by whatever name it is reached, also before it is made.
func TestOneFileByTwoNames(t *testing.T) {
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	check(t, os.Symlink("real", filepath.Join(dir, "link")))
	for _, name := range []string{"a.jsonl", "new/folder/{stream}.jsonl"} {
		var targets []string
		for _, way := range []string{"real", "link"} {
			s, err := sink.New(t.Context(), "jsonl:"+filepath.Join(dir, way, name), sink.Options{})
			check(t, err)
			targets = append(targets, s.Target("a"))
		}
		if targets[0] != targets[1] {
			t.Errorf("%q", targets)
		}
	}
}

// TestCloseSyncIsSummed: what a power cut may change is noticed where the file is synced at the end, too.
func TestCloseSyncIsSummed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	s := open(t, "jsonl:"+path+"?fsync=close", "a", nil, false, sink.Options{})
	write(t, s, "a", []byte(`{"id":1}`), []byte(`{"id":2}`))
	at := mark(t, s, "a")
	check(t, s.Close(t.Context()))
	b := content(t, path)
	check(t, os.WriteFile(path, append(b[:9:9], make([]byte, len(b)-9)...), 0o600))
	again, err := sink.New(t.Context(), "jsonl:"+path+"?fsync=close", sink.Options{})
	check(t, err)
	if err := again.Open(t.Context(), "a", at, false); err == nil || !strings.Contains(err.Error(), "it holds 0 of the 18") {
		t.Errorf("a file with zeros in it: %v", err)
	}
}

// TestCompressedNothing: a file of no records can be read.
func TestCompressedNothing(t *testing.T) {
	for _, end := range []string{".gz", ".zst"} {
		path := filepath.Join(t.TempDir(), "a.jsonl"+end)
		s := open(t, "jsonl:"+path, "a", nil, false, sink.Options{})
		at := seal(t, s, "a")
		check(t, s.Close(t.Context()))
		for _, want := range []string{"", "{}\n"} {
			if info, err := os.Stat(path); err != nil || info.Size() == 0 || string(content(t, path)) != want {
				t.Errorf("%s: %q, %v", end, content(t, path), err)
			}
			s = open(t, "jsonl:"+path, "a", at, false, sink.Options{})
			write(t, s, "a", []byte("{}"))
			at = seal(t, s, "a")
			check(t, s.Close(t.Context()))
		}
	}
}

// TestCompressedTableOfNothing: a table of no records has no header yet; the next run writes it.
func TestCompressedTableOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv.gz")
	s := open(t, "csv:"+path, "a", nil, false, sink.Options{})
	at := seal(t, s, "a")
	check(t, s.Close(t.Context()))
	s = open(t, "csv:"+path+"?eol=lf", "a", at, false, sink.Options{})
	write(t, s, "a", []byte(`{"id":1}`))
	check(t, s.Close(t.Context()))
	if got := string(content(t, path)); got != "id\n1\n" {
		t.Errorf("%q", got)
	}
}

// TestCSVDialect: a table keeps its delimiter, and one that was there is of the same records.
func TestCSVDialect(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.csv")
	s := open(t, "csv:"+path+"?delimiter=;", "a", nil, false, sink.Options{})
	write(t, s, "a", []byte(`{"id":1,"a":"x;y"}`))
	at := mark(t, s, "a")
	check(t, s.Close(t.Context()))
	if got := string(content(t, path)); got != "id;a\r\n1;\"x;y\"\r\n" {
		t.Errorf("%q", got)
	}
	other, err := sink.New(t.Context(), "csv:"+path, sink.Options{})
	check(t, err)
	if err := other.Open(t.Context(), "a", at, false); err == nil || !strings.Contains(err.Error(), `its delimiter is ";"`) {
		t.Errorf("another delimiter: %v", err)
	}
	there := filepath.Join(dir, "there.csv")
	check(t, os.WriteFile(there, []byte("id;a\n0;z\n"), 0o600))
	s = open(t, "csv:"+there, "a", nil, false, sink.Options{})
	if err := s.Write(t.Context(), "a", "", [][]byte{[]byte(`{"id":1}`)}, nil); err == nil || !strings.Contains(err.Error(), "it has the columns id;a, and the records have none of them (theirs: id)") {
		t.Errorf("a file of another delimiter: %v", err)
	}
	check(t, s.Close(t.Context()))
	check(t, os.WriteFile(there, []byte("\ufeffid,a\n0,z\n"), 0o600))
	s = open(t, "csv:"+there+"?eol=lf", "a", nil, false, sink.Options{})
	write(t, s, "a", []byte(`{"a":"b","id":1}`))
	check(t, s.Close(t.Context()))
	if got := string(content(t, there)); got != "\ufeffid,a\n0,z\n1,b\n" {
		t.Errorf("%q", got)
	}
	minus := filepath.Join(dir, "minus.csv")
	s = open(t, "csv:"+minus+"?delimiter=-&eol=lf", "a", nil, false, sink.Options{})
	write(t, s, "a", []byte(`{"f":-1.5,"t":true}`))
	check(t, s.Close(t.Context()))
	if got := string(content(t, minus)); got != "f-t\n\"-1.5\"-true\n" {
		t.Errorf("%q", got)
	}
}

// TestBulkNewestLast: an item that is sent again does not replace a newer one of the same document.
func TestBulkNewestLast(t *testing.T) {
	svc := serve(t, answer(200, `{"errors":true,"items":[{"index":{"status":429}},{"index":{"status":200}},{"index":{"status":200}},{"index":{"status":200}}]}`),
		answer(200, `{"errors":false,"items":[{"index":{"status":200}},{"index":{"status":200}}]}`))
	s, err := deliver(t.Context(), "http:"+svc.URL+"?format=bulk&index=x&backoff=1ms", []string{`{"v":1}`, `{"v":2}`, `{"v":3}`, `{"v":4}`}, []string{"a", "b", "a", ""})
	check(t, err)
	check(t, s.Close(t.Context()))
	want := `{"index":{"_index":"x","_id":"a"}}` + "\n{\"v\":1}\n" + `{"index":{"_index":"x","_id":"a"}}` + "\n{\"v\":3}\n"
	if len(svc.bodies) != 2 || svc.bodies[1] != want {
		t.Errorf("%q", svc.bodies)
	}
	svc = serve(t, answer(200, `{"errors":true,"items":[{}]}`))
	if _, err := deliver(t.Context(), "http:"+svc.URL+"?format=bulk&index=x", []string{`{}`}, []string{"a"}); err == nil || !strings.Contains(err.Error(), "does not say what became of record 1 of 1") {
		t.Errorf("an item that says nothing: %v", err)
	}
}

// TestHECTime: a text that is no time is none.
func TestHECTime(t *testing.T) {
	svc := serve(t)
	s, err := deliver(t.Context(), "http:"+svc.URL+"?format=hec&time_field=t", []string{`{"t":"inf"}`, `{"t":"NaN"}`, `{"t":"12"}`}, nil)
	check(t, err)
	check(t, s.Close(t.Context()))
	if want := `{"event":{"t":"inf"}}` + "\n" + `{"event":{"t":"NaN"}}` + "\n" + `{"time":12.000,"event":{"t":"12"}}` + "\n"; svc.bodies[0] != want {
		t.Errorf("%s", svc.bodies)
	}
}

// TestSQLiteTables: a table has one writer, its rows' index gets into nobody's way, and one that was moved
// away is begun anew.
func TestSQLiteTables(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "o.db")
	s := open(t, "sqlite:"+path, "Items", nil, false, sink.Options{})
	check(t, s.Open(t.Context(), "items_row", nil, false))
	other, err := sink.New(t.Context(), "sqlite:"+path, sink.Options{})
	check(t, err)
	if err := other.Open(t.Context(), "items", nil, false); err == nil || !strings.Contains(err.Error(), "another run is writing to its table items") {
		t.Errorf("two writers: %v", err)
	}
	check(t, other.Open(t.Context(), "else", nil, false))
	check(t, other.Close(t.Context()))
	check(t, s.Write(t.Context(), "Items", "", [][]byte{[]byte("{}")}, []string{"k"}))
	if other.Target("items") != s.Target("Items") {
		t.Errorf("%s and %s are one table", other.Target("items"), s.Target("Items"))
	}
	check(t, s.Close(t.Context()))
	if _, err := os.Stat(path + "-tables"); err == nil {
		t.Error("the file of the locks is left behind")
	}
}

func TestSQLiteMoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "o.db")
	s := open(t, "sqlite:"+path, "a", nil, false, sink.Options{})
	write(t, s, "a", []byte("{}"), []byte("{}"))
	at := mark(t, s, "a")
	check(t, s.Close(t.Context()))
	for _, how := range []string{"ALTER TABLE a RENAME TO a_2025", "DROP TABLE a", ""} {
		if how == "" {
			check(t, os.Remove(path))
		} else {
			db, err := sql.Open("sqlite3", path)
			check(t, err)
			_, err = db.ExecContext(context.Background(), how)
			check(t, err)
			check(t, db.Close())
		}
		s := open(t, "sqlite:"+path, "a", at, false, sink.Options{})
		if notes := s.Notes(); len(notes) != 1 || notes[0][0] != "output_moved" {
			t.Errorf("%s: %v", how, notes)
		}
		write(t, s, "a", []byte(`{"new":1}`))
		at = mark(t, s, "a")
		check(t, s.Close(t.Context()))
		if n := count(t, path, "a"); n != 1 {
			t.Errorf("%s: %d rows", how, n)
		}
	}
}
