package host

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
)

// ReadJobs reads a jobs file. Every problem is in the error, a spec.Errors, with its place.
func ReadJobs(path string) ([]*Job, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ParseJobs(path, src)
}

// ParseJobs reads jobs from the text of a file.
func ParseJobs(name string, src []byte) ([]*Job, error) {
	p := &jobParser{file: name}
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		return nil, spec.Errors{p.broken(err)}
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	top := doc.Content[0]
	var jobs []*Job
	p.each(top, "the file", []string{"format", "jobs"}, func(key string, k, v *yaml.Node) {
		switch key {
		case "format":
			if v.Value != "1" {
				p.fail(v, "format "+v.Value+" is not known", "this version reads format 1")
			}
		case "jobs":
			p.members(v, "jobs", func(k, v *yaml.Node) { jobs = append(jobs, p.job(k, v)) })
		}
	})
	if len(p.errs) > 0 {
		slices.SortStableFunc(p.errs, func(a, b *spec.Error) int {
			if a.Pos.Line != b.Pos.Line {
				return a.Pos.Line - b.Pos.Line
			}
			return a.Pos.Col - b.Pos.Col
		})
		return nil, p.errs
	}
	return jobs, nil
}

// jobParser walks the nodes of a jobs file and collects what is wrong with them.
type jobParser struct {
	file string
	errs spec.Errors
}

func (p *jobParser) pos(n *yaml.Node) spec.Pos {
	return spec.Pos{File: p.file, Line: n.Line, Col: n.Column}
}

func (p *jobParser) fail(n *yaml.Node, msg, hint string) {
	p.errs = append(p.errs, &spec.Error{Pos: p.pos(n), Msg: msg, Hint: hint})
}

