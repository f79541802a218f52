package host

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	callsAtOnce = 256              // of all routes but health
	callTime    = 60 * time.Second // to send the answer of a call that is not a stream
)

// gate stands before every handler: it bounds calls, asks for the token, and turns errors into
// problems.
type gate struct {
	h      *Host
	mux    *http.ServeMux
	routes []route
	free   chan struct{}
	token  [sha256.Size]byte // of the token, when one is asked for
}

// Handler is the HTTP API. When Options.Token is "" it answers only requests whose Host header is an
// address or localhost, so that a web page cannot reach it by a name of its own.
func (h *Host) Handler() http.Handler {
	g := &gate{h: h, mux: http.NewServeMux(), routes: routes(), free: make(chan struct{}, callsAtOnce), token: sha256.Sum256([]byte(h.opt.Token))}
	for _, one := range g.routes {
		r := &one
		g.mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, q *http.Request) { g.serve(r, w, q) })
	}
	return http.HandlerFunc(g.handle)
}

// handle finds the route. Paths are taken as they are: nothing is cleaned, nothing is redirected.
func (g *gate) handle(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Content-Security-Policy", "default-src 'none'")
	if p := r.URL.Path; p != path.Clean(p) || strings.Contains(p, "\x00") || r.Method == http.MethodConnect {
		problem(http.StatusNotFound, "no_route", "there is nothing at this path").write(w)
		return
	}
	if _, pattern := g.mux.Handler(r); pattern != "" {
		g.mux.ServeHTTP(w, r)
		return
	}
	if !g.allowed(r) {
		g.refuse(w)
		return
	}
	if allow := g.methodsOf(r.URL.Path); len(allow) > 0 {
		head.Set("Allow", strings.Join(allow, ", "))
		problem(http.StatusMethodNotAllowed, "method", "this path takes "+strings.Join(allow, " and ")).write(w)
		return
	}
	problem(http.StatusNotFound, "no_route", "there is nothing at this path").write(w)
}

// methodsOf lists the methods that a path takes.
func (g *gate) methodsOf(path string) (list []string) {
	got := strings.Split(path, "/")
	for _, r := range g.routes {
		want := strings.Split(r.path, "/")
		ok := len(got) == len(want)
		for i := range want {
			ok = ok && (want[i] == got[i] || strings.HasPrefix(want[i], "{") && got[i] != "")
		}
		if ok {
			list = append(list, r.method)
		}
	}
	return list
}

// allowed reports whether the caller may call anything but health.
func (g *gate) allowed(r *http.Request) bool {
	if g.h.opt.Token == "" {
		return g.h.opt.UnknownHost || local(r.Host)
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(given)))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// local reports whether a Host header names an address or localhost.
func local(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || net.ParseIP(host) != nil
}

func (g *gate) refuse(w http.ResponseWriter) {
	if g.h.opt.Token == "" {
		problem(http.StatusMisdirectedRequest, "host", "without a token only an address or localhost is answered in the Host header").write(w)
		return
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="runner"`)
	problem(http.StatusUnauthorized, "unauthorized", "want Authorization: Bearer TOKEN").write(w)
}

// serve calls the route's handler.
func (g *gate) serve(r *route, w http.ResponseWriter, q *http.Request) {
	began := time.Now()
	seen := &recorder{ResponseWriter: w}
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			g.h.log.Error("an API call panicked", "route", r.method+" "+r.path, "panic", v, slog.String("stack", string(debug.Stack())))
			if seen.status == 0 {
				problem(http.StatusInternalServerError, "internal", "something went wrong that is no fault of the call; the log says what").write(seen)
			}
		}
		name := r.method + " " + r.path
		g.h.metrics.calls.WithLabelValues(name, strconv.Itoa(seen.status)).Inc()
		if !r.stream {
			g.h.metrics.callTime.WithLabelValues(name).Observe(time.Since(began).Seconds())
		}
	}()
	if !r.open {
		if !g.allowed(q) {
			g.refuse(seen)
			return
		}
		select {
		case g.free <- struct{}{}:
			defer func() { <-g.free }()
		default:
			p := problem(http.StatusServiceUnavailable, "busy", "too many calls at a time")
			p.retry = time.Second
			p.write(seen)
			return
		}
	}
	if !r.stream {
		// a connection without deadlines (in tests of handlers alone) is as good
		_ = http.NewResponseController(w).SetWriteDeadline(began.Add(callTime + g.h.opt.StepTime))
	}
	if err := r.serve(g.h, seen, q); err != nil && seen.status == 0 && !errors.Is(err, errGone) {
		g.h.problemOf(err).write(seen)
	}
}

// errGone is that the caller has hung up: nobody is there to be told.
var errGone = errors.New("the caller has hung up")

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status and passes it on.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write passes on.
func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
