package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/script"
)

func newShow() *cobra.Command {
	var file, hook bool
	cmd := &cobra.Command{
		Use:   "show <connector>",
		Short: "Show a connector: what it reads, its config, where it came from, and its file",
		Example: "  runner show github\n  runner show github --file > connector.yaml   # begin a copy of your own\n" +
			"  runner show anomali-threatstream --hook",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := find(args[0], script.Options{})
			if err != nil {
				return err
			}
			defer c.Close()
			out := cmd.OutOrStdout()
			switch {
			case file:
				_, err = out.Write(c.Source)
				return err
			case hook && c.Spec.Hook == nil:
				return usage("connector %s has no hook", c.Spec.Name)
			case hook:
				_, err = io.WriteString(out, c.Spec.Hook.Text)
				return err
			}
			return show(out, args[0], c.Spec, c.Source)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&file, "file", false, "only the YAML file, as it is")
	f.BoolVar(&hook, "hook", false, "only the hook's JavaScript, as it is")
	cmd.MarkFlagsMutuallyExclusive("file", "hook")
	return cmd
}

func show(out io.Writer, name string, c *spec.Connector, source []byte) error {
	fmt.Fprintf(out, "%s", c.Name)
	if c.Title != "" && c.Title != c.Name {
		fmt.Fprintf(out, ": %s", c.Title)
	}
	fmt.Fprintf(out, "\n\n")
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintf(w, "from\t%s\n", origin(name))
	if c.Docs != "" {
		fmt.Fprintf(w, "docs\t%s\n", c.Docs)
	}
	fmt.Fprintf(w, "auth\t%s\n", authOf(c))
	lines := fmt.Sprintf("%d lines of YAML", bytes.Count(source, []byte("\n")))
	if c.Hook != nil {
		lines += fmt.Sprintf(", %d of JavaScript", strings.Count(c.Hook.Text, "\n"))
	}
	cases := 0
	if files, _, _, err := casesOf(name); err == nil {
		cases = len(files)
	}
	fmt.Fprintf(w, "file\t%s\ncases\t%d\n", lines, cases)
	if err := w.Flush(); err != nil {
		return err
	}
	if err := showConfig(out, c.Config); err != nil {
		return err
	}
	fmt.Fprintln(out, "\nStreams")
	fmt.Fprintln(w, "  STREAM\tREQUEST\tPATTERN\tNEXT RUN\tCHAINS")
	for _, s := range c.Streams {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", s.Name, requestText(s.Request), s.Pagination.Rules.Type, nextRun(s), chainsText(s))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n%s", c.File, source)
	return nil
}

// showConfig prints the config table.
func showConfig(out io.Writer, vars []*spec.Variable) error {
	if len(vars) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "\nConfig (--set name=value, --config FILE, or the environment)")
	fmt.Fprintln(w, "  NAME\tTYPE\tDEFAULT\tENVIRONMENT\tDESCRIPTION")
	for _, v := range vars {
		def := unquote(v.Default)
		if v.Required {
			def = "(required)"
		}
		doc := v.Description
		if len(v.Enum) > 0 {
			var all []string
			for _, e := range v.Enum {
				all = append(all, unquote(e))
			}
			doc = strings.TrimSpace(doc + " (one of " + strings.Join(all, ", ") + ")")
		}
		typ := v.Type
		if v.Secret {
			typ += ", secret"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", v.Name, typ, def, v.Env, doc)
	}
	return w.Flush()
}

// unquote shows a JSON value: a text without its quotes.
func unquote(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// textOf shows a template as it is written.
func textOf(t *spec.Text) string {
	if t == nil {
		return ""
	}
	var b strings.Builder
	for _, p := range t.Parts {
		if p.Expr != nil {
			b.WriteString("${" + p.Expr.Source + "}")
		} else {
			b.WriteString(p.Lit)
		}
	}
	return b.String()
}

func requestText(r *spec.Request) string {
	method := r.Method
	if method == "" {
		method = "GET"
	}
	if r.Path != nil {
		return method + " " + textOf(r.Path)
	}
	return method + " " + textOf(r.URL)
}

// nextRun says where the run after a complete one begins.
func nextRun(s *spec.Stream) string {
	switch {
	case s.Incremental != nil:
		return "from the watermark"
	case s.Pagination.Keep != nil, s.Pagination.KeepToken:
		return "from the kept position"
	}
	return "from the beginning"
}

// chainsText says what the chains of a stream are made of.
func chainsText(s *spec.Stream) string {
	var of []string
	for _, p := range s.Partitions {
		switch {
		case p.Stream != "":
			of = append(of, "each of "+p.Stream)
		case p.Window != nil:
			of = append(of, "windows of "+durationText(p.Window.Every))
		case p.Session != nil:
			of = append(of, "each "+p.As+" of the session")
		default:
			for _, v := range p.Values {
				if v.List != nil && v.List.Kind == spec.KindList {
					of = append(of, fmt.Sprintf("%d values of %s", len(v.List.List), v.Name))
				} else {
					of = append(of, "values of "+v.Name)
				}
			}
		}
	}
	if len(of) == 0 {
		if s.Pagination.Rules.Type == engine.None {
			return "one page"
		}
		return "one"
	}
	return strings.Join(of, " × ")
}
