package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/runtime"
)

// Result is what came of a case.
type Result struct {
	Case        *Case
	Report      *runtime.Report // of the last run; nil when it did not begin
	Err         error           // why it did not begin
	Differences []Difference

	updated []byte
}

// Difference is one thing that was otherwise than the case says.
type Difference struct {
	Section string // file of the case
	Text    string // a unified diff (- the case, + what the engine did) or a sentence
}

// OK says whether everything was as the case says.
func (r *Result) OK() bool { return len(r.Differences) == 0 }

// Updated is the case's text with what the engine did: requests, records, verdict. Responses and
// comments are as they were.
func (r *Result) Updated() []byte { return r.updated }

// String is all differences, for people.
func (r *Result) String() string {
	var b strings.Builder
	for _, d := range r.Differences {
		b.WriteString(strings.TrimRight(d.Text, "\n") + "\n")
	}
	return b.String()
}

func (r *Result) differ(section, text string) {
	r.Differences = append(r.Differences, Difference{section, text})
}

// diff notes where a file of the case differs from what the engine did.
func (r *Result) diff(section string, want, got []byte) {
	if d := diff.Diff(r.Case.File+": "+section, lined(want), "the engine", lined(got)); d != nil {
		_, d, _ = bytes.Cut(d, []byte("\n")) // without the line "diff a b"
		r.differ(section, string(d))
	}
}

func lined(b []byte) []byte {
	if len(b) > 0 && b[len(b)-1] != '\n' {
		return append(slices.Clip(b), '\n')
	}
	return b
}

// compare holds what the engine did against the case, and writes the case anew.
func (r *Result) compare(c *runtime.Connector, p *player, at *clock, led *runtime.MemoryLedger, out *sink, opt Options) {
	files := map[string][]byte{} // that changed
	r.requests(p, files)
	if p.stray == nil {
		r.recorded(out, files, opt)
		f := gather(c, r.Report, r.Err, at, led)
		r.concluded(f, files, opt)
	}
	r.updated = r.Case.rewrite(files)
}

// requests compares what was asked.
func (r *Result) requests(p *player, files map[string][]byte) {
	for _, x := range r.Case.exchanges {
		s := p.used[x]
		if s == nil {
			continue
		}
		name := x.name(suffixRequest)
		switch {
		case x.request == nil:
			files[name] = s.format(nil)
			if p.adopt {
				r.differ(name, fmt.Sprintf("%s is new: %s\n", name, s.line(false)))
			}
		case !x.request.matches(s):
			files[name] = s.format(x.request)
			r.diff(name, x.request.text, files[name])
		}
	}
	if p.stray != nil {
		x := p.nearest(p.stray)
		if x == nil {
			r.differ("", fmt.Sprintf("the engine asks once more, and the case has no answer left: %s\n", p.stray.format(nil)))
			return
		}
		r.differ(x.name(suffixRequest), "the engine asks what the case does not have; the nearest that it has:\n")
		r.diff(x.name(suffixRequest), x.request.text, p.stray.format(x.request))
		return
	}
	for _, x := range r.Case.exchanges {
		if p.used[x] == nil {
			what := "anything more"
			if x.request != nil {
				what = x.request.line(x.request.target.Host != "")
			}
			r.differ(x.name(suffixRequest), fmt.Sprintf("%s was never made: the engine did not ask %s\n", x.name(suffixRequest), what))
		}
	}
}

// recorded compares the records.
func (r *Result) recorded(out *sink, files map[string][]byte, opt Options) {
	streams := r.names(out)
	for stream, want := range r.Case.records {
		of := stream
		if of == "" {
			if len(streams) > 1 {
				r.differ(want.name, fmt.Sprintf("records are of one stream, and %d were run: write records.<stream> (%s)\n", len(streams), strings.Join(streams, ", ")))
				continue
			}
			of = append(streams, "")[0]
		}
		lines := out.lines[of]
		if got, same := records(want.data, lines, r.Case.config.unordered()); !same {
			files[want.name] = got
			r.diff(want.name, want.data, got)
		}
	}
	if !opt.Update {
		return
	}
	for _, stream := range streams {
		name := fileRecords
		if len(streams) > 1 {
			name += "." + stream
		}
		_, one := r.Case.records[""]
		if _, ok := r.Case.records[stream]; !ok && !(one && len(streams) == 1) {
			files[name], _ = records(nil, out.lines[stream], false)
			r.differ(name, fmt.Sprintf("%s is new: %d records\n", name, len(out.lines[stream])))
		}
	}
}

