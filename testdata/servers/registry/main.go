// Command registry runs the distribution registry in memory, filled over its own push API with
// repositories and tags, for tests that drain a real Link-header API.
//
//	go run ./registry -listen 127.0.0.1:0 -seed 1 -repositories 300
//
// When it is ready it prints {"url":…,"expected":…} (see package ready) and serves until stdin
// ends or SIGTERM comes. Streams in the expected file: repositories (names) and tags (name:tag).
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/sirupsen/logrus"

	"github.com/lastpage/lastpage/testdata/servers/ready"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address; port 0 takes a free one")
	seed := flag.Uint64("seed", 1, "same seed, same content")
	repositories := flag.Int("repositories", 300, "how many repositories to push")
	dir := flag.String("dir", "", "folder for expected.json (a temporary one by default)")
	flag.Parse()
	if err := run(*listen, *dir, *seed, *repositories); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		os.Exit(1)
	}
}

func run(listen, dir string, seed uint64, repositories int) error {
	dir, remove, err := ready.Dir(dir)
	if err != nil {
		return err
	}
	defer remove()
	logrus.SetOutput(io.Discard)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	app := handlers.NewApp(ctx, config())
	return ready.Serve(listen, dir, app, func(ctx context.Context, base string) (ready.Expected, error) {
		p := pusher{base: base, client: http.DefaultClient}
		return p.fill(ctx, plan(seed, repositories))
	})
}

func config() *configuration.Configuration {
	c := &configuration.Configuration{}
	c.Storage = configuration.Storage{
		"inmemory":    configuration.Parameters{},
		"maintenance": configuration.Parameters{"uploadpurging": map[any]any{"enabled": false}},
		"delete":      configuration.Parameters{"enabled": true},
	}
	c.Catalog.MaxEntries = 1000
	c.HTTP.Secret = "only for this process"
	return c
}
