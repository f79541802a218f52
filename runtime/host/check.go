package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
)

// checkJobs says what is wrong with jobs as seen by the connectors that they name.
func checkJobs(jobs []*Job, get func(string) (*runtime.Connector, error)) error {
	var errs spec.Errors
	fail := func(j *Job, msg, hint string) {
		errs = append(errs, &spec.Error{Pos: j.Pos, Msg: "job " + j.Name + ": " + msg, Hint: hint})
	}
	owner := map[string]*Job{}
	for _, j := range jobs {
		c, err := get(j.Connector)
		if err != nil {
			fail(j, err.Error(), "")
			continue
		}
		for _, msg := range checkRequest(c.Spec, j.Streams, j.Config) {
			fail(j, msg, "")
		}
		for _, v := range c.Spec.Config {
			if given, ok := j.Config[v.Name]; ok && v.Secret && given.JSON != nil {
				fail(j, "config."+v.Name+" is a secret and does not belong into this file", "write {env: NAME} or {file: PATH}")
			}
		}
		for _, s := range streamsOf(c.Spec, j.Streams) {
			key := j.State + "\x00" + s
			first := owner[key]
			if first == nil {
				owner[key] = j
			} else if first != j && !sameValues(first.Config, j.Config) {
				fail(j, fmt.Sprintf("stream %s of %s is run by job %s with another config, and both would go on from one checkpoint", s, j.Connector, first.Name),
					"give one of them a state of its own, such as `state: "+j.Name+"`")
				break
			}
		}
	}
	if len(errs) > 0 {
		return errs
	}
	return nil
}

// sameValues compares config values.
func sameValues(a, b Values) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errors.Join(errA, errB) == nil && string(x) == string(y)
}

// checkRequest says what is wrong with streams and config values for a connector.
func checkRequest(c *spec.Connector, streams []string, config Values) (problems []string) {
	names := streamsOf(c, nil)
	for _, s := range streams {
		if c.Stream(s) == nil {
			problems = append(problems, unknown("stream "+s, s, names, "connector "+c.Name+" has"))
		}
	}
	var vars []string
	for _, v := range c.Config {
		vars = append(vars, v.Name)
	}
	for name := range config {
		if !slices.Contains(vars, name) {
			problems = append(problems, unknown("config."+name, name, vars, "connector "+c.Name+" has"))
		}
	}
	slices.Sort(problems)
	return problems
}

func unknown(what, name string, known []string, has string) string {
	msg := "there is no " + what
	if near := spec.Nearest(name, known); near != "" {
		return msg + "; did you mean `" + near + "`?"
	}
	if len(known) == 0 {
		return msg + "; " + has + " none"
	}
	return msg + "; " + has + " " + strings.Join(known, ", ")
}

// streamsOf are the names of the streams that a request for some means.
func streamsOf(c *spec.Connector, streams []string) []string {
	if len(streams) > 0 {
		return streams
	}
	for _, s := range c.Streams {
		streams = append(streams, s.Name)
	}
	return streams
}
