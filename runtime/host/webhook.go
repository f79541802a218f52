package host

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

const (
	webhookTries   = 3
	webhookTimeout = 10 * time.Second
	webhooksAtOnce = 16
	webhooksQueued = 1000
)

// webhooks tell other services how runs ended: POST with the run as JSON. One that does not answer
// with 2xx is tried 3 times; a redirect is no such answer.
type webhooks struct {
	log    *slog.Logger
	client *http.Client
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	free   chan struct{}
	room   chan struct{}
}

func newWebhooks(log *slog.Logger) *webhooks {
	ctx, cancel := context.WithCancel(context.Background())
	return &webhooks{
		log: log, ctx: ctx, cancel: cancel, free: make(chan struct{}, webhooksAtOnce), room: make(chan struct{}, webhooksQueued),
		client: &http.Client{Timeout: webhookTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// send tells the run to the address that v names.
func (w *webhooks) send(v Value, s RunStatus) {
	select {
	case w.room <- struct{}{}:
	default:
		w.log.Error("a webhook was not sent: too many wait", "run", s.ID)
		return
	}
	w.wg.Go(func() {
		defer func() { <-w.room }()
		select {
		case w.free <- struct{}{}:
			defer func() { <-w.free }()
		case <-w.ctx.Done():
			return
		}
		if err := w.deliver(v, s); err != nil && w.ctx.Err() == nil {
			w.log.Error("a webhook was not sent", "run", s.ID, "job", s.Job, "error", err)
		}
	})
}

func (w *webhooks) deliver(v Value, s RunStatus) error {
	url, err := v.text(os.LookupEnv)
	if err != nil {
		return err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	wait := time.Second
	for try := 1; ; try++ {
		if err = w.post(url, body); err == nil || try == webhookTries {
			return err
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-w.ctx.Done():
			t.Stop()
			return w.ctx.Err()
		}
		wait *= 2
	}
}

// post sends once. Addresses of webhooks are secrets, so errors do not show them.
func (w *webhooks) post(url string, body []byte) error {
	r, err := http.NewRequestWithContext(w.ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("its address is no URL")
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := w.client.Do(r)
	if err != nil {
		return fmt.Errorf("%s does not answer", r.URL.Host)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %d", r.URL.Host, resp.StatusCode)
	}
	return nil
}

// close waits for what is under way until ctx ends.
func (w *webhooks) close(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		w.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	w.cancel()
	<-done
	w.client.CloseIdleConnections()
}
