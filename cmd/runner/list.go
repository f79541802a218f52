package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime/script"
)

func newList() *cobra.Command {
	return &cobra.Command{
		Use: "list [path…]", Short: "List connectors: those that ship, and those in the given folders",
		RunE: func(cmd *cobra.Command, args []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 2, 8, 2, ' ', 0)
			fmt.Fprintln(w, "CONNECTOR\tTITLE\tAUTH\tSTREAMS")
			names := shipped()
			for _, a := range args {
				names = append(names, connectorsIn(a)...)
			}
			for _, name := range names {
				c, err := lookUp(name, script.Options{})
				if err != nil {
					fmt.Fprintf(w, "%s\tinvalid: %s\t\t\n", name, strings.SplitN(err.Error(), "\n", 2)[0])
					continue
				}
				auth := "none"
				if a := c.Spec.HTTP.Auth; a != nil {
					auth = a.Type
				}
				var streams []string
				for _, s := range c.Spec.Streams {
					streams = append(streams, s.Name+" ("+string(s.Pagination.Rules.Type)+")")
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Spec.Name, c.Spec.Title, auth, strings.Join(streams, ", "))
				c.Close()
			}
			return w.Flush()
		},
	}
}
