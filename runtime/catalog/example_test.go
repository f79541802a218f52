package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lastpage/lastpage/connectors"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
	"github.com/lastpage/lastpage/runtime/replay"
)

// A broken file takes nothing away from those who run.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "shop.yaml")
	save := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			fmt.Println(err)
		}
	}
	save(yaml("shop", "/v1/orders"))
	ctx := context.Background()
	all, err := catalog.Open(ctx, catalog.Options{Paths: []string{dir}, Shipped: connectors.FS, Replay: play})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer all.Close()

	version, err := all.Use("shop")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer version.Done() // when the run is over

	save(yaml("shop", "/v2/orders") + "pagintion: {}\n")
	if err := all.Rescan(ctx); err != nil { // the watching finds it by itself; this waits for it
		fmt.Println(err)
		return
	}
	status, err := all.Status("shop")
	fmt.Println(status.Version == version.ID, err)
	for _, problem := range catalog.Problems(status.Problem) {
		fmt.Println(strings.TrimPrefix(problem, dir+string(filepath.Separator)))
	}
	// Output:
	// true <nil>
	// shop.yaml:9:1: unknown key `pagintion`; known here: connector, format, title, docs, config, http, hook, streams
}

// play is what catalog.Options.Replay wants.
func play(ctx context.Context, c *runtime.Connector, fsys fs.FS, path string) error {
	r, err := replay.RunFS(ctx, c, fsys, path)
	if err == nil && !r.OK() {
		err = errors.New(r.String())
	}
	return err
}
