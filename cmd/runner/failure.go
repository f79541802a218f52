package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/runtime/transport"
)

// exitCode is the code of a verdict (format, section 11).
func exitCode(verdict string) int {
	switch verdict {
	case runtime.Complete:
		return exitComplete
	case runtime.Incomplete:
		return exitIncomplete
	case runtime.Truncated:
		return exitTruncated
	case runtime.Parked:
		return exitParked
	case runtime.Interrupted:
		return exitInterrupted
	}
	return exitFailed
}

// startError is why a run did not begin.
func startError(redact *transport.Redactor, err error) error {
	var held *engine.HeldError
	var config *runtime.ConfigError
	var invalid spec.Errors
	var one *spec.Error
	var scripts script.Errors
	var argument *runtime.ArgumentError
	msg := errors.New(redact.String(err.Error()))
	switch {
	case errors.As(err, &held):
		return &exitError{exitUsage, heldMessage(held)}
	case errors.As(err, &argument):
		return usage("--%w", msg)
	case errors.As(err, &config), errors.As(err, &invalid), errors.As(err, &one), errors.As(err, &scripts):
		return &exitError{exitUsage, msg}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		msg = fmt.Errorf("%s; name another place with --to", redact.String(plain(err).Error()))
	}
	return &exitError{exitFailed, msg}
}

// checkOutput refuses a file that could not be written at the end.
func checkOutput(flag, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usage("--%s %s: it is a folder; name a file in it", flag, path)
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return usage("--%s %s: the folder %s does not exist; create it, or name another file", flag, path, dir)
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil
	}
	probe, err := os.CreateTemp(dir, ".runner-*")
	if err != nil {
		return usage("--%s %s: %s; name another file", flag, path, because(err))
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// wants checks the number of arguments; most below 0 is no limit.
func wants(what string, least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return usage("%s needs %s; try `%s --help`", verb(cmd), what, cmd.CommandPath())
		case most >= 0 && len(args) > most:
			return usage("%s takes %s; %s is too much", verb(cmd), what, args[most])
		}
		return nil
	}
}

// flagError says in one sentence what is wrong with a flag.
func flagError(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	help := fmt.Sprintf("try `%s --help`", cmd.CommandPath())
	switch {
	case errors.As(err, &value):
		f := value.GetFlag()
		want := f.Value.Type()
		if strings.HasPrefix(want, "int") || strings.HasPrefix(want, "uint") {
			want = "whole number"
		}
		return usage("--%s %s: want a %s; %s", f.Name, value.GetValue(), want, help)
	case errors.As(err, &unknown):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := spec.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			return usage("%s has no flag --%s; did you mean --%s?", verb(cmd), unknown.GetSpecifiedName(), near)
		}
		return usage("%s has no flag %s; %s", verb(cmd), dashes(unknown.GetSpecifiedName()), help)
	}
	return usage("%w; %s", err, help)
}

// verb is the command's name as a sentence begins with it.
func verb(cmd *cobra.Command) string { return strings.TrimPrefix(cmd.CommandPath(), "runner ") }

func dashes(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func heldMessage(held *engine.HeldError) error {
	return fmt.Errorf("%w; wait for it to end, or stop it", held)
}

// plain says what went wrong with a file in one clause: its name and why.
func plain(err error) error {
	var path *fs.PathError
	if !errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%s: %s", path.Path, because(err))
}

// because is the reason of a file's error in plain words, without its name.
func because(err error) string {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "no permission"
	case errors.Is(err, syscall.EISDIR):
		return "it is a folder"
	case errors.Is(err, syscall.ENOTDIR):
		return "a part of its path is no folder"
	case errors.Is(err, syscall.EROFS):
		return "it lies on a read-only file system"
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full"
	case errors.As(err, &path):
		return path.Err.Error()
	}
	return err.Error()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// exists reports whether something stands at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
