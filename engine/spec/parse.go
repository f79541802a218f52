// Package spec reads connector files (the connector format, version 1). Parse walks the YAML by
// declarative tables, fills in every default and reports every problem of a file at once, each
// with its place and what was likely meant. The JSON Schema of the format is made from the same
// tables.
//
// It does not evaluate expressions: it cuts them out of their texts with their exact places, and
// package runtime/script compiles them.
package spec

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
)

// Options says how Parse reads what is not in the YAML. The zero value works.
type Options struct {
	// Hook reads a hook file beside the YAML and returns its path, as errors print it, and its
	// text. Nil reads from the folder of the YAML file. An error for which
	// errors.Is(err, fs.ErrNotExist) means that there is none: only a hook that the YAML names must
	// exist.
	Hook func(name string) (path string, text string, err error)
	// Bind evaluates an expression that stands where a number, a duration, a flag or another typed
	// value is wanted. Nil leaves such values at their defaults: the file is checked, not yet
	// configured.
	// Expr.ID is -1 and Expr.Names set for a plain dotted name; else the ID is that of the same
	// expression in every Parse of the same text, also one without Bind.
	Bind func(*Expr) (json.RawMessage, error)
	// Compile is handed the connector, as far as it could be read, and returns what is wrong with its
	// expressions and its hook, which is told together with the file's own problems. Nil compiles nothing.
	Compile func(*Connector) []*Error
	// AuthTypes and Patterns are types of auth and of pagination beside those of the format.
	AuthTypes []string
	Patterns  []engine.Type
}

// Parse reads a connector. file is how errors name it. The error is of type Errors when the file
// is wrong.
func Parse(name string, src []byte, opt Options) (*Connector, error) {
	if text, ok := cutBOM(src); ok {
		src = text
	}
	f := newFile(name, string(src), opt)
	f.homes = homesOf
	root, errs := tree(name, src)
	f.errs = errs
	if root == nil {
		return nil, f.errs.sorted(name)
	}
	c := &Connector{File: name}
	connectorTable.init(c)
	r := reader{file: f, scope: ScopeRequest}
	c.Hook = r.readHook(root)
	f.hook = c.Hook != nil
	if connectorTable.read(r, root, c) == absent {
		f.errs = append(f.errs, &Error{Pos{name, 1, 1}, "the file is empty", "a connector begins with `connector: name` and `format: 1`"})
	}
	if m := f.maps[follow(root)]; m != nil {
		c.HTTP.complete()
		checkParents(r, c)
		checkBaseURL(r, c, m)
		checkUses(r, c)
		for _, s := range c.Streams {
			if sm := f.maps[f.streams[s]]; sm != nil {
				s.Pieces = r.pieces(m.sub("http"), sm)
				s.Fingerprint = fingerprint(s.Pieces)
			}
		}
	}
	c.Exprs = f.number()
	if opt.Compile != nil {
		own := f.errs
		for _, e := range opt.Compile(c) {
			if e.Pos.Line > 0 && !own.at(e.Pos) {
				f.errs = append(f.errs, e)
			}
		}
	}
	if len(f.errs) > 0 {
		return nil, f.errs.sorted(name)
	}
	return c, nil
}

func cutBOM(src []byte) ([]byte, bool) {
	if len(src) >= 3 && src[0] == 0xEF && src[1] == 0xBB && src[2] == 0xBF {
		return src[3:], true
	}
	return src, false
}

// number gives the expressions that need JavaScript their IDs, in the order of the file.
func (f *file) number() []*Expr {
	uses := slices.Clone(f.uses)
	slices.SortStableFunc(uses, func(a, b use) int {
		return cmp.Or(cmp.Compare(a.expr.Pos.Line, b.expr.Pos.Line), cmp.Compare(a.expr.Pos.Col, b.expr.Pos.Col))
	})
	var exprs []*Expr
	for _, u := range uses {
		if u.expr.Names == nil {
			u.expr.ID = len(exprs)
			exprs = append(exprs, u.expr)
		}
	}
	return exprs
}

// readHook reads the hook file: the one that the YAML names, or hook.js when there is one. After
// an error it returns an empty hook, so that nothing else complains that there is none.
func (r reader) readHook(root *yaml.Node) *Hook {
	name, at := "hook.js", (*yaml.Node)(nil)
	if root := follow(root); root.Kind == yaml.MappingNode {
		for _, e := range entries(root, func(*yaml.Node, string, string) {}) {
			if v := follow(e.value); e.name == "hook" && v.Kind == yaml.ScalarNode && !isNull(v) {
				name, at = v.Value, v
			}
		}
	}
	if at != nil && (!filepath.IsLocal(name) || name == ".") {
		r.fail(at, fmt.Sprintf("`hook`: `%s` is not a file beside the connector", shorten(name)), "")
		return &Hook{}
	}
	read := r.opt.Hook
	if read == nil {
		read = func(name string) (string, string, error) {
			path := filepath.Join(filepath.Dir(r.src.file), name)
			text, err := os.ReadFile(path)
			return path, string(text), err
		}
	}
	path, text, err := read(name)
	switch {
	case err == nil:
		return &Hook{File: path, Text: text}
	case errors.Is(err, fs.ErrNotExist) && at == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		r.fail(at, fmt.Sprintf("`hook`: there is no file `%s` beside the connector", name), "")
	case at == nil:
		r.file.errs = append(r.file.errs, &Error{Pos{r.src.file, 1, 1}, fmt.Sprintf("the hook file cannot be read: %v", err), ""})
	default:
		r.fail(at, fmt.Sprintf("the hook file cannot be read: %v", err), "")
	}
	return &Hook{}
}
