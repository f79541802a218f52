package transport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Bounds of the body buffers.
const (
	firstBuffer = 64 << 10 // of a body whose length is not known
	maxTrusted  = 4 << 20  // a Content-Length is believed up to here
	maxPooled   = 16 << 20 // larger buffers are let go
)

// errTooLarge says that a body passed its bound.
var errTooLarge = errors.New("the body is longer than allowed")

// bodyError is a body that is not what its headers say.
type bodyError struct{ msg string }

func (e *bodyError) Error() string { return e.msg }

// wireReader counts what comes from the socket, stops at a bound and remembers why it stopped, which
// decoders hide.
type wireReader struct {
	r     io.Reader
	n     int64
	limit int64
	err   error // nil or what Read answered last, io.EOF excepted
}

func (w *wireReader) Read(p []byte) (int, error) {
	if w.n > w.limit {
		w.err = errTooLarge
		return 0, w.err
	}
	n, err := w.r.Read(p)
	w.n += int64(n)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// readBody reads the body to its end, so that the connection can be used again, and decodes it.
// limit bounds the decoded bytes and, nearly, the encoded ones. What was decoded before a failure
// comes back with the error.
func (c *Client) readBody(resp *http.Response, limit int64, watch func(Arriving)) (body []byte, wire int64, err error) {
	codings, err := contentCodings(resp.Header)
	if err != nil {
		return nil, 0, err
	}
	if len(codings) == 0 && resp.ContentLength > limit {
		return nil, 0, errTooLarge
	}
	raw := &wireReader{r: resp.Body, limit: limit + firstBuffer}
	if len(codings) == 0 {
		body, err = c.readAll(raw, resp.ContentLength, limit, watch)
		if err == nil && bytes.HasPrefix(body, []byte{0x1f, 0x8b, 8}) { // a file that was packed at rest
			packed := body
			body, err = c.decodeAll(bytes.NewReader(packed), []string{"gzip"}, limit, watch)
			c.giveBuffer(packed)
		}
		return body, raw.n, err
	}
	src := c.takeReader(raw)
	body, err = c.decodeAll(src, codings, limit, watch)
	if err == nil {
		if _, rest := src.ReadByte(); rest == nil {
			err = &bodyError{"there are bytes after the end of the compressed body"}
		}
	}
	if raw.err != nil {
		err = raw.err
	}
	c.giveReader(src)
	return body, raw.n, err
}

// decodeAll decodes src to its end.
func (c *Client) decodeAll(src io.Reader, codings []string, limit int64, watch func(Arriving)) ([]byte, error) {
	r, done, err := c.decode(src, codings)
	defer done()
	if err == io.EOF { // nothing was sent at all
		return nil, nil
	}
	var body []byte
	if err == nil {
		body, err = c.readAll(r, -1, limit, watch)
	}
	if err != nil && err != errTooLarge {
		err = &bodyError{fmt.Sprintf("the compressed body is broken: %v", err)}
	}
	return body, err
}

// contentCodings lists the codings that were applied, first to last.
func contentCodings(h http.Header) ([]string, error) {
	var out []string
	for _, line := range h["Content-Encoding"] {
		for _, coding := range strings.Split(line, ",") {
			switch coding = strings.ToLower(strings.TrimSpace(coding)); coding {
			case "", "identity", "none", "aws-chunked":
			case "gzip", "x-gzip":
				out = append(out, "gzip")
			case "deflate", "zstd":
				out = append(out, coding)
			default:
				return nil, &bodyError{fmt.Sprintf("the content-encoding %q was not asked for and cannot be decoded", coding)}
			}
		}
	}
	if len(out) > 2 {
		return nil, &bodyError{"the body is compressed more than twice"}
	}
	return out, nil
}

// Arriving waits for more of a body and returns what there is of it so far, decoded. ok is false when
// that was all, or no more could be read.
type Arriving func() (body []byte, ok bool)

// arrival is a body on its way into a pooled buffer.
type arrival struct {
	c     *Client
	r     io.Reader
	limit int64
	buf   []byte
	err   error // io.EOF at the body's end
}

// readAll reads r to its end into a pooled buffer. After limit bytes it stops with errTooLarge. watch
// may look at what has come so far, nil: nobody does.
func (c *Client) readAll(r io.Reader, length, limit int64, watch func(Arriving)) ([]byte, error) {
	size := int64(firstBuffer)
	if length >= 0 {
		size = min(length, maxTrusted) + 1 // one more, so that the end is seen without growing
	}
	v := arrival{c: c, r: r, limit: limit, buf: c.takeBuffer(int(size))}
	if watch != nil {
		watch(v.more)
	}
	for v.err == nil {
		v.more()
	}
	if v.err == io.EOF {
		return v.buf, nil
	}
	return v.buf, v.err
}

// more reads once.
func (v *arrival) more() ([]byte, bool) {
	if v.err != nil {
		return v.buf, false
	}
	if len(v.buf) == cap(v.buf) {
		grown := v.c.takeBuffer(2 * cap(v.buf))[:len(v.buf)]
		copy(grown, v.buf)
		v.c.giveBuffer(v.buf)
		v.buf = grown
	}
	var n int
	n, v.err = v.r.Read(v.buf[len(v.buf):cap(v.buf)])
	v.buf = v.buf[:len(v.buf)+n]
	if int64(len(v.buf)) > v.limit {
		v.buf, v.err = v.buf[:v.limit], errTooLarge
	}
	return v.buf, v.err == nil
}

// takeBuffer returns an empty buffer of at least size bytes.
func (c *Client) takeBuffer(size int) []byte {
	if p, ok := c.buffers.Get().(*[]byte); ok {
		if cap(*p) >= size {
			return (*p)[:0]
		}
	}
	return make([]byte, 0, size)
}

func (c *Client) giveBuffer(b []byte) {
	if cap(b) == 0 || cap(b) > maxPooled {
		return
	}
	c.buffers.Put(&b)
}

func (c *Client) takeReader(r io.Reader) *bufio.Reader {
	if b, ok := c.readers.Get().(*bufio.Reader); ok {
		b.Reset(r)
		return b
	}
	return bufio.NewReaderSize(r, 32<<10)
}

func (c *Client) giveReader(b *bufio.Reader) {
	b.Reset(nil)
	c.readers.Put(b)
}
