package catalog

import (
	"log/slog"
	"strings"
	"time"

	"github.com/lastpage/lastpage/runtime"
)

// ChangeKind is the kind of a Change.
type ChangeKind string

const (
	Loaded   ChangeKind = "loaded"   // a connector that was not there, or had no good version
	Reloaded ChangeKind = "reloaded" // another version took its place
	Restored ChangeKind = "restored" // an earlier version was put back
	Refused  ChangeKind = "refused"  // the file has a problem; the version before stays
	Mended   ChangeKind = "mended"   // the problem is over, and the version is the one in use
	Gone     ChangeKind = "gone"     // the file is not there any more; the version stays
	Dropped  ChangeKind = "dropped"  // the connector is not in the catalog any more
)

// Change is something that happened to a connector.
type Change struct {
	At      time.Time
	Kind    ChangeKind
	Name    string
	Path    string // of the YAML file
	Version string // in use now, "" for none
	Before  string // in use before, "" for none
	// Streams are those whose request or pagination differs from the version before: their stored
	// positions are not used again, their watermarks are.
	Streams []string
	Problem error         // with Refused and Gone
	Took    time.Duration // from the first sign of the change to this
}

// log writes the change: problems as warnings, one line each.
func (c Change) log(l *slog.Logger) {
	args := []any{"connector", c.Name, "path", c.Path}
	if c.Version != "" {
		args = append(args, "version", c.Version)
	}
	if c.Before != "" && c.Before != c.Version {
		args = append(args, "before", c.Before)
	}
	if len(c.Streams) > 0 {
		args = append(args, "positions_not_reused", strings.Join(c.Streams, " "))
	}
	if c.Took > 0 {
		args = append(args, "took", c.Took.Round(time.Millisecond))
	}
	if c.Problem == nil {
		l.Info("connector "+string(c.Kind), args...)
		return
	}
	for _, p := range Problems(c.Problem) {
		l.Warn("connector "+string(c.Kind), append(args[:len(args):len(args)], "problem", p)...)
	}
}

// moved lists the streams of both versions whose stored positions do not fit the newer one.
func moved(older, newer *runtime.Connector) []string {
	var list []string
	for _, s := range newer.Spec.Streams {
		if was := older.Stands(s.Name); was != "" && was != newer.Stands(s.Name) {
			list = append(list, s.Name)
		}
	}
	return list
}
