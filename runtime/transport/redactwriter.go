package transport

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is how much of a line without end RedactWriter keeps back.
const maxLine = 1 << 20

// RedactWriter writes what it is given with secrets removed. It works line by line (ended by \n or
// \r), so that a secret that comes in two writes is found; what follows the last line end waits for
// the next write or Flush.
type RedactWriter struct {
	mu   sync.Mutex
	w    io.Writer
	r    *Redactor
	rest []byte
}

// Writer returns a writer that removes r's secrets on the way to w.
func (r *Redactor) Writer(w io.Writer) *RedactWriter { return &RedactWriter{w: w, r: r} }

// Write takes p whole unless the writer behind fails.
func (w *RedactWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end := bytes.LastIndexAny(p, "\n\r") + 1
	if end == 0 {
		w.rest = append(w.rest, p...)
		if len(w.rest) > maxLine {
			return len(p), w.flush()
		}
		return len(p), nil
	}
	out := p[:end]
	if len(w.rest) > 0 {
		w.rest = append(w.rest, out...)
		out = w.rest
	}
	_, err := w.w.Write(w.r.Bytes(out))
	w.rest = append(w.rest[:0], p[end:]...)
	return len(p), err
}

// Flush writes what waits for its line end.
func (w *RedactWriter) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *RedactWriter) flush() error {
	if len(w.rest) == 0 {
		return nil
	}
	_, err := w.w.Write(w.r.Bytes(w.rest))
	w.rest = w.rest[:0]
	return err
}
