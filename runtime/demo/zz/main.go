package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
	"github.com/lastpage/lastpage/runtime/script"
	"github.com/lastpage/lastpage/store"
	"github.com/lastpage/lastpage/store/sink"
)

func main() {
	path := flag.String("c", "connectors/demo", "")
	set := flag.String("set", "", "")
	runs := flag.Int("runs", 1, "")
	dir := flag.String("dir", "/tmp/zz", "")
	v := flag.Bool("v", false, "")
	flag.Parse()
	ctx := context.Background()
	c, err := runtime.Load(*path, script.Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	s, err := demo.Start(ctx, demo.Options{})
	if err != nil {
		panic(err)
	}
	os.RemoveAll(*dir)
	os.MkdirAll(*dir, 0o755)
	db, err := store.Open(ctx, *dir+"/x.db", store.Options{})
	if err != nil {
		panic(err)
	}
	for range *runs {
		sk, err := sink.New(ctx, "jsonl:"+*dir+"/{stream}.jsonl", sink.Options{})
		if err != nil {
			panic(err)
		}
		m := map[string]string{}
		if strings.Contains(*path, "demo") {
			m["base_url"] = s.URL
		}
		for kv := range strings.SplitSeq(*set, ";") {
			if k, v, ok := strings.Cut(kv, "="); ok {
				m[k] = v
			}
		}
		job := &runtime.Job{Connector: c, Streams: flag.Args(), Set: m, Ledger: db, Sink: sk, Owner: engine.Owner{ID: "zz", PID: os.Getpid()}}
		if *v {
			job.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
			job.Observe = func(e runtime.Event) { fmt.Printf("%+v\n", e) }
		}
		r, err := runtime.Run(ctx, job)
		if err != nil {
			fmt.Println("error:", err)
		}
		if r == nil {
			continue
		}
		fmt.Println(r.Verdict, r.Attested, r.Reason, r.Message)
		for _, st := range r.Streams {
			total := int64(-1)
			if st.Total != nil {
				total = *st.Total
			}
			fmt.Printf("  %-14s %-10s %-9s %s %s pages %d records %d received %d dup %d req %d retries %d rec %d total %d\n", st.Name, st.Verdict, st.Attested, st.Reason, st.Detail, st.Pages, st.Records, st.Received, st.Duplicates, st.Requests, st.Retries, st.Recoveries, total)
		}
		sk.Close(ctx)
	}
}
