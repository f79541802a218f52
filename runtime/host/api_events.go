package host

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	eventBeat = 15 * time.Second // a comment keeps the connection alive
	eventSend = 10 * time.Second // a listener that takes nothing for so long is let go
)

func (h *Host) serveEvents(w http.ResponseWriter, r *http.Request) error {
	after, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64) // anything else: from now on
	ch, missed, quit := h.events.listen(r.URL.Query().Get("run"), after)
	if ch == nil {
		p := problem(http.StatusServiceUnavailable, "too_many_listeners", "too many listen to events already")
		p.retry = 10 * time.Second
		return p
	}
	defer quit()
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	control := http.NewResponseController(w)
	send := func(b []byte) error {
		if err := control.SetWriteDeadline(time.Now().Add(eventSend)); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		return control.Flush()
	}
	if send([]byte(": events\n\n")) != nil {
		return errGone
	}
	var b bytes.Buffer
	for _, e := range missed {
		e.append(&b)
	}
	if b.Len() > 0 && send(b.Bytes()) != nil {
		return errGone
	}
	beat := time.NewTicker(eventBeat)
	defer beat.Stop()
	for {
		b.Reset()
		select {
		case <-r.Context().Done():
			return errGone
		case <-h.ending:
			return nil
		case <-beat.C:
			b.WriteString(": still here\n\n")
		case e, ok := <-ch:
			if !ok {
				return nil
			}
			e.append(&b)
		}
		if send(b.Bytes()) != nil {
			return errGone
		}
	}
}

// append writes the event as the standard says: its data is one line of JSON.
func (e event) append(b *bytes.Buffer) {
	fmt.Fprintf(b, "id: %d\nevent: %s\ndata: %s\n\n", e.id, e.kind, e.data)
}
