package host

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func (h *Host) serveHealth(w http.ResponseWriter, _ *http.Request) error {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
	return nil
}

func (h *Host) serveReady(w http.ResponseWriter, r *http.Request) error {
	select {
	case <-h.ending:
		return ErrEnding
	default:
	}
	if err := h.book.db.PingContext(r.Context()); err != nil {
		h.log.Error("the state file does not answer", "error", err)
		return problem(http.StatusServiceUnavailable, "state", "the state file does not answer")
	}
	answer(w, http.StatusOK, map[string]string{"status": "ready"})
	return nil
}

func (h *Host) serveMetrics(w http.ResponseWriter, r *http.Request) error {
	promhttp.HandlerFor(h.metrics.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4}).ServeHTTP(w, r)
	return nil
}

func (h *Host) serveOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	b, err := OpenAPI(h.opt.Version)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(b)
	if err != nil {
		return errGone
	}
	return nil
}
