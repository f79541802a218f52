package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/runtime/script"
)

func (h *Host) serveConnectors(w http.ResponseWriter, _ *http.Request) error {
	list := h.Catalog.List()
	if list == nil {
		list = []catalog.Status{}
	}
	answer(w, http.StatusOK, map[string]any{"connectors": list})
	return nil
}

// variableView is a config variable as callers see it. The default of a secret is not shown.
type variableView struct {
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Required    bool              `json:"required,omitempty"`
	Secret      bool              `json:"secret,omitempty"`
	Env         string            `json:"env,omitempty"`
	Default     json.RawMessage   `json:"default,omitempty"`
	Enum        []json.RawMessage `json:"enum,omitempty"`
	Description string            `json:"description,omitempty"`
}

// streamView is a stream in short.
type streamView struct {
	Name        string   `json:"name"`
	Pagination  string   `json:"pagination"`
	Key         bool     `json:"key"` // records are identified
	Incremental bool     `json:"incremental"`
	Partitions  []string `json:"partitions,omitempty"` // kinds: values stream window session
}

// connectorView is one connector.
type connectorView struct {
	Status  catalog.Status `json:"status"`
	Title   string         `json:"title,omitempty"`
	Docs    string         `json:"docs,omitempty"`
	Config  []variableView `json:"config"`
	Streams []streamView   `json:"streams"`
}

func (h *Host) serveConnector(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	status, err := h.Catalog.Status(name)
	if err != nil {
		return err
	}
	out := connectorView{Status: status, Config: []variableView{}, Streams: []streamView{}}
	version, err := h.Catalog.Use(name)
	var unknown *catalog.UnknownError
	switch {
	case errors.As(err, &unknown): // there is only a file with problems, and its status tells them
	case err != nil:
		return err
	default:
		defer version.Done()
		out.describe(version.Connector.Spec)
	}
	answer(w, http.StatusOK, out)
	return nil
}

func (v *connectorView) describe(c *spec.Connector) {
	v.Title, v.Docs = c.Title, c.Docs
	for _, x := range c.Config {
		one := variableView{Name: x.Name, Type: x.Type, Required: x.Required, Secret: x.Secret, Env: x.Env, Enum: x.Enum, Description: x.Description}
		if !x.Secret {
			one.Default = x.Default
		}
		v.Config = append(v.Config, one)
	}
	for _, s := range c.Streams {
		one := streamView{Name: s.Name, Pagination: string(s.Pagination.Rules.Type), Key: s.Pagination.Rules.HasKey, Incremental: s.Incremental != nil}
		for _, p := range s.Partitions {
			switch {
			case p.Values != nil:
				one.Partitions = append(one.Partitions, "values")
			case p.Stream != "":
				one.Partitions = append(one.Partitions, "stream")
			case p.Window != nil:
				one.Partitions = append(one.Partitions, "window")
			case p.Session != nil:
				one.Partitions = append(one.Partitions, "session")
			}
		}
		v.Streams = append(v.Streams, one)
	}
}

// finding is one problem of a file.
type finding struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

func (h *Host) serveValidate(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Connector string  `json:"connector"`
		Hook      *string `json:"hook"`
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && (kind == "application/yaml" || kind == "application/x-yaml" || kind == "text/yaml" || kind == "text/plain"):
		b, err := wholeBody(r, maxConnector)
		if err != nil {
			return err
		}
		in.Connector = string(b)
	default:
		if err := readBody(r, maxConnector, &in); err != nil {
			return err
		}
	}
	opt := h.opt.Script
	opt.Log = nil
	c, err := runtime.Parse("connector.yaml", []byte(in.Connector), func(name string) (string, string, error) {
		if in.Hook == nil {
			return name, "", fs.ErrNotExist // a file of this machine is none of the caller's
		}
		return name, *in.Hook, nil
	}, opt)
	if err == nil {
		c.Close()
	}
	found := findings(err)
	answer(w, http.StatusOK, map[string]any{"valid": err == nil, "problems": found})
	return nil
}

// findings lists the problems of a file, each with its place.
func findings(err error) []finding {
	list := []finding{}
	var many spec.Errors
	var one *spec.Error
	var scripts script.Errors
	switch {
	case err == nil:
	case errors.As(err, &many):
		for _, e := range many {
			list = append(list, finding{e.Pos.File, e.Pos.Line, e.Pos.Col, e.Msg, e.Hint})
		}
	case errors.As(err, &one):
		list = append(list, finding{one.Pos.File, one.Pos.Line, one.Pos.Col, one.Msg, one.Hint})
	case errors.As(err, &scripts):
		for _, e := range scripts {
			list = append(list, finding{e.File, e.Line, e.Col, e.Msg, e.Hint})
		}
	default:
		list = append(list, finding{"connector.yaml", 1, 1, err.Error(), ""})
	}
	return list
}

func (h *Host) serveVersions(w http.ResponseWriter, r *http.Request) error {
	list, err := h.Catalog.Versions(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"versions": list})
	return nil
}

func (h *Host) serveSource(w http.ResponseWriter, r *http.Request) error {
	files, err := h.Catalog.Source(r.Context(), r.PathValue("name"), r.PathValue("version"))
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, map[string]any{"files": files})
	return nil
}

func (h *Host) serveRollback(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Version string `json:"version"`
	}
	if err := readBody(r, maxBody, &in); err != nil {
		return err
	}
	name := r.PathValue("name")
	if in.Version == "" {
		list, err := h.Catalog.Versions(r.Context(), name)
		if err != nil {
			return err
		}
		for i, v := range list {
			if v.Current && i+1 < len(list) {
				in.Version = list[i+1].ID
			}
		}
		if in.Version == "" {
			return problem(http.StatusNotFound, "no_version", fmt.Sprintf("connector %s has no earlier version", name))
		}
	}
	if err := h.Catalog.Restore(r.Context(), name, in.Version); err != nil {
		return err
	}
	status, err := h.Catalog.Status(name)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, status)
	return nil
}
