package replay

import (
	"bytes"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/lastpage/lastpage/runtime"
)

// Result is what came of a case.
type Result struct {
	Case        *Case
	Report      *runtime.Report // of the last run; nil when it did not begin
	Err         error           // why it did not begin
	Differences []Difference

	updated []byte
}

// Difference is one thing that was otherwise than the case says.
type Difference struct {
	Section string // file of the case
	Text    string // a unified diff (- the case, + what the engine did) or a sentence
}

// OK says whether everything was as the case says.
func (r *Result) OK() bool { return len(r.Differences) == 0 }

// Updated is the case's text with what the engine did: requests, records, verdict. Responses and
// comments are as they were.
func (r *Result) Updated() []byte { return r.updated }

// String is all differences, for people.
func (r *Result) String() string {
	var b strings.Builder
	for _, d := range r.Differences {
		b.WriteString(strings.TrimRight(d.Text, "\n") + "\n")
	}
	return b.String()
}

func (r *Result) differ(section, text string) {
	r.Differences = append(r.Differences, Difference{section, text})
}

// diff notes where a file of the case differs from what the engine did.
func (r *Result) diff(section string, want, got []byte) {
	if d := diff.Diff(r.Case.File+": "+section, lined(want), "the engine", lined(got)); d != nil {
		_, d, _ = bytes.Cut(d, []byte("\n")) // without the line "diff a b"
		r.differ(section, string(d))
	}
}

func lined(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] != '\n' {
		return append(slices.Clip(b), '\n')
	}
	return b
}
