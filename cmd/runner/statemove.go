package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
)

func newStateExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export <connector>",
		Short: "Print what is stored of a connector as JSON, for `state import` on another host",
		Long: "export prints positions, watermarks and the keys of delivered records as one JSON document.\n" +
			"How far output files are written, and credentials, stay behind.",
		Args:              wants("a connector", 1, 1),
		ValidArgsFunction: completeStreams(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := openLedger(cmd, args[0], false)
			if err != nil {
				return err
			}
			defer l.Close()
			if _, err := l.streams(cmd.Context(), nil); err != nil {
				return err
			}
			if err := l.Export(cmd.Context(), l.name, cmd.OutOrStdout()); err != nil {
				return stateError(err)
			}
			return nil
		},
	}
}

func newStateImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import [connector] [file]",
		Short: "Replace what is stored of a connector by what `state export` printed (- or no file: stdin)",
		Long: "import replaces what is stored of the connector that the document names by what `state export` printed.\n" +
			"Without a file, or with -, the document is read from standard input. A connector that is named beside it is what the\n" +
			"document has to be of.",
		Example: "  runner state import github.json --state there.db\n  runner state export github | runner state import --state there.db\n" +
			"  runner state import github github.json",
		Args:              wants("a connector", 0, 2),
		ValidArgsFunction: completeStreams(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			var connector, file string
			switch {
			case len(args) == 2:
				connector, file = args[0], args[1]
			case len(args) == 1 && (isDocument(args[0]) || filepath.Ext(args[0]) == ".json"):
				file = args[0]
			case len(args) == 1:
				connector = args[0]
			}
			in := cmd.InOrStdin()
			if file != "" && file != "-" {
				f, err := os.Open(file)
				if err != nil {
					return usage("%w", plain(err))
				}
				defer f.Close()
				in = f
			}
			return importState(cmd, connector, in)
		},
	}
}

// isDocument reports whether a single argument is the document, not the connector.
func isDocument(arg string) bool {
	if arg == "-" {
		return true
	}
	info, err := os.Stat(arg)
	if err != nil || info.IsDir() {
		return false
	}
	c, err := lookUp(arg, script.Options{})
	if err == nil {
		c.Close()
	}
	return err != nil
}

// importState replaces what is stored by the document; arg is "" when the document alone says of what.
func importState(cmd *cobra.Command, arg string, in io.Reader) error {
	name := arg
	if arg != "" {
		c, err := lookUp(arg, script.Options{})
		switch {
		case err == nil:
			name = c.Spec.Name
			c.Close()
		case !errors.Is(err, fs.ErrNotExist):
			return &exitError{exitUsage, err}
		}
	}
	doc, err := io.ReadAll(in)
	if err != nil {
		return usage("the document to import: %w", err)
	}
	var head struct{ Connector string }
	if err := json.Unmarshal(doc, &head); err != nil {
		return usage("the document to import is not what `runner state export` prints: %w", err)
	}
	if head.Connector == "" {
		return usage("the document to import names no connector; it is not what `runner state export` prints")
	}
	if arg == "" {
		name = head.Connector
	}
	if head.Connector != name {
		return usage("the document to import is of connector %s, not of %s; nothing is changed", head.Connector, name)
	}
	file, err := cmd.Flags().GetString("state")
	if err != nil {
		return err
	}
	db, err := store.Open(cmd.Context(), file, store.Options{})
	if err != nil {
		return stateError(err)
	}
	defer db.Close()
	_, streams, err := db.Import(cmd.Context(), strings.NewReader(string(doc)))
	if err != nil {
		var held *engine.HeldError
		var broken *store.Error
		if errors.As(err, &held) || errors.As(err, &broken) {
			return stateError(err)
		}
		return usage("%w", err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s: imported %s into %s\n", name, strings.Join(streams, ", "), file)
	return nil
}
