package catalog_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lastpage/lastpage/runtime/catalog"
)

// TestMany watches 1,000 connectors, of which each hundredth is broken, and saves, moves and deletes
// some of them at once.
func TestMany(t *testing.T) {
	const n = 1000
	s := newShelf(t)
	name := func(i int) string { return fmt.Sprintf("c%04d", i) }
	for i := range n {
		text := yaml(name(i), "/one")
		if i%100 == 99 {
			text = "connector: " + name(i) + "\nformat: 1\nnone: true\n"
		}
		s.write(name(i)+"/connector.yaml", text)
	}
	s.open(func(o *catalog.Options) { o.Keep = 2 })
	good := 0
	for _, st := range s.c.List() {
		if st.Version != "" {
			good++
		}
	}
	if good != n-n/100 || len(s.c.List()) != n {
		t.Fatalf("%d of %d are good", good, len(s.c.List()))
	}
	for i := 0; i < n; i += 10 {
		s.write(name(i)+"/connector.yaml", yaml(name(i), "/two"))
	}
	for i := 5; i < n; i += 100 {
		s.do(os.RemoveAll(filepath.Join(s.dir, name(i))))
	}
	for i := 7; i < n; i += 100 {
		s.do(os.Rename(filepath.Join(s.dir, name(i)), filepath.Join(s.dir, "moved-"+name(i))))
	}
	s.await("all of it", func() bool {
		for i := 0; i < n; i += 10 {
			if s.path(name(i)) != "/two" {
				return false
			}
		}
		for i := 5; i < n; i += 100 {
			if !s.status(name(i)).Gone || filepath.Base(filepath.Dir(s.status(name(i+2)).Path)) != "moved-"+name(i+2) {
				return false
			}
		}
		return true
	})
	if s.told(catalog.Reloaded, name(0)) != 1 || s.told(catalog.Reloaded, name(1)) != 0 {
		t.Error("others were reloaded, or one twice")
	}
}

// BenchmarkReload saves one of 1,000 connectors and waits until it is in use. ns/op is from before the
// save to after the swap; settled is what remains of it beyond Settle.
func BenchmarkReload(b *testing.B) {
	for _, settle := range []time.Duration{50 * time.Millisecond, time.Millisecond} {
		b.Run("settle="+settle.String(), func(b *testing.B) {
			dir := b.TempDir()
			save := func(i, n int) {
				name := fmt.Sprintf("c%04d", i)
				if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name, "connector.yaml"), []byte(yaml(name, fmt.Sprintf("/%d", n))), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			for i := range 1000 {
				save(i, 0)
			}
			news := make(chan catalog.Change, 1000)
			c, err := catalog.Open(context.Background(), catalog.Options{Paths: []string{dir}, Settle: settle, Rescan: time.Hour, Observe: func(c catalog.Change) { news <- c }})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			for len(news) > 0 {
				<-news
			}
			n := 0
			for b.Loop() {
				n++
				save(n*37%1000, n)
				if c := <-news; c.Kind != catalog.Reloaded {
					b.Fatalf("%+v", c)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n)/1e6-float64(settle.Milliseconds()), "ms-beyond-settle")
		})
	}
}

// BenchmarkOpen reads 1,000 connectors.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	for i := range 1000 {
		name := fmt.Sprintf("c%04d", i)
		path := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(path, []byte(yaml(name, "/one")), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		c, err := catalog.Open(context.Background(), catalog.Options{Paths: []string{dir}})
		if err != nil {
			b.Fatal(err)
		}
		if len(c.List()) != 1000 {
			b.Fatalf("%d connectors", len(c.List()))
		}
		c.Close()
	}
}

// BenchmarkUse takes the version of a connector and gives it back, as each run does.
func BenchmarkUse(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte(yaml("a", "/one")), 0o644); err != nil {
		b.Fatal(err)
	}
	c, err := catalog.Open(context.Background(), catalog.Options{Paths: []string{dir}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		v, err := c.Use("a")
		if err != nil {
			b.Fatal(err)
		}
		v.Done()
	}
}
