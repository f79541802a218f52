package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime"
)

// Written is a case that was recorded.
type Written struct {
	File      string
	Exchanges int
	Note      string // what is otherwise than in the live run, "" when nothing is
}

// Write makes a case of what was recorded, in a new file below dir, and plays it: it passes, or the
// error says why it cannot. With keep above 0 pages are shortened to that many records.
func (r *Recorder) Write(ctx context.Context, dir string, report *runtime.Report, keep int) (*Written, error) {
	list, err := r.exchanges()
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("nothing to record: no request was made")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	file := r.name(dir)
	w := &Written{File: file}
	if keep > 0 {
		short := shorten(list, r.recorded(report), keep)
		if text, files, result, err := r.settle(ctx, file, short, report); err == nil && result.Report.Verdict == report.Verdict {
			return w.save(text, files)
		} else if ctx.Err() != nil {
			return nil, err
		}
		w.Note = "the pages are whole: shortened ones would not end as the run did"
	}
	text, files, result, err := r.settle(ctx, file, list, report)
	if err != nil {
		return nil, err
	}
	if result.Report.Verdict != report.Verdict {
		w.Note = strings.TrimPrefix(w.Note+"; played again it ends "+result.Report.Verdict+", the run ended "+report.Verdict, "; ")
	}
	return w.save(text, files)
}

// save writes the case and the files beside it.
func (w *Written) save(text []byte, beside map[string][]byte) (*Written, error) {
	for name, b := range beside {
		if err := os.WriteFile(filepath.Join(filepath.Dir(w.File), name), b, 0o644); err != nil {
			return nil, err
		}
	}
	w.Exchanges = bytes.Count(text, []byte(suffixResponse+" --\n"))
	return w, os.WriteFile(w.File, text, 0o644)
}

// recorded lists the streams that were run, with those whose records make their chains.
func (r *Recorder) recorded(report *runtime.Report) []*spec.Stream {
	var out []*spec.Stream
	for _, s := range report.Streams {
		for st := r.connector.Spec.Stream(s.Name); st != nil && !slices.Contains(out, st); {
			out = append(out, st)
			parent := ""
			for _, p := range st.Partitions {
				if p.Stream != "" {
					parent = p.Stream
				}
			}
			st = r.connector.Spec.Stream(parent)
		}
	}
	return out
}

// name is a file that does not exist yet: recorded.txtar, or that of the one stream.
func (r *Recorder) name(dir string) string {
	base := "recorded"
	if len(r.streams) == 1 {
		base = r.streams[0]
	}
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s-%d", base, n)
		}
		path := filepath.Join(dir, name+Extension)
		if _, err := os.Stat(path); err != nil {
			return path
		}
	}
}

// settleRounds is how often a recorded case is played until it settles: what is not asked for goes in
// the first, what is new each time in the second.
const settleRounds = 3

// settle lets the engine write what it asks of these answers, drops those that it does not ask for,
// and plays the result.
func (r *Recorder) settle(ctx context.Context, file string, list []*exchange, report *runtime.Report) (text []byte, beside map[string][]byte, result *Result, err error) {
	for range settleRounds {
		if text, beside, err = r.text(file, list, report); err != nil {
			return nil, nil, nil, err
		}
		open := func(name string) ([]byte, error) {
			if b, ok := beside[name]; ok {
				return b, nil
			}
			return nil, os.ErrNotExist
		}
		k, err := Parse(file, text, open)
		if err != nil {
			return nil, nil, nil, err
		}
		result, used, err := k.play(ctx, r.connector, Options{Update: true})
		if err != nil {
			return nil, nil, nil, err
		}
		text = result.updated
		if k, err = Parse(file, text, open); err != nil {
			return nil, nil, nil, err
		}
		if covered := r.covered(k, list); covered != nil {
			text = covered
			if k, err = Parse(file, text, open); err != nil {
				return nil, nil, nil, err
			}
		}
		if result, err = k.Play(ctx, r.connector, Options{}); err != nil {
			return nil, nil, nil, err
		}
		if result.OK() {
			return text, beside, result, nil
		}
		_, second, err := k.play(ctx, r.connector, Options{Update: true})
		if err != nil {
			return nil, nil, nil, err
		}
		var rest []*exchange
		for i, x := range k.exchanges {
			if used[i] == nil {
				continue
			}
			n := *list[i]
			n.number, n.request = len(rest)+1, x.request
			if s := second[i]; s != nil && !x.request.matches(s) {
				n.request = x.request.generalise(s)
			}
			rest = append(rest, &n)
		}
		list = rest
	}
	return nil, nil, nil, fmt.Errorf("the recorded case does not play as the run did:\n%s", result)
}

