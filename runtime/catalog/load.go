package catalog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// task is a connector to be read.
type task struct {
	fsys    fs.FS
	path    string        // of the YAML file
	dir     string        // its folder
	single  bool          // a file among others: it has no cases
	before  seen          // nil: never read
	touched time.Time     // last sign of a change
	wait    time.Duration // how long what looks half written must be left alone
}

// outcome is what came of a task.
type outcome struct {
	same   bool // nothing has changed since it was read last
	half   bool // it looks half written: look again later
	moving bool // it was written to while it was read
	seen   seen
	name   string // what the file calls itself, "" when that cannot be told
	files  []File
	id     string
	conn   *runtime.Connector // nil when err is set, or when the files are to be looked at again
	err    error
}

// load reads, compiles and tries a connector: all or nothing.
func (o *Options) load(ctx context.Context, t task) outcome {
	watched := t.fsys == nil
	if t.before != nil && (!watched || t.before.same()) {
		return outcome{same: true}
	}
	r := &reading{fsys: t.fsys, seen: seen{}}
	src, err := r.read(t.path)
	if err != nil {
		return outcome{seen: r.seen, err: err}
	}
	if watched && half(src) && t.fresh(r.seen[t.path]) {
		return outcome{half: true}
	}
	out := outcome{name: named(src), files: []File{{t.path, string(src)}}, seen: r.seen}
	out.conn, out.err = o.Kinds.Parse(t.path, src, func(name string) (string, string, error) {
		path := filepath.Join(t.dir, name)
		if !watched {
			path = filepath.ToSlash(path)
		}
		text, err := r.read(path)
		if err == nil {
			out.files = append(out.files, File{path, string(text)})
			out.half = watched && half(text) && t.fresh(r.seen[path])
		}
		return path, string(text), err
	}, o.Script)
	if out.err == nil && !out.half {
		out.name = out.conn.Spec.Name
		out.err = o.replay(ctx, t, r, out.conn)
	}
	out.id = identify(out.files)
	out.moving = watched && !out.half && !r.seen.same()
	if out.conn != nil && (out.err != nil || out.half || out.moving) {
		out.conn.Close()
		out.conn = nil
	}
	return out
}

// fresh reports whether a file was written to a moment ago.
func (t *task) fresh(s sight) bool {
	age := time.Since(s.modified) // negative when the file is from another clock
	return time.Since(t.touched) < t.wait || age >= 0 && age < t.wait
}

// replay plays every case of the connector. The error has a line for each that went wrong. Those of the
// shipped set are played before it ships.
func (o *Options) replay(ctx context.Context, t task, r *reading, c *runtime.Connector) error {
	if t.single || o.Replay == nil || t.fsys != nil {
		return nil
	}
	cases := r.cases(t.dir)
	ctx, cancel := context.WithTimeout(ctx, o.Patience)
	defer cancel()
	var errs []error
	for _, path := range cases {
		if _, err := r.read(path); err != nil {
			errs = append(errs, err)
			continue
		}
		within := "cases/" + filepath.Base(path)
		err := o.Replay(ctx, c, os.DirFS(t.dir), within)
		if ctx.Err() != nil {
			errs = append(errs, fmt.Errorf("%s: the cases take longer than %s", path, o.Patience))
			break
		}
		if err != nil {
			errs = append(errs, placed(path, within, err))
		}
	}
	return errors.Join(errs...)
}

// placed is an error that begins with the path of the case.
func placed(path, within string, err error) error {
	if rest, ok := strings.CutPrefix(err.Error(), within+":"); ok {
		return fmt.Errorf("%s:%s", path, rest)
	}
	return fmt.Errorf("%s: %w", path, err)
}

var nameLine = regexp.MustCompile(`(?m)^connector:[ \t]*["']?([a-z0-9-]+)`)

// named is what a text calls its connector, "" when it does not look like one.
func named(src []byte) string {
	if m := nameLine.FindSubmatch(src); m != nil {
		return string(m[1])
	}
	return ""
}
