package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime/script"
)

func newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [path…]",
		Short: "List connectors: those that ship, and those in the given folders",
		Long: "list shows the connectors that ship, and those of the given folders; without a folder, those of this one and of ./connectors.\n" +
			"`runner show NAME` tells more of one.",
		RunE: func(cmd *cobra.Command, args []string) error {
			list := catalogued(args)
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(list)
			}
			return printList(cmd.OutOrStdout(), list)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// listing is one connector in the list.
type listing struct {
	Name    string          `json:"connector"`
	Title   string          `json:"title,omitempty"`
	Auth    string          `json:"auth,omitempty"`
	Streams []listingStream `json:"streams,omitempty"`
	Cases   int             `json:"cases"`
	From    string          `json:"from"` // "ships", or where the file lies
	Invalid string          `json:"invalid,omitempty"`
}

type listingStream struct {
	Name    string `json:"stream"`
	Pattern string `json:"pattern"`
}

// catalogued reads the connectors that ship, then those below the paths.
func catalogued(paths []string) []listing {
	list := []listing{}
	for _, name := range shipped() {
		list = append(list, listingOf(name, "ships"))
	}
	var local []string
	if len(paths) == 0 {
		for _, pattern := range []string{"*/connector.yaml", "connectors/*/connector.yaml"} {
			if found, err := filepath.Glob(pattern); err == nil {
				local = append(local, found...)
			}
		}
	}
	for _, p := range paths {
		local = append(local, connectorsIn(p)...)
	}
	for _, p := range local {
		list = append(list, listingOf(p, p))
	}
	return list
}

func listingOf(name, from string) listing {
	l := listing{Name: name, From: from}
	c, err := lookUp(name, script.Options{})
	if err != nil {
		l.Invalid = strings.SplitN(err.Error(), "\n", 2)[0]
		return l
	}
	defer c.Close()
	l.Name, l.Title, l.Auth = c.Spec.Name, c.Spec.Title, authOf(c.Spec)
	for _, s := range c.Spec.Streams {
		l.Streams = append(l.Streams, listingStream{s.Name, string(s.Pagination.Rules.Type)})
	}
	if files, _, _, err := casesOf(name); err == nil {
		l.Cases = len(files)
	}
	return l
}

func printList(out io.Writer, list []listing) error {
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	fmt.Fprintln(w, "CONNECTOR\tWHAT\tAUTH\tSTREAMS\tPATTERN\tCASES\tFROM")
	for _, l := range list {
		if l.Invalid != "" {
			fmt.Fprintf(w, "%s\tinvalid: %s\t\t\t\t\t%s\n", l.Name, l.Invalid, l.From)
			continue
		}
		var names, patterns []string
		for _, s := range l.Streams {
			names = append(names, s.Name)
			if !slices.Contains(patterns, s.Pattern) {
				patterns = append(patterns, s.Pattern)
			}
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", l.Name, l.Title, l.Auth, few(names, 4), strings.Join(patterns, ", "), l.Cases, l.From)
	}
	return w.Flush()
}

// few joins names, and counts those beyond n.
func few(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}

// origin says where a connector came from.
func origin(name string) string {
	if isShipped(name) {
		if _, err := os.Stat(name); err != nil {
			return "ships with this program"
		}
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}
