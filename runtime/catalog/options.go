package catalog

import (
	"context"
	"io/fs"
	"log/slog"
	goruntime "runtime"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/script"
)

// Options say where connectors are and how they are taken over. The zero value of each field but
// Paths and Shipped is a good default.
type Options struct {
	// Paths are connector files, connector folders (they hold a connector.yaml), and folders of both.
	// Where two hold a connector of the same name, the first counts. Names that begin with a dot are
	// passed over, and so are YAML files in a folder that have no line `connector:`.
	Paths []string
	// Shipped has one folder per connector, such as connectors.FS; nil: none. It is not watched, and
	// yields to Paths.
	Shipped fs.FS
	// Kinds are the program's own ways of authenticating and paging.
	Kinds runtime.Kinds
	// Script says how hooks and expressions run.
	Script script.Options
	// Replay plays one recorded case (cases/*.txtar beside the connector) and answers how the engine
	// did otherwise than the case says; nil: cases are not played. Those of
	// Shipped never are. It is called by several goroutines.
	Replay func(ctx context.Context, c *runtime.Connector, fsys fs.FS, path string) error
	// Patience is how long the cases of one connector may take together; 0: 30 s.
	Patience time.Duration
	// Settle is how long a file must be left alone before it is read; 0: 50 ms. A file that looks half
	// written (it is empty, or its last line has no end) is waited for ten times as long.
	Settle time.Duration
	// Rescan is how often everything is looked at whether or not the system told of a change; 0: 10 s.
	Rescan time.Duration
	// Workers is how many connectors are read at once; 0: one per CPU.
	Workers int
	// Keep is how many versions of a connector are kept for Restore, the one in use included; 0: 10.
	Keep int
	// Archive is a folder in which they are kept too, so that they, a Restore and the last good version
	// of a broken file outlive the process; "": nowhere. It is made when it is missing.
	Archive string
	// Observe is told every change, by one goroutine; it must not block and must not call the Catalog.
	Observe func(Change)
	// Log is told what Observe is; nil: nobody.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Patience <= 0 {
		o.Patience = 30 * time.Second
	}
	if o.Settle <= 0 {
		o.Settle = 50 * time.Millisecond
	}
	if o.Rescan <= 0 {
		o.Rescan = 10 * time.Second
	}
	if o.Workers < 1 {
		o.Workers = goruntime.GOMAXPROCS(0)
	}
	if o.Keep < 1 {
		o.Keep = 10
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
