package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/spec"
)

// Epoch is `now` of a case that names no time.
var Epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Config is the file `config` of a case.
type Config struct {
	Values  map[string]yaml.Node `yaml:"values"`  // of the connector's config
	Stream  string               `yaml:"stream"`  // or
	Streams []string             `yaml:"streams"` // neither: all of the connector's
	Now     string               `yaml:"now"`     // RFC 3339, where the simulated clock begins; default Epoch
	Seed    uint64               `yaml:"seed"`    // of Math.random and uuid(), default 1
	Step    `yaml:",inline"`
	Runs    []Step `yaml:"runs"` // one after the other over the same state; without: one

	now    time.Time
	values map[string]json.RawMessage
	runs   []Step
}

// Step is one run of a case.
type Step struct {
	After     string `yaml:"after"` // time that passes before the run
	MaxPages  int64  `yaml:"max_pages"`
	Limit     int64  `yaml:"limit"`
	Fresh     bool   `yaml:"fresh"`
	TimeLimit string `yaml:"time_limit"`
	Chains    int    `yaml:"chains"` // side by side, default 1; with more, records are compared in any order
	Ends      string `yaml:"ends"`   // the verdict of a run that is not the last

	after, timeLimit time.Duration
}

func (c *Config) parse(b []byte) error {
	*c = Config{}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if c.Stream != "" {
		if len(c.Streams) > 0 {
			return errors.New("stream and streams exclude each other")
		}
		c.Streams = []string{c.Stream}
	}
	c.now = Epoch
	if c.Now != "" {
		var err error
		if c.now, err = time.Parse(time.RFC3339Nano, c.Now); err != nil {
			return fmt.Errorf("now: %q is not RFC 3339", c.Now)
		}
	}
	if c.Seed == 0 {
		c.Seed = 1
	}
	c.values = map[string]json.RawMessage{}
	for k, v := range c.Values {
		raw, err := spec.ValueJSON(&v)
		if err != nil {
			return fmt.Errorf("values: %s: %w", k, err)
		}
		c.values[k] = raw
	}
	c.runs = c.Runs
	if len(c.runs) == 0 {
		c.runs = []Step{c.Step}
	} else if c.Step != (Step{}) {
		return errors.New("with runs, say max_pages, limit, fresh, time_limit, chains, after and ends for each of them")
	}
	for i := range c.runs {
		if err := c.runs[i].read(); err != nil {
			return fmt.Errorf("run %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *Step) read() error {
	for _, d := range []struct {
		name, text string
		to         *time.Duration
	}{{"after", s.After, &s.after}, {"time_limit", s.TimeLimit, &s.timeLimit}} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.to, err = spec.ParseDuration(d.text); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	if s.MaxPages < 0 || s.Limit < 0 || s.Chains < 0 {
		return errors.New("max_pages, limit and chains are not below 0")
	}
	if s.Chains == 0 {
		s.Chains = 1
	}
	return nil
}

// unordered says whether chains ran side by side, so that only the set of the records is certain.
func (c *Config) unordered() bool {
	for _, r := range c.runs {
		if r.Chains > 1 {
			return true
		}
	}
	return false
}
