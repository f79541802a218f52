package catalog

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/script"
)

// Status tells one connector.
type Status struct {
	Name     string    // `connector:`; while it was never good, what its file says, else the folder's name
	Path     string    // of the YAML file
	Version  string    // in use, "" when there never was a good one
	Loaded   time.Time // when Version took its place
	Problem  error     // what is wrong with the file as it is now, nil when nothing is; runs take Version
	Since    time.Time // when Problem was found
	Shipped  bool
	Gone     bool // the file is not there any more
	Restored bool // Version was put back; the file holds another one
}

// MarshalJSON writes the problem as a list, one element each: `file:line:col: what`.
func (s Status) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name     string    `json:"name"`
		Path     string    `json:"path"`
		Version  string    `json:"version,omitempty"`
		Loaded   time.Time `json:"loaded,omitzero"`
		Problems []string  `json:"problems,omitempty"`
		Since    time.Time `json:"problems_since,omitzero"`
		Shipped  bool      `json:"shipped,omitempty"`
		Gone     bool      `json:"gone,omitempty"`
		Restored bool      `json:"restored,omitempty"`
	}{s.Name, s.Path, s.Version, s.Loaded, Problems(s.Problem), s.Since, s.Shipped, s.Gone, s.Restored})
}

// Problems lists what is wrong, one line each: `file:line:col: what; hint`. It is nil for nil.
func Problems(err error) []string {
	if err == nil {
		return nil
	}
	var list []string
	var ofSpec spec.Errors
	var ofScript script.Errors
	switch {
	case errors.As(err, &ofSpec):
		for _, e := range ofSpec {
			list = append(list, e.Error())
		}
	case errors.As(err, &ofScript):
		for _, e := range ofScript {
			list = append(list, e.Error())
		}
	default:
		list = strings.Split(err.Error(), "\n")
	}
	return list
}

// view is the catalog as others see it; it is replaced, never changed.
type view struct {
	byName map[string]*Version
	list   []Status // in order of name
	closed bool
}

// status is the connector of that name that counts: the one in use, else any.
func (v *view) status(name string) *Status {
	var found *Status
	for i := range v.list {
		s := &v.list[i]
		if s.Name == name && (found == nil || s.Version != "" && s.Version == v.version(name)) {
			found = s
		}
	}
	return found
}

func (v *view) version(name string) string {
	if got := v.byName[name]; got != nil {
		return got.ID
	}
	return ""
}
