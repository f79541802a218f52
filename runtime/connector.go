package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/script"
)

// Connector is a connector file that was read, checked and compiled. It is immutable; any number of
// runs may share it.
type Connector struct {
	Spec   *spec.Connector
	Source []byte // of the YAML file

	program *script.Program
	hook    func(name string) (string, string, error)
	kinds   Kinds

	outlining sync.Once
	outline   *script.Outline
}

// Load reads a connector file or folder from disk. The error lists every problem of the file, with
// its place.
func Load(path string, opt script.Options) (*Connector, error) { return Kinds{}.Load(path, opt) }

// Load is the function Load, for connectors that may use the kinds.
func (k Kinds) Load(path string, opt script.Options) (*Connector, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "connector.yaml")
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return k.Parse(path, src, beside(path), opt)
}

// beside reads hook files from the folder of a connector file.
func beside(path string) func(string) (string, string, error) {
	return func(name string) (string, string, error) {
		p := filepath.Join(filepath.Dir(path), name)
		b, err := os.ReadFile(p)
		return p, string(b), err
	}
}

// LoadFS reads a connector from a file system, such as the shipped ones.
func LoadFS(fsys fs.FS, path string, opt script.Options) (*Connector, error) {
	return Kinds{}.LoadFS(fsys, path, opt)
}

// LoadFS is the function LoadFS, for connectors that may use the kinds.
func (k Kinds) LoadFS(fsys fs.FS, path string, opt script.Options) (*Connector, error) {
	if info, err := fs.Stat(fsys, path); err == nil && info.IsDir() {
		path += "/connector.yaml"
	}
	src, err := fs.ReadFile(fsys, path)
	if err != nil {
		return nil, err
	}
	dir := filepath.ToSlash(filepath.Dir(path))
	return k.Parse(path, src, func(name string) (string, string, error) {
		p := dir + "/" + name
		b, err := fs.ReadFile(fsys, p)
		return p, string(b), err
	}, opt)
}

// Parse reads a connector from its text; hook reads a hook file beside it and returns its path and
// text (nil: from the folder of name). It is asked during the call only: runs use what it gave then.
func Parse(name string, src []byte, hook func(string) (string, string, error), opt script.Options) (*Connector, error) {
	return Kinds{}.Parse(name, src, hook, opt)
}

// Parse is the function Parse, for connectors that may use the kinds.
func (k Kinds) Parse(name string, src []byte, hook func(string) (string, string, error), opt script.Options) (*Connector, error) {
	if hook == nil {
		hook = beside(name)
	}
	read := hookFiles{}
	c := &Connector{Source: src, hook: read.again, kinds: k}
	var err, other error
	checks := k.options(read.first(hook))
	checks.Compile = func(s *spec.Connector) (errs []*spec.Error) {
		c.program, errs, other = checkScripts(s, opt)
		return errs
	}
	if c.Spec, err = spec.Parse(name, src, checks); err == nil {
		err = other
	}
	if err != nil {
		if c.program != nil {
			c.program.Close()
		}
		return nil, err
	}
	return c, nil
}

// checkScripts compiles a connector, which may be one that could not be read whole, and returns what is wrong
// with its expressions and its hook. err is of another kind.
func checkScripts(s *spec.Connector, opt script.Options) (p *script.Program, errs []*spec.Error, err error) {
	p, err = compile(s, opt)
	var wrong script.Errors
	switch {
	case err == nil:
		return p, checkFunctions(s, p), nil
	case !errors.As(err, &wrong):
		return nil, nil, err
	}
	for _, e := range wrong {
		errs = append(errs, &spec.Error{Pos: spec.Pos{File: e.File, Line: e.Line, Col: e.Col}, Msg: e.Msg, Hint: e.Hint})
	}
	bare := *s
	bare.Exprs, opt.Worker = nil, nil
	if p, err := compile(&bare, opt); err == nil { // the hook has what functions it has
		errs = append(errs, checkFunctions(s, p)...)
		p.Close()
	}
	return nil, errs, nil
}

// hookFiles are the hook files that a connector asked for, by name: every run of it sees the same.
type hookFiles map[string]hookFile

type hookFile struct {
	path, text string
	err        error
}