// text is the case without records and verdict.
func (r *Recorder) text(file string, list []*exchange, report *runtime.Report) ([]byte, map[string][]byte, error) {
	a := &txtar.Archive{Comment: fmt.Appendf(nil, "Recorded from a live run on %s: %s, %d requests.\n\n", r.now.UTC().Format(time.DateOnly), report.Verdict, len(list))}
	config, err := r.config()
	if err != nil {
		return nil, nil, err
	}
	a.Files = append(a.Files, txtar.File{Name: fileConfig, Data: config})
	if len(r.checkpoint) > 0 {
		b, err := json.MarshalIndent(r.checkpoint, "", "  ")
		if err != nil {
			return nil, nil, err
		}
		a.Files = append(a.Files, txtar.File{Name: fileCheckpoint, Data: lined(r.scrub(b))})
	}
	beside := map[string][]byte{}
	for _, x := range list {
		a.Files = append(a.Files, txtar.File{Name: x.name(suffixRequest), Data: lined(x.request.text)})
		name := fmt.Sprintf("%s.%d.body", strings.TrimSuffix(filepath.Base(file), Extension), x.number)
		text, body := x.response.format(name)
		if body != nil {
			beside[name] = body
		}
		a.Files = append(a.Files, txtar.File{Name: x.name(suffixResponse), Data: text})
	}
	return txtar.Format(a), beside, nil
}

// config is the case's config file.
func (r *Recorder) config() ([]byte, error) {
	doc := &yaml.Node{Kind: yaml.MappingNode}
	put := func(to *yaml.Node, key, value string) {
		n := &yaml.Node{}
		setNode(n, []byte(value))
		to.Content = append(to.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, n)
	}
	if len(r.values) > 0 {
		values := &yaml.Node{Kind: yaml.MappingNode}
		for _, v := range r.connector.Spec.Config {
			if value, ok := r.values[v.Name]; ok {
				put(values, v.Name, r.scrubText(value))
			}
		}
		doc.Content = append(doc.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "values"}, values)
	}
	if len(r.streams) > 0 {
		names, err := json.Marshal(r.streams)
		if err != nil {
			return nil, err
		}
		put(doc, "streams", string(names))
	}
	put(doc, "now", quoted(r.now.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano)))
	if r.step.MaxPages > 0 {
		put(doc, "max_pages", fmt.Sprint(r.step.MaxPages))
	}
	if r.step.Limit > 0 {
		put(doc, "limit", fmt.Sprint(r.step.Limit))
	}
	if r.step.TimeLimit != "" {
		put(doc, "time_limit", quoted(r.step.TimeLimit))
	}
	return encode(doc)
}

// format writes a response; a body that a case cannot hold as text is returned, to stand beside it.
func (r *response) format(file string) (text, body []byte) {
	var b bytes.Buffer
	if r.broken != "" {
		return []byte("ERROR " + r.broken + "\n"), nil
	}
	fmt.Fprintf(&b, "HTTP %d\n", r.status)
	var names []string
	for name := range r.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range r.header.Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if len(r.body) == 0 {
		return b.Bytes(), nil
	}
	if !utf8.Valid(r.body) || bytes.ContainsRune(r.body, '\r') || bytes.HasPrefix(r.body, []byte("-- ")) || bytes.Contains(r.body, []byte("\n-- ")) {
		fmt.Fprintf(&b, "file: %s\n", file)
		return b.Bytes(), r.body
	}
	b.WriteByte('\n')
	b.Write(r.body)
	b.WriteByte('\n')
	return b.Bytes(), nil
}
