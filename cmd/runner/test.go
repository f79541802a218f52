package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/replay"
	"github.com/lastpage/lastpage/runtime/script"
)

// testFlags are those of `runner test`.
type testFlags struct {
	update    bool
	cases     []string
	verbose   bool
	untrusted bool
	script    script.Options // as untrusted says
}

func newTest() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test <connector>…",
		Short: "Play a connector's recorded cases, without a network, and show what differs",
		Long: "test runs each case of the connectors (files cases/*.txtar beside connector.yaml) against its recorded answers, on a simulated clock,\n" +
			"and shows what the connector did otherwise than the case says. A folder of connectors means all of them; see docs/cases.md.\n\n" +
			"Exit: 0 all passed, 1 a case failed, 2 there is no case, or one that cannot be read.",
		Example: "  runner test github\n  runner test connectors/...\n  runner test ./github --case throttled --update",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if f.script, err = scriptOptions(f.untrusted, nil); err != nil {
				return err
			}
			return f.test(cmd.Context(), cmd.OutOrStdout(), args)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.update, "update", false, "write what the engine did into the cases: requests, records, verdict; responses and comments stay")
	fl.StringArrayVar(&f.cases, "case", nil, "only the case of that `NAME`, may be repeated")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "list the cases that pass, too")
	fl.BoolVar(&f.untrusted, "untrusted", false, "run the connectors' JavaScript in a child process with hard limits")
	return cmd
}

// tally counts cases by how they ended.
type tally struct{ passed, failed, updated, invalid int }

func (t tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if t.updated > 0 {
		s += fmt.Sprintf(", %d updated", t.updated)
	}
	if t.invalid > 0 {
		s += fmt.Sprintf(", %d invalid", t.invalid)
	}
	return s
}

func (f *testFlags) test(ctx context.Context, out io.Writer, args []string) error {
	var sum tally
	names := map[string]bool{}
	for _, arg := range args {
		if len(args) > 1 && isOtherFile(arg) {
			continue
		}
		for _, name := range connectorsIn(strings.TrimSuffix(arg, "/...")) {
			if err := f.connector(ctx, out, name, &sum, names); err != nil {
				return err
			}
		}
	}
	for _, name := range f.cases {
		if !names[name] {
			return usage("there is no case %s", name)
		}
	}
	fmt.Fprintln(out, sum)
	switch {
	case sum.invalid > 0:
		return &exitError{exitUsage, nil}
	case sum.failed > 0:
		return &exitError{exitFailed, nil}
	case sum.passed+sum.updated == 0:
		return usage("no case was played: a connector's cases are the files cases/*.txtar beside its connector.yaml")
	}
	return nil
}

// isOtherFile says whether path is a file that is no connector, such as one that `connectors/*` names
// along with the folders.
func isOtherFile(path string) bool {
	info, err := os.Stat(path)
	ext := filepath.Ext(path)
	return err == nil && !info.IsDir() && ext != ".yaml" && ext != ".yml"
}

// connector plays the cases of one connector.
func (f *testFlags) connector(ctx context.Context, out io.Writer, name string, sum *tally, names map[string]bool) error {
	files, load, local, err := casesOf(name)
	if err != nil {
		return err
	}
	if f.update && !local {
		return usage("--update writes files, and %s ships in the program: name its folder", name)
	}
	c, err := find(name, f.script)
	if err != nil && !exists(name) && !isShipped(name) {
		return err
	}
	if err != nil {
		sum.invalid++
		fmt.Fprintf(out, "%s\n", err)
		return nil
	}
	defer c.Close()
	if len(files) == 0 && len(f.cases) == 0 {
		fmt.Fprintf(out, "%s has no cases\n", name)
	}
	for _, file := range files {
		k, err := load(file)
		if len(f.cases) > 0 && !slices.Contains(f.cases, strings.TrimSuffix(path.Base(filepath.ToSlash(file)), replay.Extension)) {
			continue
		}
		if err == nil {
			names[k.Name] = true
			err = f.play(ctx, out, c, k, sum)
		}
		var bad *replay.Error
		switch {
		case errors.As(err, &bad):
			sum.invalid++
			fmt.Fprintf(out, "%v\n", err)
			names[strings.TrimSuffix(path.Base(filepath.ToSlash(file)), replay.Extension)] = true
		case err != nil:
			return &exitError{exitFailed, err}
		}
	}
	return nil
}

// play plays one case, and tells or writes what differs.
func (f *testFlags) play(ctx context.Context, out io.Writer, c *runtime.Connector, k *replay.Case, sum *tally) error {
	label := c.Spec.Name + "/" + k.Name
	r, err := k.Play(ctx, c, replay.Options{Update: f.update, Script: f.script})
	if err != nil {
		return err
	}
	if r.OK() {
		sum.passed++
		if f.verbose {
			fmt.Fprintf(out, "ok    %s: %s\n", label, k.Summary())
		}
		return nil
	}
	if f.update {
		if err := os.WriteFile(k.File, r.Updated(), 0o644); err != nil {
			return err
		}
		k, err = replay.Load(k.File)
		if err != nil {
			return err
		}
		again, err := k.Play(ctx, c, replay.Options{Script: f.script})
		if err != nil {
			return err
		}
		if again.OK() {
			sum.updated++
			fmt.Fprintf(out, "wrote %s: %s\n", label, k.Summary())
			if f.verbose {
				fmt.Fprint(out, r)
			}
			return nil
		}
		r = again
	}
	sum.failed++
	fmt.Fprintf(out, "FAIL  %s: %s\n%s", label, k.Summary(), r)
	return nil
}

// casesOf finds the case files of a connector that ships or lies on disk, and how to read them.
func casesOf(name string) (files []string, load func(string) (*replay.Case, error), local bool, err error) {
	if _, serr := os.Stat(name); serr != nil && isShipped(name) {
		files, err = fs.Glob(connectors.FS, name+"/cases/*"+replay.Extension)
		return files, func(p string) (*replay.Case, error) { return replay.LoadFS(connectors.FS, p) }, false, err
	}
	dir := name
	if info, serr := os.Stat(name); serr == nil && !info.IsDir() {
		dir = filepath.Dir(name)
	}
	files, err = filepath.Glob(filepath.Join(globQuote(dir), "cases", "*"+replay.Extension))
	return files, replay.Load, true, err
}

// globQuote makes a path a pattern that only it matches.
func globQuote(p string) string {
	return strings.NewReplacer("[", `\[`, "*", `\*`, "?", `\?`).Replace(p)
}
