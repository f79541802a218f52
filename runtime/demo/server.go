package demo

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Serve answers on addr ("127.0.0.1:8930") until ctx ends, and waits a little for requests in
// progress. It returns nil after such an end.
func (a *API) Serve(ctx context.Context, addr string) error {
	s, err := a.Listen(ctx, addr)
	if err != nil {
		return err
	}
	return s.Wait()
}

// Server is an API that listens.
type Server struct {
	*API
	URL  string // http://127.0.0.1:port, without a slash at the end
	stop context.CancelFunc
	done chan struct{}
	err  error
}

// Start makes an API and lets it listen on a free port of 127.0.0.1 until ctx ends or Close.
func Start(ctx context.Context, opt Options) (*Server, error) {
	return New(opt).Listen(ctx, "127.0.0.1:0")
}

// Listen lets a listen on addr until ctx ends or Close; it returns as soon as the port is open.
func (a *API) Listen(ctx context.Context, addr string) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	s := &Server{API: a, URL: "http://" + l.Addr().String(), stop: stop, done: make(chan struct{})}
	srv := &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0), // faults break connections on purpose
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	go func() {
		defer close(s.done)
		defer stop()
		select {
		case s.err = <-served:
			return
		case <-ctx.Done():
		}
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := srv.Shutdown(end); err != nil {
			s.err = srv.Close()
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			s.err = errors.Join(s.err, err)
		}
	}()
	return s, nil
}

// Wait waits until the server has ended and returns why, nil after Close or the context's end.
func (s *Server) Wait() error {
	<-s.done
	return s.err
}

// Close ends the server and waits for it.
func (s *Server) Close() error {
	s.stop()
	return s.Wait()
}
