package page

import (
	"net/http"
	"testing"

	"github.com/lastpage/lastpage/engine"
)

func TestEnvelope(t *testing.T) {
	h := http.Header{"X-Next": {"a\"b", "c"}, "Link": {`</x>; rel="next"; results="true"`}, "X-Empty": {""}}
	links := ParseLinks(h)
	for _, c := range []struct{ ref, want string }{
		{"status", "202"}, {"header.x-next", `"a\"b"`}, {"header['X-EMPTY']", `""`}, {"header.none", ""}, {"link.next", `"/x"`}, {"link.next.results", `"true"`}, {"link.last", ""}, {"body.x", ""},
	} {
		if got := string(Envelope(ref(c.ref), 202, h, links)); got != c.want {
			t.Errorf("%s is %s, want %s", c.ref, got, c.want)
		}
	}
}

func TestReplace(t *testing.T) {
	pl := &Plan{NoRecords: true, Refs: refs("body.next", "last.id", "max.id"), Keys: []engine.Path{path("id")}}
	p := read(t, pl, `{"rows":[["id"],[1]],"next":"n"}`)
	if got := values(p); got != `"n"|-|-` || len(p.Records) != 0 || p.Fingerprint != 0 {
		t.Fatalf("%s, %d records", got, len(p.Records))
	}
	if err := pl.Replace([]byte(`[{"id":1},{"id": 5}]`), p); err != nil {
		t.Fatal(err)
	}
	if got := records(p) + " " + values(p); got != `{"id":1}|{"id":5} "n"|5|5` || len(p.Keys) != 2 || p.KeyText(1) != "5" {
		t.Errorf("%s, keys %v", got, p.Keys)
	}
	if err := pl.Replace([]byte(`[]`), p); err != nil || len(p.Records)+len(p.Keys) != 0 || p.Fingerprint != 0 || values(p) != `"n"|-|-` {
		t.Errorf("%v, %d records", err, len(p.Records))
	}
	for _, list := range []string{`{}`, `[`, `null`, ``} {
		if err := pl.Replace([]byte(list), p); err == nil {
			t.Errorf("%q passes for a list", list)
		}
	}
	if p = read(t, pl, `{"next":1,"data":null}`); values(p) != "1|-|-" {
		t.Errorf("values %s", values(p))
	}
}