// first reads through read, and keeps what it gives.
func (h hookFiles) first(read func(string) (string, string, error)) func(string) (string, string, error) {
	return func(name string) (string, string, error) {
		path, text, err := read(name)
		h[name] = hookFile{path, text, err}
		return path, text, err
	}
}

// again gives what was read first.
func (h hookFiles) again(name string) (string, string, error) {
	f, ok := h[name]
	if !ok {
		return name, "", fs.ErrNotExist
	}
	return f.path, f.text, f.err
}

// Close ends what the connector's scripts hold.
func (c *Connector) Close() { c.program.Close() }

// compile compiles the expressions and the hook of a connector.
func compile(s *spec.Connector, opt script.Options) (*script.Program, error) {
	exprs := make([]script.Source, len(s.Exprs))
	for i, e := range s.Exprs {
		exprs[i] = script.Source{ID: e.ID, Text: e.Source, File: e.Pos.File, Line: e.Pos.Line, Col: e.Pos.Col, Indent: e.Indent, Names: e.Scope.Names()}
	}
	var hook *script.HookSource
	if s.Hook != nil {
		hook = &script.HookSource{File: s.Hook.File, Text: s.Hook.Text}
	}
	opt.Roles = map[string]string{}
	for _, st := range s.Streams {
		for role, name := range st.Functions {
			opt.Roles[role] = name
		}
	}
	return script.Compile(hook, exprs, opt)
}

// checkFunctions refuses a connector whose YAML counts on a hook function that is not there.
func checkFunctions(s *spec.Connector, p *script.Program) (errs []*spec.Error) {
	if s.Hook == nil || s.Hook.File == "" {
		return nil // whoever needs it has been told that there is none
	}
	for _, st := range s.Streams {
		has := func(role string) bool {
			name := role
			if given, ok := st.Functions[role]; ok {
				name = given
			}
			return name != "" && p.Has(name)
		}
		named := func(role string) bool { return st.Functions[role] != "" } // what is not there is told below
		rules := st.Pagination.Rules
		if (rules.Type == "hook" || rules.Decides == "hook") && !has("next") && !named("next") {
			errs = append(errs, &spec.Error{Pos: st.Pagination.Pos, Msg: "stream " + st.Name + " needs a hook function next(page)", Hint: "add `function next(page) { … }` to the hook file"})
		}
		if a := st.HTTP.Auth; a != nil && a.Type == "hook" && !has("sign") && !named("sign") {
			errs = append(errs, &spec.Error{Pos: a.Pos, Msg: "auth type hook needs a hook function sign(req, ctx)", Hint: "add `function sign(req, ctx) { … }` to the hook file"})
		}
		for _, role := range slices.Sorted(maps.Keys(st.Functions)) {
			if name := st.Functions[role]; name != "" && !p.Has(name) {
				errs = append(errs, &spec.Error{Pos: st.Pos, Msg: "the hook file has no function `" + name + "` (hook." + role + ")", Hint: "add `function " + name + "(" + params(role) + ") { … }` to it, or name one that is there"})
			}
		}
	}
	return errs
}

// params are the parameters of a hook function, as they are written.
func params(role string) string {
	f := script.Role(role)
	if f == nil {
		return ""
	}
	names := make([]string, len(f.Params))
	for i, p := range f.Params {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

// compiled is the expression of the program that stands where e does.
func (c *Connector) compiled(e *spec.Expr) *spec.Expr {
	for _, known := range c.Spec.Exprs {
		if known.Pos == e.Pos && known.Source == e.Source {
			return known
		}
	}
	return e
}

// bind reads the connector again with the configuration of a run filled in.
func (c *Connector) bind(ctx context.Context, b *bound) (*spec.Connector, *script.Program, error) {
	b.program = c.program // for what is evaluated before the bound connector is compiled
	sc := &scope{job: b, config: b.config, run: b.id}
	opt := c.kinds.options(c.hook)
	opt.Bind = func(e *spec.Expr) (json.RawMessage, error) { return sc.eval(ctx, c.compiled(e)) }
	bound, err := spec.Parse(c.Spec.File, c.Source, opt)
	if err != nil {
		return nil, nil, err
	}
	program, err := compile(bound, b.job.Script)
	var errs script.Errors
	if errors.As(err, &errs) {
		return nil, nil, errs
	}
	return bound, program, err
}
