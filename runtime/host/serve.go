package host

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
)

const (
	maxConnections = 1024
	maxHeader      = 32 << 10
	headerTime     = 10 * time.Second // for a request's head
	bodyTime       = 30 * time.Second // for a whole request
	idleTime       = 2 * time.Minute  // between requests of a connection
)

// Loopback reports whether an address to listen on can be reached from this machine alone.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Serve answers on l until ctx ends, then finishes what is under way: calls and runs. It closes the
// host. The error is why it could not go on.
func (h *Host) Serve(ctx context.Context, l net.Listener) error {
	l = netutil.LimitListener(l, maxConnections)
	srv := &http.Server{
		Handler: h.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: log.New(io.Discard, "", 0), // what callers do wrong on the wire is not news
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	h.stopCalls()
	end, cancel := context.WithTimeout(context.Background(), h.opt.Grace)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(end) }()
	h.windDown()
	if serr := <-done; serr != nil {
		err = errors.Join(err, srv.Close())
	}
	closeErr := h.Close()
	if err == nil {
		err = <-served
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, closeErr)
}
