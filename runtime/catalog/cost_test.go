package catalog_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/catalog"
)

// BenchmarkRunWhileReloading drains a stream of 200 pages of 100 records from this machine, while others
// of 1,000 connectors are saved: never, and five times a second.
func BenchmarkRunWhileReloading(b *testing.B) {
	const pages = 200
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		fmt.Sscan(r.URL.Query().Get("page"), &n)
		fmt.Fprintf(w, `{"pages":%d,"items":[`, pages)
		for i := range 100 {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `{"id":%d,"name":"a record of a usual size","score":0.5}`, n*100+i)
		}
		fmt.Fprint(w, "]}")
	}))
	defer api.Close()
	text := "connector: run\nformat: 1\nhttp: {base_url: \"" + api.URL + "\"}\nstreams:\n  items:\n    request: {path: /}\n" +
		"    records: {path: items, key: id}\n    pagination: {type: page, send: query.page, total_pages: body.pages}\n"
	for _, every := range []time.Duration{0, 200 * time.Millisecond} {
		b.Run(fmt.Sprintf("save-every=%s", every), func(b *testing.B) {
			dir := b.TempDir()
			save := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(text), 0o644); err != nil {
					b.Error(err)
				}
			}
			for i := range 999 {
				name := fmt.Sprintf("c%04d", i)
				save(name, yaml(name, "/0"))
			}
			save("run", text)
			c, err := catalog.Open(context.Background(), catalog.Options{Paths: []string{dir}})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			ctx, stop := context.WithCancel(context.Background())
			var saving sync.WaitGroup
			defer saving.Wait()
			defer stop()
			if every > 0 {
				saving.Go(func() {
					for n := 1; ctx.Err() == nil; n++ {
						name := fmt.Sprintf("c%04d", n%999)
						save(name, yaml(name, fmt.Sprintf("/%d", n)))
						select {
						case <-time.After(every):
						case <-ctx.Done():
						}
					}
				})
			}
			for b.Loop() {
				v, err := c.Use("run")
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for page, err := range runtime.Pages(ctx, &runtime.Job{Connector: v.Connector}) {
					if err != nil {
						b.Fatal(err)
					}
					n += len(page.Records)
				}
				v.Done()
				if n != pages*100 {
					b.Fatalf("%d records", n)
				}
			}
		})
	}
}
