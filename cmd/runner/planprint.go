package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// print shows the plan to people.
func (p *plan) print(out io.Writer) error {
	fmt.Fprintf(out, "%s, stream %s: one page was asked for\n\n", p.Connector, p.Stream)
	w := tabwriter.NewWriter(out, 2, 8, 2, ' ', 0)
	row := func(name, value string) { fmt.Fprintf(w, "  %s\t%s\n", name, value) }
	row("page", fmt.Sprintf("%s records, %s", thousands(p.PageSize), size(p.PageBytes)))
	row("total", known(p.Total, "the API does not say"))
	row("chains", known(p.Chains, "known when the parent stream or the session has been read"))
	row("pages", known(p.Pages, "unknown"))
	row("calls", known(p.Calls, "unknown"))
	rate := "none is stated"
	if p.Rate > 0 {
		rate = strconv.FormatFloat(p.Rate, 'g', 3, 64) + " calls a second"
	}
	row("rate limit", rate)
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		row("", name+": "+p.Headers[name])
	}
	took := "unknown"
	if p.Seconds >= 0 {
		took = "about " + seconds(p.Seconds)
	}
	row("time", took)
	if p.TokenLife > 0 {
		row("a token lives", seconds(p.TokenLife))
	}
	if p.Session > 0 {
		row("a session lives", seconds(p.Session))
	}
	if p.Cap > 0 {
		row("cap", thousands(p.Cap)+" records of one query")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	advice := map[string]string{
		adviseOneCall: "one call: a plain `runner run`, or a function that steps through the pages",
		adviseLongRun: "a long run: `runner run` goes on after every interruption; where a platform bounds each call, `runner step` reads one page a call",
		adviseWindows: "windows",
	}[p.Advice]
	_, err := fmt.Fprintf(out, "\nRecommended: %s.\n  %s\n", advice, strings.Join(p.Why, "\n  "))
	return err
}

func known(n int64, or string) string {
	if n < 0 {
		return or
	}
	return thousands(n)
}

// thousands writes a count with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

// seconds writes a time as people say it: 0.2 s, 45s, 3m20s, 2d4h.
func seconds(s float64) string {
	if s < 1 {
		return fmt.Sprintf("%.1f s", s)
	}
	return durationText(time.Duration(s * float64(time.Second)))
}

// durationText writes a duration with its two largest units.
func durationText(d time.Duration) string {
	if d < time.Second {
		return d.String()
	}
	out, parts := "", 0
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.unit; n > 0 {
			out += strconv.FormatInt(int64(n), 10) + u.name
			d -= n * u.unit
			parts++
		} else if parts > 0 {
			break
		}
		if parts == 2 {
			break
		}
	}
	return out
}
