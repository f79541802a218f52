package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/docs/patterns"
	"github.com/lastpage/lastpage/engine/spec"
)

func newNew() *cobra.Command {
	var like, dir string
	cmd := &cobra.Command{
		Use:   "new <name>",
		Short: "Begin a connector: a commented folder with cases that pass",
		Long: "new writes a folder with a connector to begin from: a commented connector.yaml, and cases that pass.\n" +
			"--like names the way in which the API pages (" + strings.Join(patterns.Names(), ", ") + "),\nor a connector that ships. docs/guide.md tells how to go on.",
		Example: "  runner new widgets --like cursor\n  runner new my-github --like github",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return begin(cmd.Context(), cmd.OutOrStdout(), args[0], like, dir)
		},
	}
	cmd.Flags().StringVar(&like, "like", "cursor", "`PATTERN`, or a connector that ships")
	cmd.Flags().StringVar(&dir, "dir", ".", "`FOLDER` to write the connector's folder into")
	must(cmd.RegisterFlagCompletionFunc("like", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return append(patterns.Names(), shipped()...), cobra.ShellCompDirectiveNoFileComp
	}))
	return cmd
}

var connectorName = regexp.MustCompile(`^[a-z0-9-]+$`)

// begin copies what a connector is to be like into a new folder.
func begin(ctx context.Context, out io.Writer, name, like, dir string) error {
	if !connectorName.MatchString(name) {
		return usage("%q is no name for a connector: want lower-case letters, digits and dashes", name)
	}
	var from fs.FS = patterns.FS
	switch names := append(patterns.Names(), shipped()...); {
	case slices.Contains(patterns.Names(), like):
	case isShipped(like):
		from = connectors.FS
	default:
		msg := fmt.Sprintf("--like %s: there is no such pattern or connector", like)
		if near := spec.Nearest(like, names); near != "" {
			msg += "; did you mean " + near + "?"
		}
		return usage("%s; patterns are %s", msg, strings.Join(patterns.Names(), ", "))
	}
	to := filepath.Join(dir, name)
	if exists(to) {
		return usage("%s exists already; nothing was written", to)
	}
	if err := copyConnector(from, like, to, name); err != nil {
		os.RemoveAll(to) // was not there before
		return &exitError{exitFailed, err}
	}
	fmt.Fprintf(out, "wrote %s, like %s:\n", to, like)
	if files, _, _, err := casesOf(to); err == nil && len(files) > 0 {
		test := testFlags{verbose: true}
		if err := test.test(ctx, out, []string{to}); err != nil {
			return err
		}
	}
	yaml := filepath.Join(to, "connector.yaml")
	fmt.Fprintf(out, "\nnow change %s to what your API says, then:\n  runner validate %s\n  runner run %s --set … --max-pages 3 --record %s --record-records 3\n  runner test %s\n",
		yaml, to, to, filepath.Join(to, "cases"), to)
	return nil
}

// copyConnector copies the folder like of from; the connector gets its new name.
func copyConnector(from fs.FS, like, to, name string) error {
	return fs.WalkDir(from, like, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(strings.TrimPrefix(p, like)))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		b, err := fs.ReadFile(from, p)
		if err != nil {
			return err
		}
		if path.Base(p) == "connector.yaml" {
			b = renamed(b, name)
		}
		return os.WriteFile(target, b, 0o644)
	})
}

var (
	nameLine    = regexp.MustCompile(`(?m)^connector: *[a-z0-9-]+`)
	titleLine   = regexp.MustCompile(`(?m)^title: (Widgets|Events) .*$`)
	sampleToken = []byte("WIDGETS_TOKEN")
)

// renamed gives a connector file its name; the samples' own names go.
func renamed(b []byte, name string) []byte {
	b = nameLine.ReplaceAll(b, []byte("connector: "+name))
	if !bytes.Contains(b, sampleToken) {
		return b
	}
	b = titleLine.ReplaceAll(b, []byte("title: "+name))
	return bytes.ReplaceAll(b, sampleToken, []byte(strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"_TOKEN"))
}
