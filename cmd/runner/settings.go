package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/transport"
	"github.com/lastpage/lastpage/store"
)

// keyVariable names the environment variable with the key that seals kept secrets.
const keyVariable = "RUNNER_STATE_KEY"

// settings are the flags that every command shares which reads from an API.
type settings struct {
	set       []string
	config    string
	untrusted bool
	verbose   bool
	quiet     bool
	logFormat string
	trace     string
}

func (s *settings) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	s.valueFlags(cmd)
	f.BoolVar(&s.untrusted, "untrusted", false, "run the connector's JavaScript in a child process with hard limits")
	f.BoolVarP(&s.verbose, "verbose", "v", false, "log at debug level, console.log of hooks included")
	f.BoolVarP(&s.quiet, "quiet", "q", false, "show neither progress nor events, only how it ended")
	f.StringVar(&s.logFormat, "log-format", "text", "`text` or json")
	f.StringVar(&s.trace, "trace", "", "write every HTTP attempt to `FILE` as HAR 1.2, secrets removed")
	cmd.MarkFlagsMutuallyExclusive("quiet", "verbose")
}

// valueFlags are those of config values alone.
func (s *settings) valueFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&s.set, "set", nil, "config value `name=value`, may be repeated")
	f.StringVar(&s.config, "config", "", "`FILE` (YAML or JSON) with config values")
}

// values reads --set and --config. Messages do not show what stands behind a "=".
func (s *settings) values() (set map[string]string, file map[string]json.RawMessage, err error) {
	set = map[string]string{}
	for _, kv := range s.set {
		name, value, ok := strings.Cut(kv, "=")
		if !ok || name == "" {
			return nil, nil, usage("--set %s: write --set name=value", name)
		}
		set[name] = value
	}
	if s.config == "" {
		return set, nil, nil
	}
	b, err := os.ReadFile(s.config)
	if err != nil {
		return nil, nil, usage("--config: %w", plain(err))
	}
	var values map[string]yaml.Node
	if err := yaml.Unmarshal(b, &values); err != nil {
		return nil, nil, usage("--config %s: it is neither YAML nor JSON with one value a name: %s", s.config, oneLine(strings.TrimPrefix(err.Error(), "yaml: ")))
	}
	file = map[string]json.RawMessage{}
	for k, v := range values {
		raw, err := spec.ValueJSON(&v)
		if err != nil {
			return nil, nil, usage("--config %s: %s: %w", s.config, k, err)
		}
		file[k] = raw
	}
	return set, file, nil
}

// job loads the connector and fills in what the flags say; done lets the connector go.
func (s *settings) job(name string, view *view, stop <-chan struct{}) (job *runtime.Job, done func(), err error) {
	opt, err := scriptOptions(s.untrusted, view.console)
	if err != nil {
		return nil, nil, err
	}
	set, file, err := s.values()
	if err != nil {
		return nil, nil, err
	}
	c, err := find(name, opt)
	if err != nil {
		return nil, nil, err
	}
	return &runtime.Job{
		Connector: c, Set: set, Config: file, Env: os.LookupEnv, Owner: store.Self(time.Now()), Stop: stop, Script: opt,
		Redact: view.redact, UserAgent: "lastpage/" + release, Log: view.log, Observe: view.observe,
	}, c.Close, nil
}

// openTrace opens the file of --trace, and sends spans where the standard OTEL_* variables ask for them;
// without either it does nothing.
func (s *settings) openTrace(job *runtime.Job) (func(), error) {
	close := func() {}
	if s.trace != "" {
		if err := checkOutput("trace", s.trace); err != nil {
			return nil, err
		}
		f, err := os.Create(s.trace)
		if err != nil {
			return nil, usage("--trace: %w", plain(err))
		}
		h, err := transport.NewHAR(f, release, job.Redact)
		if err != nil {
			f.Close()
			return nil, usage("--trace: %w", err)
		}
		job.Exchange = h.Observe
		close = func() { f.Close() }
	}
	if !wantsSpans(os.Getenv) {
		return close, nil
	}
	t, err := newTracing(context.Background())
	if err != nil {
		close()
		return nil, usage("OpenTelemetry: %w", err)
	}
	t.join(job)
	return func() {
		if err := t.close(context.Background()); err != nil {
			job.Log.Warn("spans were not sent", "error", err)
		}
		close()
	}, nil
}

// oneStream is the stream that an argument names; without one, the connector's only one.
func oneStream(c *spec.Connector, args []string) (string, error) {
	names := streamNames(c)
	if len(args) == 0 {
		if len(names) == 1 {
			return names[0], nil
		}
		return "", usage("connector %s has %d streams; name one of %s", c.Name, len(names), strings.Join(names, ", "))
	}
	if c.Stream(args[0]) == nil {
		return "", usage("%s", unknownStream(c, args[0]))
	}
	return args[0], nil
}

func unknownStream(c *spec.Connector, name string) string {
	names := streamNames(c)
	msg := fmt.Sprintf("connector %s has no stream %s", c.Name, name)
	if near := spec.Nearest(name, names); near != "" {
		return msg + "; did you mean " + near + "?"
	}
	return msg + "; it has " + strings.Join(names, ", ")
}

func streamNames(c *spec.Connector) []string {
	names := make([]string, len(c.Streams))
	for i, s := range c.Streams {
		names[i] = s.Name
	}
	return names
}
