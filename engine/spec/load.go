package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// fileName is the connector's file when a folder is named.
const fileName = "connector.yaml"

// Load reads the connector at path: a file, or a folder that holds a connector.yaml. The error is
// of type Errors when the file is wrong, and says what is missing when there is none.
func Load(path string, opt Options) (*Connector, error) {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		path = filepath.Join(path, fileName)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return Parse(path, text, opt)
}

// LoadFS is Load for files that are not on disk, such as those built into the program. Unless
// opt.Hook is given, hooks are read from fsys too.
func LoadFS(fsys fs.FS, name string, opt Options) (*Connector, error) {
	info, err := fs.Stat(fsys, name)
	if err == nil && info.IsDir() {
		name = path.Join(name, fileName)
	}
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	if opt.Hook == nil {
		opt.Hook = func(hook string) (string, string, error) {
			file := path.Join(path.Dir(name), filepath.ToSlash(hook))
			text, err := fs.ReadFile(fsys, file)
			return file, string(text), err
		}
	}
	return Parse(name, text, opt)
}

func unreadable(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no connector at %s: %w", path, fs.ErrNotExist)
	}
	return fmt.Errorf("the connector cannot be read: %w", err)
}
