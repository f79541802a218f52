package replay

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/runtime"
)

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