var yamlLine = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s*)?(?:line (\d+): )?`)

// broken is a file that is no YAML.
func (p *jobParser) broken(err error) *spec.Error {
	msg := err.Error()
	line := 1
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		fmt.Sscan(m[1], &line)
		msg = msg[len(m[0]):]
	}
	return &spec.Error{Pos: spec.Pos{File: p.file, Line: line, Col: 1}, Msg: "this is not YAML: " + msg}
}

// members calls fn with every entry of a mapping, in order.
func (p *jobParser) members(n *yaml.Node, what string, fn func(k, v *yaml.Node)) {
	n = resolved(n)
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, what+" wants names with values (a mapping)", "")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if seen[k.Value] {
			p.fail(k, "`"+k.Value+"` is given twice", "")
			continue
		}
		seen[k.Value] = true
		fn(k, resolved(n.Content[i+1]))
	}
}

// each is members with a list of the keys that there are.
func (p *jobParser) each(n *yaml.Node, what string, known []string, fn func(key string, k, v *yaml.Node)) {
	p.members(n, what, func(k, v *yaml.Node) {
		if !slices.Contains(known, k.Value) {
			hint := "it is one of " + strings.Join(known, ", ")
			if near := spec.Nearest(k.Value, known); near != "" {
				hint = "did you mean `" + near + "`?"
			}
			p.fail(k, "unknown key `"+k.Value+"`", hint)
			return
		}
		fn(k.Value, k, v)
	})
}

func resolved(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

var jobName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

var jobKeys = []string{"connector", "streams", "config", "to", "state", "schedule", "enabled", "skip_if_running", "jitter", "time_limit",
	"max_pages", "limit", "chains", "on"}

func (p *jobParser) job(k, v *yaml.Node) *Job {
	j := &Job{Name: k.Value, Pos: p.pos(k), SkipIfRunning: true, Enabled: true}
	if !jobName.MatchString(j.Name) {
		p.fail(k, "`"+j.Name+"` is no name of a job", "letters, digits, dot, dash and underscore, at most 100")
	}
	p.each(v, "job "+j.Name, jobKeys, func(key string, _, v *yaml.Node) {
		switch key {
		case "connector":
			j.Connector = p.text(v)
		case "streams":
			j.Streams = p.list(v)
		case "config":
			j.Config = p.values(v)
		case "to":
			j.To = p.text(v)
		case "state":
			if j.State = p.text(v); j.State != "" && !jobName.MatchString(j.State) {
				p.fail(v, "`"+j.State+"` is no name for a state", "letters, digits, dot, dash and underscore, at most 100")
			}
		case "schedule":
			j.Schedule = p.schedule(v)
		case "enabled":
			j.Enabled = p.flag(v)
		case "skip_if_running":
			j.SkipIfRunning = p.flag(v)
		case "jitter":
			j.Jitter = p.duration(v)
		case "time_limit":
			j.TimeLimit = p.duration(v)
		case "max_pages":
			j.MaxPages = p.number(v)
		case "limit":
			j.Limit = p.number(v)
		case "chains":
			j.Chains = int(p.number(v))
		case "on":
			j.On = p.reactions(v)
		}
	})
	if j.Connector == "" {
		p.fail(k, "job "+j.Name+" names no connector", "add `connector: NAME`")
	}
	if j.To == "" {
		p.fail(k, "job "+j.Name+" does not say where records go", "add `to: jsonl:"+j.Name+"-{stream}.jsonl`")
	}
	if j.State == "" {
		j.State = j.Connector
	}
	return j
}

func (p *jobParser) text(v *yaml.Node) string {
	if v.Kind != yaml.ScalarNode || v.Tag == "!!null" {
		p.fail(v, "want a text", "")
		return ""
	}
	return v.Value
}

func (p *jobParser) list(v *yaml.Node) []string {
	if v.Kind == yaml.ScalarNode {
		return []string{p.text(v)}
	}
	if v.Kind != yaml.SequenceNode {
		p.fail(v, "want a list of names", "")
		return nil
	}
	var out []string
	for _, e := range v.Content {
		if name := p.text(resolved(e)); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func (p *jobParser) flag(v *yaml.Node) bool {
	var b bool
	if v.Tag != "!!bool" || v.Decode(&b) != nil {
		p.fail(v, "want true or false", "")
	}
	return b
}

func (p *jobParser) number(v *yaml.Node) int64 {
	var n int64
	if v.Tag != "!!int" || v.Decode(&n) != nil || n < 1 || n > 1<<31 {
		p.fail(v, "want a whole number above 0", "")
	}
	return n
}

func (p *jobParser) duration(v *yaml.Node) time.Duration {
	d, err := spec.ParseDuration(v.Value)
	if v.Kind != yaml.ScalarNode || err != nil {
		p.fail(v, "want a duration such as 30s, 5m or 2h", "")
	}
	return d
}

// values reads config values. What names an environment variable or a file is read when a run begins.
func (p *jobParser) values(v *yaml.Node) Values {
	out := Values{}
	p.members(v, "config", func(k, v *yaml.Node) { out[k.Value] = p.value(v) })
	return out
}

func (p *jobParser) value(v *yaml.Node) Value {
	var out Value
	if v.Kind == yaml.MappingNode {
		p.each(v, "a value", []string{"env", "file"}, func(key string, _, v *yaml.Node) {
			if key == "env" {
				out.Env = p.text(v)
			} else {
				out.File = p.text(v)
			}
		})
		if len(v.Content) != 2 {
			p.fail(v, "want one of {env: NAME} and {file: PATH}", "")
		}
		return out
	}
	var err error
	if out.JSON, err = spec.ValueJSON(v); err != nil {
		p.fail(v, "want a text, a number, true, false or a list", "")
	}
	return out
}

func (p *jobParser) schedule(v *yaml.Node) *Schedule {
	if v.Kind == yaml.ScalarNode {
		s, err := ParseCron(v.Value, "")
		if err != nil {
			p.fail(v, err.Error(), "")
		}
		return s
	}
	var expr, zone string
	var every time.Duration
	var at, zoneAt *yaml.Node
	before := len(p.errs)
	p.each(v, "schedule", []string{"cron", "zone", "every"}, func(key string, _, v *yaml.Node) {
		switch key {
		case "cron":
			expr, at = p.text(v), v
		case "zone":
			zone, zoneAt = p.text(v), v
		case "every":
			if every = p.duration(v); every > 0 && every < 100*time.Millisecond {
				p.fail(v, "every "+v.Value+" is too often", "100ms is the least")
			}
		}
	})
	switch {
	case at != nil && every > 0, at == nil && every == 0:
		if len(p.errs) == before {
			p.fail(v, "a schedule is either {cron: …, zone: …} or {every: …}", "")
		}
		return nil
	case at == nil && zone != "":
		p.fail(zoneAt, "`zone` belongs to `cron`", "")
		return nil
	case at == nil:
		return Every(every)
	}
	s, err := ParseCron(expr, zone)
	if err != nil {
		if zoneAt != nil && strings.Contains(err.Error(), "time zone") {
			at = zoneAt
		}
		p.fail(at, err.Error(), "")
	}
	return s
}

var reactionVerdicts = []string{runtime.Complete, runtime.Incomplete, runtime.Truncated, runtime.Parked, runtime.Failed}

func (p *jobParser) reactions(v *yaml.Node) map[string]Reaction {
	out := map[string]Reaction{}
	p.each(v, "on", reactionVerdicts, func(verdict string, _, v *yaml.Node) {
		r := Reaction{Retries: defaultRetries}
		p.each(v, "on."+verdict, []string{"retry_after", "retries", "webhook"}, func(key string, k, v *yaml.Node) {
			switch {
			case key == "webhook":
				r.Webhook = p.value(v)
			case verdict == runtime.Parked || verdict == runtime.Complete:
				p.fail(k, "`"+key+"` does not apply to "+verdict+" runs", map[string]string{
					runtime.Parked: "a parked run goes on at the time that the API has named", runtime.Complete: "there is nothing left to try"}[verdict])
			case key == "retry_after":
				r.RetryAfter = p.duration(v)
			default:
				r.Retries = int(p.number(v))
			}
		})
		out[verdict] = r
	})
	return out
}
