package spec

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// file is one connector file while it is read.
type file struct {
	src   *source
	opt   Options
	errs  Errors
	uses  []use
	maps  map[*yaml.Node]*mapping
	bound map[*yaml.Node]bool // values that expressions gave: not templates again
	homes func(key string) []string
	hook  bool // there is a hook file

	streams    map[*Stream]*yaml.Node
	partitions map[Pos]*mapping
}

func newFile(name, text string, opt Options) *file {
	return &file{src: newSource(name, text), opt: opt, maps: map[*yaml.Node]*mapping{}, bound: map[*yaml.Node]bool{},
		streams: map[*Stream]*yaml.Node{}, partitions: map[Pos]*mapping{}}
}

// reader reads values of one place of the file.
type reader struct {
	*file
	scope  Scope   // of the expressions that stand here
	stream *Stream // nil outside streams
	part   string
	key    string // for messages
	over   bool   // a stream's http: what is read is laid over the connector's
}

// fail reports a problem at a node.
func (r reader) fail(n *yaml.Node, msg, hint string) {
	r.file.errs = append(r.file.errs, &Error{r.src.pos(n), msg, hint})
}

// failAt reports a problem at a byte of a scalar's value.
func (r reader) failAt(n *yaml.Node, off int, msg, hint string) {
	at, _ := r.src.place(n, off)
	r.file.errs = append(r.file.errs, &Error{at, msg, hint})
}

// expect returns what an alias stands for when it is of the kind; else it says absent for null and
// reports anything else.
func (r reader) expect(n *yaml.Node, kind yaml.Kind, what, like string) (*yaml.Node, given) {
	n = follow(n)
	switch {
	case isNull(n):
		return n, absent
	case n.Kind != kind:
		r.wants(n, what, like)
		return n, wrong
	}
	return n, set
}

// wants reports a value of the wrong kind.
func (r reader) wants(n *yaml.Node, what, like string) {
	hint := ""
	if like != "" {
		hint = "such as " + like
	}
	if r.key == "" {
		r.fail(n, fmt.Sprintf("%s stands where %s is wanted", kindOf(n), what), hint)
		return
	}
	if what == "`"+r.key+"`" {
		what = "a mapping"
	}
	r.fail(n, fmt.Sprintf("`%s` wants %s, not %s", r.key, what, kindOf(n)), hint)
}
