package runtime_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime"
)

// A format case is a connector, what its server answers, and what must come of it. The server is a
// list of answers that are given in order; each says what request it expects.
type exchange struct {
	ask    string // "GET /path?query", the body behind a space when there is one; "" is not checked
	header string // "Name: value" that the request must carry, "-Name" that it must not
	status int    // 200
	head   string // headers of the answer, "Name: value" separated by "|"
	body   string
}

type formatCase struct {
	name    string
	http    string // lines below `http:`
	streams string
	hook    string
	say     []exchange
	verdict string // "complete"
	records string // the lines of s.jsonl
}

func (c formatCase) run(t *testing.T) {
	n := 0
	var problems []string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		if n >= len(c.say) {
			problems = append(problems, "one request too many: "+q.Method+" "+q.RequestURI)
			w.WriteHeader(http.StatusTeapot)
			return
		}
		x := c.say[n]
		n++
		b, _ := io.ReadAll(q.Body)
		got := q.Method + " " + q.RequestURI
		if len(b) > 0 {
			got += " " + string(b)
		}
		if x.ask != "" && x.ask != got {
			problems = append(problems, fmt.Sprintf("request %d:\n got %s\nwant %s", n, got, x.ask))
		}
		if name, value, ok := strings.Cut(x.header, ": "); ok && q.Header.Get(name) != value {
			problems = append(problems, fmt.Sprintf("request %d: header %s is %q, want %q", n, name, q.Header.Get(name), value))
		} else if not, ok := strings.CutPrefix(x.header, "-"); ok && q.Header.Get(not) != "" {
			problems = append(problems, fmt.Sprintf("request %d: header %s is sent", n, not))
		}
		w.Header().Set("Content-Type", "application/json")
		for h := range strings.SplitSeq(x.head, "|") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				w.Header().Add(name, value)
			}
		}
		if x.status != 0 {
			w.WriteHeader(x.status)
		}
		io.WriteString(w, x.body)
	}, c.http+c.streams)
	if c.hook != "" {
		if err := os.WriteFile(filepath.Join(r.dir, "hook.js"), []byte(c.hook), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rep := r.run(func(j *runtime.Job) { j.Set["org"] = "a b/ü" })
	for _, p := range problems {
		t.Error(p)
	}
	if n != len(c.say) {
		t.Errorf("%d requests, want %d", n, len(c.say))
	}
	if got := strings.TrimSpace(rep.Verdict + " " + rep.Reason); got != c.verdict {
		t.Errorf("the run ended %q, want %q: %s", got, c.verdict, rep.Message)
	}
	b, _ := os.ReadFile(filepath.Join(r.dir, "s.jsonl"))
	if got := strings.TrimSpace(string(b)); got != strings.TrimSpace(c.records) {
		t.Errorf("records:\n%s\nwant:\n%s", got, c.records)
	}
}

func TestFormat(t *testing.T) {
	formatCases := slices.Concat(pagingCases, answerCases)
	for _, c := range formatCases {
		t.Run(c.name, c.run)
	}
	names := map[string]bool{}
	for _, c := range formatCases {
		if names[c.name] {
			t.Errorf("two cases are called %q", c.name)
		}
		names[c.name] = true
	}
	if !slices.ContainsFunc(formatCases, func(c formatCase) bool { return c.hook != "" }) {
		t.Error("no case has a hook")
	}
}
