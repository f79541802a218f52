// Service drains a folder of connectors every five minutes. They are reloaded when their files change,
// every stream goes on where it stopped, and SIGTERM ends it in order.
package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) != 4 {
		slog.Error("usage: service FOLDER-OF-CONNECTORS STATE.db OUTPUT-FOLDER")
		os.Exit(2)
	} else if err := serve(ctx, os.Args[1], os.Args[2], os.Args[3], 5*time.Minute); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

// serve drains every connector now and then every so often, until ctx ends.
func serve(ctx context.Context, connectors, state, output string, every time.Duration) error {
	ledger, err := store.Open(context.WithoutCancel(ctx), state, store.Options{})
	if err != nil {
		return err
	}
	defer ledger.Close()
	all, err := catalog.Open(ctx, catalog.Options{Paths: []string{connectors}, Log: slog.Default()})
	if err != nil {
		return err
	}
	defer all.Close()
	for {
		var runs sync.WaitGroup
		for _, c := range all.List() {
			runs.Go(func() { drain(ctx, all, ledger, c.Name, output) })
		}
		runs.Wait()
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}

// drain runs one connector; when ctx ends, it finishes the pages in flight first.
func drain(ctx context.Context, all *catalog.Catalog, ledger *store.DB, name, output string) {
	version, err := all.Use(name) // this run keeps it, whatever is saved meanwhile
	if err != nil {
		return // the catalog has told why
	}
	defer version.Done()
	work := context.WithoutCancel(ctx)
	out, err := sink.New(work, "jsonl:"+filepath.Join(output, name+".{stream}.jsonl"), sink.Options{Ledger: ledger.Path()})
	if err != nil {
		slog.Error("output", "connector", name, "error", err)
		return
	}
	job := runtime.Job{Connector: version.Connector, Ledger: ledger, Sink: out, Owner: store.Self(time.Now()), Env: os.LookupEnv, Stop: ctx.Done()}
	if report, err := runtime.Run(work, &job); err != nil {
		slog.Error("not begun", "connector", name, "error", err)
	} else {
		slog.Info(report.Message, "connector", name, "version", version.ID, "verdict", report.Verdict)
	}
}
