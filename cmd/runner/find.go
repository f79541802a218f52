package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
)

// find loads the connector that an argument names: a file, a folder, or one that ships.
func find(name string, opt script.Options) (*runtime.Connector, error) {
	c, err := lookUp(name, opt)
	if err == nil {
		return c, nil
	}
	if hint := inFolder(name); hint != "" && errors.Is(err, fs.ErrNotExist) {
		return nil, usage("%s", hint)
	}
	if errors.Is(err, fs.ErrNotExist) {
		msg := fmt.Sprintf("there is no connector %s: no such file or folder, and none of that name ships", name)
		if near := spec.Nearest(name, shipped()); near != "" {
			msg += "; did you mean " + near + "?"
		} else {
			msg += "; `runner list` shows those that ship"
		}
		return nil, usage("%s", msg)
	}
	return nil, &exitError{exitUsage, err}
}

// inFolder says that a folder has no connector.yaml, and what is in it instead; "" when path is no folder.
func inFolder(path string) string {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return ""
	}
	msg := fmt.Sprintf("%s: the folder has no connector.yaml", path)
	for _, pattern := range []string{"*.yaml", "*.yml", "*/connector.yaml"} {
		if list, err := filepath.Glob(filepath.Join(path, pattern)); err == nil && len(list) > 0 {
			return msg + "; name a file in it, such as " + list[0]
		}
	}
	return msg + "; name a connector file, or begin one with `runner new NAME`"
}

func lookUp(name string, opt script.Options) (*runtime.Connector, error) {
	if isShipped(name) {
		if _, err := os.Stat(name); err != nil {
			return runtime.LoadFS(connectors.FS, name, opt)
		}
	}
	return runtime.Load(name, opt)
}

// shipped lists the names of the connectors that ship.
func shipped() []string {
	entries, err := fs.ReadDir(connectors.FS, ".")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if isShipped(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names
}

func isShipped(name string) bool {
	if strings.ContainsAny(name, `/\.`) {
		return false
	}
	_, err := fs.Stat(connectors.FS, name+"/connector.yaml")
	return err == nil
}
