package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
)

func newState() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "What is stored of a connector: look at it, move it, start over",
		Long: "state looks at the checkpoints of a connector and changes them. The connector is a name as stored, a path,\n" +
			"or one that ships. A stream that is being run is not changed: exit 2 says who runs it.",
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("state has no %s; it has list, show, reset, set, export, import", args[0])
			}
			return usage("state needs one of list, show, reset, set, export, import")
		},
	}
	cmd.PersistentFlags().String("state", defaultState, "`FILE` with checkpoints")
	cmd.AddCommand(newStateList(), newStateShow(), newStateReset(), newStateSet(), newStateExport(), newStateImport())
	return cmd
}

// ledger is an open state file and the connector that a command is about.
type ledger struct {
	*store.DB
	file      string
	name      string             // of the connector; "" for all of them
	connector *runtime.Connector // nil when there is no file of it
	redact    *transport.Redactor
}

func (l *ledger) Close() {
	if l.connector != nil {
		l.connector.Close()
	}
	l.DB.Close()
}

// openLedger opens the state file of --state, which must exist, and finds the connector.
func openLedger(cmd *cobra.Command, arg string, write bool) (*ledger, error) {
	file, err := cmd.Flags().GetString("state")
	if err != nil {
		return nil, err
	}
	ctx := cmd.Context()
	opt := store.Options{ReadOnly: !write || !exists(file), SecretKey: os.Getenv(keyVariable)}
	db, err := store.Open(ctx, file, opt)
	if err != nil {
		return nil, stateError(err)
	}
	l := &ledger{DB: db, file: file}
	if arg == "" {
		return l, nil
	}
	if err := l.find(ctx, arg); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// stateError gives an error of the state file or of what is in it the exit code 2, where what was
// asked for is at fault, else 1.
func stateError(err error) error {
	var held *engine.HeldError
	var file *store.Error
	switch {
	case errors.As(err, &held):
		return &exitError{exitUsage, heldMessage(held)}
	case errors.As(err, &file) && file.Code == "missing" && file.Try == "":
		return &exitError{exitUsage, fmt.Errorf("%w; name the file that was used (--state FILE)", file)}
	case errors.As(err, &file) && (file.Code == "missing" || file.Code == "not_a_database"):
		return &exitError{exitUsage, file}
	}
	return &exitError{exitFailed, err}
}

// find sets the connector's name, and the connector itself where it can be loaded.
func (l *ledger) find(ctx context.Context, arg string) error {
	c, err := lookUp(arg, script.Options{})
	if err == nil {
		l.name, l.connector = c.Spec.Name, c
		return nil
	}
	l.name = arg
	if !errors.Is(err, fs.ErrNotExist) {
		if l.name = writtenName(arg); l.name == "" {
			return &exitError{exitUsage, err}
		}
	}
	streams, serr := l.Streams(ctx, l.name)
	if serr != nil {
		return stateError(serr)
	}
	if len(streams) > 0 {
		return nil
	}
	return usage("nothing is stored for %s in %s%s", arg, l.file, l.others(ctx))
}

// others says which connectors the file holds.
func (l *ledger) others(ctx context.Context) string {
	streams, err := l.Streams(ctx, "")
	if err != nil || len(streams) == 0 {
		return "; it is empty"
	}
	var names []string
	for _, s := range streams {
		if !slices.Contains(names, s.Connector) {
			names = append(names, s.Connector)
		}
	}
	if near := spec.Nearest(l.name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; it holds " + strings.Join(names, ", ")
}

// writtenName is the connector's name in a file that has mistakes elsewhere.
func writtenName(path string) string {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path += "/connector.yaml"
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	var head struct {
		Connector string `yaml:"connector"`
	}
	_ = yaml.Unmarshal(b, &head) // what could be read of it
	return head.Connector
}

// streams are the connector's streams that are stored, or the one that args name.
func (l *ledger) streams(ctx context.Context, args []string) ([]store.Stream, error) {
	all, err := l.Streams(ctx, l.name)
	if err != nil {
		return nil, stateError(err)
	}
	if len(args) == 0 {
		if len(all) == 0 && l.name != "" {
			return nil, usage("nothing is stored for %s in %s%s", l.name, l.file, l.others(ctx))
		}
		return all, nil
	}
	var names []string
	for _, s := range all {
		if s.StreamKey.Stream == args[0] {
			return []store.Stream{s}, nil
		}
		names = append(names, s.StreamKey.Stream)
	}
	msg := fmt.Sprintf("nothing is stored for stream %s of %s in %s", args[0], l.name, l.file)
	if near := spec.Nearest(args[0], names); near != "" {
		msg += "; did you mean " + near + "?"
	} else if len(names) > 0 {
		msg += "; it holds " + strings.Join(names, ", ")
	}
	return nil, usage("%s", msg)
}

// shape is the stream as the connector's file describes it, nil without the file.
func (l *ledger) shape(stream string) *spec.Stream {
	if l.connector == nil {
		return nil
	}
	return l.connector.Spec.Stream(stream)
}

// chainKey is a chain's key as the ledger writes it.
func chainKey(given string) string {
	if json.Valid([]byte(given)) && rawjson.Kind([]byte(given)) == '{' {
		return string(rawjson.Sorted(nil, []byte(given)))
	}
	return given
}
