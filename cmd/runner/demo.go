package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lastpage/lastpage/runtime"
	"github.com/lastpage/lastpage/runtime/demo"
)

// demoAddress is where the demo API listens unless another is named.
const demoAddress = "127.0.0.1:8930"

func newDemo(stop <-chan struct{}) *cobra.Command {
	var listen string
	var records int
	var seed uint64
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve the demo API: every way of paging, and every way of going wrong",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			server, err := demo.New(demo.Options{Records: records, Seed: seed}).Listen(ctx, listen)
			if err != nil {
				return &exitError{exitFailed, err}
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "The demo API listens on %s ; its front page explains it. Ctrl-C ends it.\n", server.URL)
			select {
			case <-stop:
			case <-cmd.Context().Done():
			}
			cancel()
			return server.Wait()
		},
	}
	cmd.Flags().StringVar(&listen, "listen", demoAddress, "`ADDRESS` to listen on")
	cmd.Flags().IntVar(&records, "records", 0, "how many records there are, 0 for the default")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "what the generator of the records begins with")
	return cmd
}

// withDemo starts the demo API inside this process for the shipped connector of that name, unless the
// caller says where it is.
func withDemo(ctx context.Context, name string, job *runtime.Job) (end func(), err error) {
	if name != "demo" || exists(name) {
		return func() {}, nil
	}
	if _, ok := job.Set["base_url"]; ok || job.Config["base_url"] != nil {
		return func() {}, nil
	}
	// Links that an earlier run kept name the usual address, so it is taken when it is free.
	server, err := demo.New(demo.Options{}).Listen(ctx, demoAddress)
	if err != nil {
		server, err = demo.Start(ctx, demo.Options{})
	}
	if err != nil {
		return nil, &exitError{exitFailed, err}
	}
	job.Set["base_url"] = server.URL
	return func() { server.Close() }, nil
}
