package runtime

import (
	"regexp"
	"time"

	"github.com/lastpage/lastpage/engine/spec"
)

var watermarkUse = regexp.MustCompile(`\bwatermark\b`)

// readsWatermark reports whether a text has the watermark in it, and whether it is nothing else.
func readsWatermark(t *spec.Text) (reads, alone bool) {
	for _, p := range t.Parts {
		reads = reads || p.Expr != nil && watermarkUse.MatchString(p.Expr.Source)
	}
	return reads, reads && len(t.Parts) == 1 && len(t.Parts[0].Expr.Names) == 1
}

// stamp reads the end of a window: in the window's format, and where the text reads the watermark, in the
// watermark's. What a computed one gives may be of either, or a number of seconds or milliseconds: its size
// tells which.
func (sr *streamRun) stamp(t *spec.Text, s, format string) (time.Time, bool) {
	in := sr.spec.Incremental
	reads, alone := readsWatermark(t)
	if in == nil || !reads {
		return parseStamp(s, format)
	}
	if alone && in.Type == "time" {
		return sr.kind.time(quote(s))
	}
	for _, layout := range []string{in.Format, format} {
		switch layout {
		case "", "rfc3339", "epoch", "epoch_ms":
		default:
			if at, err := time.Parse(layout, s); err == nil {
				return at, true
			}
		}
	}
	return parseStamp(s, "")
}
