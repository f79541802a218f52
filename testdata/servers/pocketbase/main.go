// Command pocketbase runs PocketBase with one public collection, indicators, filled through its
// SDK, for tests that drain a real page-number API.
//
//	go run ./pocketbase -listen 127.0.0.1:0 -seed 1 -records 5000
//
// When it is ready it prints {"url":…,"expected":…} (see package ready) and serves until stdin
// ends or SIGTERM comes. The expected file holds one stream: records (ids).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations"

	"github.com/lastpage/lastpage/testdata/servers/ready"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address; port 0 takes a free one")
	seed := flag.Uint64("seed", 1, "same seed, same content")
	records := flag.Int("records", 5000, "how many records to create")
	dir := flag.String("dir", "", "folder for the database and expected.json (a temporary one by default)")
	flag.Parse()
	if err := run(*listen, *dir, *seed, *records); err != nil {
		fmt.Fprintln(os.Stderr, "pocketbase:", err)
		os.Exit(1)
	}
}

func run(listen, dir string, seed uint64, records int) (err error) {
	dir, remove, err := ready.Dir(dir)
	if err != nil {
		return err
	}
	defer remove()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: filepath.Join(dir, "pb_data")})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.ResetBootstrapState()) }()
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	h, err := handler(app)
	if err != nil {
		return err
	}
	return ready.Serve(listen, dir, h, func(ctx context.Context, _ string) (ready.Expected, error) {
		ids, err := fill(ctx, app, seed, records)
		return ready.Expected{"records": ids}, err
	})
}

func handler(app core.App) (http.Handler, error) {
	router, err := apis.NewRouter(app)
	if err != nil {
		return nil, err
	}
	return router.BuildMux()
}
