package runtime

import (
	"strings"

	"github.com/lastpage/lastpage/engine"
)

// usable is a bookmark that the walk may begin at: the one that is stored, or none where it stands for
// other records than this run asks for. Changes of the connector's file leave it as it is, but for the
// path of the request.
func (sr *streamRun) usable(m engine.Bookmark) engine.Bookmark {
	if m.Asked == nil {
		return m
	}
	names := sr.over.moved(groundsOf(m.Asked), false)
	if len(names) == 0 {
		return m
	}
	sr.mu.Lock()
	told := sr.otherMarks
	sr.otherMarks = true
	sr.mu.Unlock()
	if !told {
		sr.notice("", NoticeMarkDropped, sr.dropped(m, names))
	}
	return engine.Bookmark{}
}

// dropped says why a bookmark is not used, and what that brings.
func (sr *streamRun) dropped(m engine.Bookmark, names []string) string {
	what, from := "the watermark", "at the first page"
	switch {
	case m.Watermark == nil:
		what = "the kept position"
	case sr.spec.Incremental != nil && sr.spec.Incremental.Start != nil:
		from = "at `start`"
	}
	try := "run with --fresh, which begins the output anew"
	if settings := onlyConfig(names); settings != "" {
		try = "give each value of " + settings + " a --state of its own"
	}
	return what + " was left by a run that asked for other records: " + changed(names) + " has changed since, so it is not used; the walk begins " +
		from + ", and records may come again. Try: " + try
}

// onlyConfig lists the variables among the names, "" when something else is among them.
func onlyConfig(names []string) string {
	for _, n := range names {
		if !strings.HasPrefix(n, onConfig) {
			return ""
		}
	}
	return strings.Join(names, ", ")
}
