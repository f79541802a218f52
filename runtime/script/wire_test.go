package script

import (
	"bytes"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/lastpage/lastpage/engine/rawjson"
)

func TestWireKeepsJobs(t *testing.T) {
	body := append([]byte(`{"items":[1,2,3]}`), bytes.Repeat([]byte(" "), 300)...)
	env := &Env{Now: time.Unix(5, 7).UTC(), Seed: 9}
	env.Set("body", JSONSpans(body, []rawjson.Span{{Start: 9, End: 16}}))
	env.Set("unused", Text("left at home"))
	j := newJob(env)
	j.function, j.each = "next", true
	j.args = []Value{
		Object(Field{"body", JSON(body)}, Field{"text", Bytes(body)}, Field{"none", Undefined()}, Field{"null", Null()}),
		Header(http.Header{"A": {"1", "2"}}).Mutable(),
		Links([]Link{{Rel: "next", URL: "u", Attrs: []Attr{{"results", "true"}}}}),
		Text(""), Bool(true), Int(-3), Bytes(nil),
	}
	j.records = [][]byte{[]byte(`{"a":1}`), []byte(`2`)}
	packed := packJob(j, []string{"body"})
	if n := bytes.Count(packed, body); n != 1 {
		t.Errorf("the page is sent %d times", n)
	}
	got, logs, err := unpackJob(packed)
	if err != nil || logs {
		t.Fatal(err, logs)
	}
	if again := packJob(got, []string{"body"}); !bytes.Equal(again, packed) {
		t.Errorf("a job changes on the way:\n%q\n%q", packed, again)
	}
	if string(got.args[0].fields[1].Value.raw) != string(body) || len(got.env) != 1 || !reflect.DeepEqual(got.records, j.records) || !got.now.Equal(j.now) || got.seed != 9 {
		t.Errorf("got %+v", got)
	}
	for n := range packed {
		if _, _, err := unpackJob(packed[:n]); err == nil {
			t.Fatalf("a job that is cut at byte %d of %d is taken for whole", n, len(packed))
		}
	}
}

func FuzzUnpack(f *testing.F) {
	j := newJob(nil)
	j.args = []Value{JSON([]byte(`{"a":1}`)), Header(http.Header{"A": {"1"}})}
	f.Add(packJob(j, nil))
	f.Add(packResult(nil, Result{JSON: []byte(`1`), absent: []string{"token"}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = unpackJob(b)
		_, _ = unpackResults(b, nil)
	})
}
