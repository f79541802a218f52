package runtime_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// lister is a sink that notes how each page came.
type lister struct {
	runtime.Sink
	said *[]string
}

func (l lister) Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error {
	*l.said = append(*l.said, fmt.Sprintf("%d records", len(records)))
	return l.Sink.Write(ctx, stream, chain, records, keys)
}

func (l lister) WriteList(ctx context.Context, stream, chain string, list []byte, records [][]byte) error {
	*l.said = append(*l.said, "list "+string(list))
	for at := -1; at < len(list)-1; records = records[1:] {
		at += len(records[0]) + 1
		list[at] = '\n'
	}
	return l.Sink.Write(ctx, stream, chain, [][]byte{list}, nil)
}

func (lister) Keyless() bool { return true }

// TestLister hands a page over as it stands in its body where that is all of its records and nothing else.
func TestLister(t *testing.T) {
	for _, c := range []struct{ records, body, want string }{
		{"{path: items}", `{"items":[{"id":1},{"id":2}]}`, `list {"id":1},{"id":2}]`},
		{"{path: items, key: id}", `{"items":[{"id":1},{"id":2}]}`, `list {"id":1},{"id":2}]`},
		{"{path: items, key: id}", `{"items":[{"id":1},{"id":1}]}`, `1 records`},
		{"{path: items}", `{"items":[{"id":1}, {"id":2}]}`, `2 records`},
		{"{path: items}", `{"items":[{"id":1},{"id": 2}]}`, `2 records`},
		{"{path: items, filter: \"${record.id > 1}\"}", `{"items":[{"id":1},{"id":2}]}`, `1 records`},
		{"{path: items, filter: \"${record.id > 0}\"}", `{"items":[{"id":1},{"id":2}]}`, `list {"id":1},{"id":2}]`},
		{"{path: items, set: {seen: true}}", `{"items":[{"id":1},{"id":2}]}`, `2 records`},
		{"{format: ndjson}", "{\"id\":1}\n{\"id\":2}\n", "list {\"id\":1}\n{\"id\":2}\n"},
		{"{format: ndjson}", "{\"id\":1}\n{\"id\":2}", "2 records"},
		{"{format: csv}", "id\n1\n2\n", `list {"id":"1"},{"id":"2"}]`},
	} {
		r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.body) },
			"streams:\n  items:\n    request: {path: /}\n    records: "+c.records+"\n    pagination: {type: none}\n")
		var said []string
		want(t, r.run(func(j *runtime.Job) { j.Sink = lister{j.Sink, &said} }), "complete")
		if got := strings.Join(said, "; "); got != c.want {
			t.Errorf("%s, %q: came as %q, want %q", c.records, c.body, got, c.want)
		}
	}
}
