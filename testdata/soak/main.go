// Command soak runs the real `runner serve` with hundreds of connectors against the demo API while
// everything happens to it at once: files are saved five times a second (good ones, broken ones, hooks
// that loop for ever), runs are paused and cancelled, and the service is killed every 20 seconds. At the
// end every stream's file holds every record of the API exactly once, no chain is stuck, and goroutines
// and memory are where they were.
//
//	go run ./testdata/soak [-time 3m] [-connectors N] [-runs N] [-kill D] [-seed N]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/testdata/measure"
)

// plan is how hard it gets.
type plan struct {
	time       time.Duration
	connectors int
	runs       int           // in flight
	kill       time.Duration // how often the service is killed
	seed       uint64
	records    int // of each stream
}

func main() {
	var p plan
	flag.DurationVar(&p.time, "time", 3*time.Minute, "how long things go wrong")
	flag.IntVar(&p.connectors, "connectors", 300, "connectors, one stream each")
	flag.IntVar(&p.runs, "runs", 100, "runs in flight")
	flag.DurationVar(&p.kill, "kill", 20*time.Second, "how often the service is killed")
	flag.IntVar(&p.records, "records", 1500, "records of each stream")
	flag.Uint64Var(&p.seed, "seed", 1, "of what happens when")
	flag.Parse()
	if err := p.soak(); err != nil {
		log.Fatal("soak: ", err)
	}
}

func (p plan) soak() error {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin, err := measure.Build(dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	api, err := demo.Start(ctx, demo.Options{})
	if err != nil {
		return err
	}
	defer api.Close()
	d := newDriver(p, dir, api)
	if err := d.write(); err != nil {
		return err
	}
	s := &service{bin: bin, dir: dir, addr: "127.0.0.1:0"}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer s.kill()
	d.service = s
	if err := d.work(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, s.tail())
	}
	began := time.Now()
	if err := s.end(); err != nil {
		return fmt.Errorf("%w\n%s", err, s.tail())
	}
	fmt.Printf("SIGTERM ended the service in %s\n", time.Since(began).Round(time.Millisecond))
	return d.report()
}