// names lists the streams whose records were asked for.
func (r *Result) names(out *sink) []string {
	var names []string
	if r.Report != nil {
		for _, s := range r.Report.Streams {
			names = append(names, s.Name)
		}
		return names
	}
	for name := range out.lines {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// records returns the text of got; a line that says the same as the case's is written as there.
func records(want []byte, got [][]byte, unordered bool) (text []byte, same bool) {
	lines, _ := parseRecords(want) // was parsed before
	if unordered {
		lines, got = sorted(lines), sorted(got)
	}
	same = len(lines) == len(got)
	for i, g := range got {
		if i < len(lines) && rawjson.Equal(lines[i], g) {
			g = lines[i]
		} else {
			same = false
		}
		text = append(append(text, g...), '\n')
	}
	return text, same
}

func sorted(lines [][]byte) [][]byte {
	return slices.SortedFunc(slices.Values(lines), func(a, b []byte) int {
		return bytes.Compare(rawjson.Canonical(nil, a), rawjson.Canonical(nil, b))
	})
}

// concluded compares the verdict.
func (r *Result) concluded(f *facts, files map[string][]byte, opt Options) {
	v := r.Case.verdict
	if v == nil {
		if r.Err != nil {
			r.differ("", fmt.Sprintf("the run did not begin: %v\n", r.Err))
		}
		if opt.Update {
			text, err := f.fresh()
			if err != nil {
				r.differ(fileVerdict, err.Error())
				return
			}
			files[fileVerdict] = text
			r.differ(fileVerdict, "verdict is new: "+unquoted(f.run["verdict"])+"\n")
		}
		return
	}
	got, err := v.settle(f)
	if err != nil {
		r.differ(fileVerdict, r.Case.File+": verdict: "+err.Error())
		return
	}
	if !bytes.Equal(got, v.data) {
		files[fileVerdict] = got
		r.diff(fileVerdict, v.data, got)
		if r.Err != nil {
			r.differ(fileVerdict, r.Err.Error()+"\n")
		} else if r.Report.Verdict != runtime.Complete {
			r.differ(fileVerdict, r.Report.Message+"\n")
		}
	}
}

// rewrite is the case with the files in changed; new requests stand before their responses, new
// records before the verdict or at the end.
func (k *Case) rewrite(changed map[string][]byte) []byte {
	out := &txtar.Archive{Comment: k.archive.Comment}
	add := func(name string, data []byte) {
		out.Files = append(out.Files, txtar.File{Name: name, Data: lined(data)})
	}
	has := map[string]bool{}
	for _, f := range k.archive.Files {
		has[f.Name] = true
	}
	var records []string
	for name := range changed {
		if !has[name] && name != fileVerdict && !strings.HasSuffix(name, suffixRequest) {
			records = append(records, name)
		}
	}
	slices.Sort(records)
	for _, f := range k.archive.Files {
		if n, ok := strings.CutSuffix(f.Name, suffixResponse); ok && !has[n+suffixRequest] && changed[n+suffixRequest] != nil {
			add(n+suffixRequest, changed[n+suffixRequest])
		}
		if f.Name == fileVerdict {
			for _, name := range records {
				add(name, changed[name])
			}
			records = nil
		}
		if text, ok := changed[f.Name]; ok {
			f.Data = text
		}
		add(f.Name, f.Data)
	}
	for _, name := range records {
		add(name, changed[name])
	}
	if text, ok := changed[fileVerdict]; ok && !has[fileVerdict] {
		add(fileVerdict, text)
	}
	return txtar.Format(out)
}

// line is the request's first line.
func (s *request) line(origin bool) string {
	u := *s.target
	u.User, u.Fragment = nil, ""
	if !origin {
		u.Scheme, u.Host = "", ""
	}
	t := u.String()
	if t == "" || t[0] == '?' {
		t = "/" + t
	}
	return s.method + " " + t
}

// plumbing are headers that every client sends: they are not written into a case.
var plumbing = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "User-Agent": true, "Authorization": true, "Cookie": true, "Content-Length": true, "Content-Type": true, "Host": true,
}

// format writes the request as a case does: with the headers that like has, or those that are the
// API's own.
func (s *request) format(like *request) []byte {
	var b bytes.Buffer
	b.WriteString(s.line(like != nil && like.target.Host != "") + "\n")
	var names []string
	for name := range s.header {
		if like == nil && !plumbing[name] {
			names = append(names, name)
		}
	}
	if like != nil {
		for name := range like.header {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range s.header.Values(name) {
			if like != nil && slices.Equal(like.header[http.CanonicalHeaderKey(name)], []string{Any}) {
				v = Any
			}
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if len(s.body) > 0 {
		b.WriteByte('\n')
		b.Write(bodyText(s.body))
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// wide is how long a JSON body may be on one line of a case.
const wide = 120

func bodyText(body []byte) []byte {
	if len(body) <= wide || !json.Valid(body) {
		return body
	}
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return body
	}
	return b.Bytes()
}
