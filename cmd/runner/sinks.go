package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/store/sink"
)

func newSinks() *cobra.Command {
	return &cobra.Command{
		Use: "sinks", Short: "List where records can go, with every option", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			for i, k := range sink.Kinds {
				if i > 0 {
					fmt.Fprintln(out)
				}
				fmt.Fprintf(out, "%s:%s\n  %s\n  %s\n", k.Name, k.Target, k.Doc, k.Guarantee)
				w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
				for _, o := range k.Options {
					def := ""
					if o.Default != "" {
						def = " (default " + o.Default + ")"
					}
					fmt.Fprintf(w, "    ?%s=\t%s%s\n", o.Name, o.Doc, def)
				}
				if err := w.Flush(); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
