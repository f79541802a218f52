package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store/sink"
)

// completeStreams completes a connector (its name, or a path) and then its streams, at most limit of
// them; below 0 is no limit.
func completeStreams(limit int) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return completeConnectors(begun)
		}
		if limit >= 0 && len(args) > limit {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		c, err := lookUp(args[0], script.Options{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		var out []cobra.Completion
		for _, s := range c.Spec.Streams {
			if strings.HasPrefix(s.Name, begun) && !slices.Contains(args[1:], s.Name) {
				out = append(out, cobra.CompletionWithDesc(s.Name, string(s.Pagination.Rules.Type)))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func completeConnectors(begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, name := range shipped() {
		if strings.HasPrefix(name, begun) {
			out = append(out, name)
		}
	}
	return out, cobra.ShellCompDirectiveDefault // files and folders too
}

func completeSinks(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var out []cobra.Completion
	for _, k := range sink.Kinds {
		if strings.HasPrefix(k.Name+":", begun) {
			out = append(out, cobra.CompletionWithDesc(k.Name+":", k.Doc))
		}
	}
	return out, cobra.ShellCompDirectiveNoSpace
}
