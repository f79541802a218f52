package runtime

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime/script"
)

// sentence says how the stream ended, on what evidence, and what to try.
func (r *StreamReport) sentence() string {
	var b strings.Builder
	b.WriteString(r.Verdict)
	if r.Attested != "" {
		b.WriteString(", " + string(r.Attested))
	}
	b.WriteString(": ")
	if r.Verdict != Complete {
		b.WriteString(oneLine(orElse(r.Detail, orElse(r.Reason, "no reason is known"))))
		b.WriteString("; ")
		b.WriteString(plural(r.Records, "record") + " delivered")
		if r.Total != nil {
			b.WriteString(" of " + Thousands(*r.Total))
		}
		b.WriteString(r.work())
		if r.Until != "" {
			b.WriteString("; come back at " + r.Until)
		}
		if hint := r.hint(); hint != "" {
			b.WriteString(". Try: " + hint)
		}
		return b.String()
	}
	if r.Total != nil && r.Attested == engine.Proved {
		fmt.Fprintf(&b, "%s of %s", Thousands(*r.Total), plural(*r.Total, "record"))
		if now := r.Received - r.Duplicates + r.crossed - r.met; now < *r.Total {
			b.WriteString(", " + Thousands(now) + " of them in this run,") // the count is the walk's
		}
	} else {
		b.WriteString(plural(r.Records, "record"))
	}
	b.WriteString(r.work())
	switch {
	case r.before:
		b.WriteString("; the end was seen in an earlier run")
	case r.Attested == engine.Assumed:
		b.WriteString("; one witness saw the end")
	}
	return b.String()
}

// oneLine is a detail without the lines of a JavaScript stack; its other lines follow each other.
func oneLine(detail string) string {
	head, rest, _ := strings.Cut(detail, "\n")
	for line := range strings.SplitSeq(rest, "\n") {
		if frame, ok := strings.CutPrefix(line, script.FrameIndent); ok {
			if _, more, ok := strings.Cut(frame, "; "); ok { // what was said behind the last frame
				head += "; " + more
			}
		} else if line = strings.TrimSpace(line); line != "" {
			head += " " + line
		}
	}
	return head
}

// work says what it took.
func (r *StreamReport) work() string {
	s := " in " + plural(r.Pages, "page")
	if r.Chains > 1 {
		s += " of " + plural(r.Chains, "chain")
	}
	s += ", " + plural(r.Retries, "retry")
	if r.Recoveries > 0 {
		s += ", " + plural(r.Recoveries, "recovery")
	}
	if r.Duplicates > 0 {
		s += ", " + plural(r.Duplicates, "duplicate") + " dropped"
	}
	return s + ", " + seconds(r.Seconds)
}

func seconds(s float64) string {
	if s < 10 {
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}

// hints say what to try, by reason. A reason that is not here has no hint that would fit every API.
var hints = map[string]string{
	engine.CodeNextTokenMissing: "a `fallback` in pagination, so that a lost token is recovered; or run again to ask for the page once more",
	engine.CodeShortOfTotal:     "run again; if it stays, the API's total is wrong: declare it `{from: …, kind: estimate}`",
	engine.CodeCycle:            "check that the token is sent where the API reads it (`send`); where a repeated token means the end, `repeat: end`",
	engine.CodeTokenExpired:     "a `fallback` in pagination, or a smaller page so that the token is used in time",
	engine.CodeStalled:          "raise `limits.empty_pages` if the API sends that many empty pages",
	engine.CodeTimestampFull:    "a larger `limit`, or a pattern whose position is not a time: one timestamp fills a page",
	engine.CodePageRepeated:     "check that the position is sent where the API reads it (`send`); if records were added meanwhile, run again",
	engine.CodeCap:              "a `window` partition, so that the window is cut until it fits under the cap",
	CodeLimit:                   "run again: it goes on from here",
	CodeInterrupted:             "run again: it goes on from here",
	CodeWindow:                  "a smaller `min`, or another partition beside the window",
	NoticeParentField:           "correct `take`: it names fields of the parent's records as they are delivered, after `drop` and `set`",
	CodeRecordsPath:             "correct `records.path`, or set `records.optional: true` if the API leaves it out when there is nothing",
	CodeSessionExpired:          "run again: a new session is opened",
}

// hint says what to try, "" when nothing is known that would fit.
func (r *StreamReport) hint() string {
	switch {
	case r.ladder && (r.Reason == engine.CodeTokenExpired || r.Reason == engine.CodeNextTokenMissing):
		return orElse(r.instead, "run again; the declared `fallback` could not go on from there")
	case r.Reason == CodeStream && r.above != nil:
		return r.above.hint()
	case r.Reason == CodeSessionExpired && strings.HasSuffix(r.Detail, otherParts):
		return "`--fresh`, which reads all parts of a new session"
	case r.Reason == CodeSessionExpired && strings.HasSuffix(r.Detail, noSession):
		return "a `session` in the stream, or another class in the rule that says session_expired"
	case r.Reason == engine.CodeShortOfTotal && strings.Contains(r.Detail, engine.WitnessTotalPages+" says"):
		return "run again; if it stays, the API's count of pages is wrong: leave `total_pages` out"
	case r.Reason == engine.CodeShortOfTotal && strings.Contains(r.Detail, engine.WitnessRemaining+" says"):
		return "run again; if it stays, the API's count of what is left is wrong: leave `remaining` out"
	case r.Reason == CodeWindow && strings.HasSuffix(r.Detail, uncutKey):
		return "name what identifies a record in `records.key`, and run again"
	case r.Reason == CodeWindow && strings.Contains(r.Detail, uncutStep):
		return "a finer `format`, or another partition beside the window"
	case r.Events[NoticePoisoned] > 0 && (r.Reason == engine.CodeNextTokenMissing || r.Reason == engine.CodeShortOfTotal):
		return hints[r.Reason] + "; run after run has ended here with nothing new: `--fresh` (or `runner state reset`) walks it from the first page"
	}
	return hints[r.Reason]
}

// sentence is the run's: that of its worst stream, with the stream's name where there are several.
func (r *Report) sentence() string {
	if len(r.Streams) == 1 {
		return r.Streams[0].Message
	}
	var worst *StreamReport
	good, records := 0, int64(0)
	for _, s := range r.Streams {
		records += s.Records
		if s.Verdict == Complete {
			good++
		}
		if worst == nil && s.Verdict == r.Verdict {
			worst = s
		}
	}
	if worst == nil || r.Verdict == Complete {
		s := Complete
		if r.Attested != "" {
			s += ", " + string(r.Attested)
		}
		return fmt.Sprintf("%s: %s from %s", s, plural(records, "record"), plural(int64(len(r.Streams)), "stream"))
	}
	return fmt.Sprintf("%s (%d of %s complete, %s delivered); stream %s: %s", r.Verdict, good, plural(int64(len(r.Streams)), "stream"),
		plural(records, "record"), worst.Name, strings.TrimPrefix(worst.Message, worst.Verdict+": "))
}

// Thousands writes a count with separators: 1,234.
func Thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, word string) string {
	if n != 1 {
		switch {
		case strings.HasSuffix(word, "y"):
			word = strings.TrimSuffix(word, "y") + "ies"
		default:
			word += "s"
		}
	}
	return Thousands(n) + " " + word
}
