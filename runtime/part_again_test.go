package runtime_test

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// TestAPageThatIsReadByTwoRuns: a page that a limit has cut, or that left a doubt, has changed when the
// next run asks for it. What is new on it arrives, and nothing twice, with a key and without.
func TestAPageThatIsReadByTwoRuns(t *testing.T) {
	limit := func(n int64) func(*runtime.Job) { return func(j *runtime.Job) { j.MaxRecords = n } }
	for _, c := range []struct {
		name   string
		first  map[string]string // answers by cursor
		then   map[string]string
		change func(*runtime.Job)
		ends   string // how the first run ends
		want   string
	}{
		{"a doubt, then more", map[string]string{"": `{"items":[0,1],"next":"2","more":true}`, "2": `{"items":[10,11],"more":true}`},
			map[string]string{"2": `{"items":[10,11,12,13],"next":"3","more":true}`, "3": `{"items":[20,21],"more":false}`}, nil, "incomplete next_token_missing", "0 1 10 11 12 13 20 21"},
		{"a doubt, then others", map[string]string{"": `{"items":[0,1],"next":"2","more":true}`, "2": `{"items":[10,11],"more":true}`},
			map[string]string{"2": `{"items":[12,13],"next":"3","more":true}`, "3": `{"items":[20],"more":false}`}, nil, "incomplete next_token_missing", "0 1 10 11 12 13 20"},
		{"a doubt, then the same", map[string]string{"": `{"items":[0,1],"next":"2","more":true}`, "2": `{"items":[10,11],"more":true}`},
			map[string]string{"2": `{"items":[10,11],"next":"3","more":true}`, "3": `{"items":[20],"more":false}`}, nil, "incomplete next_token_missing", "0 1 10 11 20"},
		{"a doubt twice", map[string]string{"": `{"items":[0,1],"more":true}`},
			map[string]string{"": `{"items":[1,0,2],"more":false}`}, nil, "incomplete next_token_missing", "0 1 2"},
		{"cut, then shorter", map[string]string{"": `{"items":[0,1,2,3,4],"next":"2","more":true}`},
			map[string]string{"": `{"items":[0,1],"next":"2","more":true}`, "2": `{"items":[7,8],"more":false}`}, limit(4), "truncated limit", "0 1 2 3 7 8"},
		{"cut, then empty", map[string]string{"": `{"items":[0,1,2],"next":"2","more":true}`},
			map[string]string{"": `{"items":[],"next":"2","more":true}`, "2": `{"items":[7,8],"more":false}`}, limit(2), "truncated limit", "0 1 7 8"},
		{"cut, then in two", map[string]string{"": `{"items":[0,1,2,3],"next":"2","more":true}`},
			map[string]string{"": `{"items":[0,1],"next":"1","more":true}`, "1": `{"items":[2,3,4],"more":false}`}, limit(3), "truncated limit", "0 1 2 3 4"},
		{"cut, then pushed back", map[string]string{"": `{"items":[0,1,2,3],"next":"2","more":true}`},
			map[string]string{"": `{"items":[9,0,1,2],"next":"2","more":true}`, "2": `{"items":[3],"more":false}`}, limit(2), "truncated limit", "0 1 9 2 3"},
	} {
		for _, key := range []string{"", ", key: id"} {
			t.Run(c.name+key, func(t *testing.T) {
				answers := c.first
				r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
					body, ok := answers[q.FormValue("c")]
					if !ok {
						http.Error(w, "no such page", http.StatusTeapot)
						return
					}
					body = regexp.MustCompile(`([[,])(\d+)`).ReplaceAllString(body, `$1{"id":$2}`)
					fmt.Fprint(w, body)
				}, "streams:\n  items:\n    request: {path: /}\n    records: {path: items"+key+"}\n    pagination: {type: cursor, next: body.next, send: query.c, more: body.more}\n")
				if c.change == nil {
					c.change = func(*runtime.Job) {}
				}
				want(t, r.run(c.change), c.ends)
				answers = c.then
				want(t, r.run(), "complete")
				if got := strings.Join(r.ids("items", "id"), " "); got != c.want {
					t.Errorf("records %s, want %s", got, c.want)
				}
			})
		}
	}
}

// TestEqualRecordsOfACutPage: without a key equal records are different things, each delivered once.
func TestEqualRecordsOfACutPage(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"items":[{"id":1},{"id":1},{"id":1},{"id":2}]}`)
	}, "streams:\n  items: {request: {path: /}, records: {path: items}}\n")
	want(t, r.run(func(j *runtime.Job) { j.MaxRecords = 2 }), "truncated limit")
	want(t, r.run(), "complete")
	if got := r.ids("items", "id"); !reflect.DeepEqual(got, []string{"1", "1", "1", "2"}) {
		t.Errorf("records %v", got)
	}
}
