package demo

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// reply sends a JSON object of a page, pretty when the parameter pretty asks for it.
func (c *call) reply(status int, body any) {
	text := appendJSON(make([]byte, 0, c.bytes+2048), body)
	if c.param("pretty") != "" {
		text = pretty(text)
	}
	c.send(status, "application/json", text)
}

// send sends the answer, damaged as the faults say. It is the only place that writes bodies.
func (c *call) send(status int, contentType string, body []byte) {
	h := c.w.Header()
	if !c.wait("latency") {
		return
	}
	if c.declared("skew") != nil {
		h.Set("Date", c.clock().UTC().Format(http.TimeFormat))
	} else if c.api.opt.Clock != nil {
		h.Set("Date", c.api.now().UTC().Format(http.TimeFormat))
	}
	how, value := "", ""
	if c.damage != nil {
		how, value = c.damage.name, c.damage.value
	}
	switch how {
	case "html":
		body = []byte("<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1><p>Please come back later.</p></body></html>\n")
		if value != "json" {
			contentType = "text/html; charset=utf-8"
		}
	case "blank":
		body = nil
	case "bom":
		body = append([]byte("\xef\xbb\xbf"), body...)
	case "garbage":
		tail := map[string]string{"second": `{"items":[]}`, "nul": "\x00\x00\x00\x00"}[value]
		if tail == "" {
			tail = "\n<!-- served by cache-7 -->"
		}
		body = append(bytes.Clone(body), tail...)
	case "utf8":
		body = invalid(body)
	}
	h.Set("Content-Type", contentType)
	if enc := c.params.Get("encoding"); enc != "" {
		packed, err := pack(enc, body)
		if err != nil {
			http.Error(c.w, err.Error(), http.StatusBadRequest)
			return
		}
		h.Set("Content-Encoding", strings.TrimSuffix(enc, "-raw"))
		body = packed
	}
	c.world.log.status(strconv.Itoa(status))
	half := body[:len(body)/2]
	switch {
	case how == "cut" && value == "eof":
		c.raw(status, half)
	case how == "cut" && value == "short":
		c.write(status, half, true)
	case how == "cut" && value == "chunked":
		c.write(status, half, false)
		panic(http.ErrAbortHandler)
	case how == "cut":
		h.Set("Content-Length", strconv.Itoa(len(body)))
		c.write(status, half, false)
		panic(http.ErrAbortHandler)
	case how == "stall":
		h.Set("Content-Length", strconv.Itoa(len(body)))
		c.write(status, half, false)
		<-c.r.Context().Done()
		panic(http.ErrAbortHandler)
	case how == "reset":
		h.Set("Content-Length", strconv.Itoa(len(body)))
		c.write(status, half, false)
		c.hangUp()
	case c.fired["slow"] != nil:
		c.drip(status, body)
	default:
		c.write(status, body, true)
	}
}

// write sends status and body; without sized, the length is left to the caller or to chunks.
func (c *call) write(status int, body []byte, sized bool) {
	if sized {
		c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.w.WriteHeader(status)
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return
	}
	_, _ = c.w.Write(body)
	if !sized {
		_ = http.NewResponseController(c.w).Flush()
	}
}

// raw sends a body without a length and closes the connection behind it, as HTTP/1.0 did.
func (c *call) raw(status int, body []byte) {
	conn, buf, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		c.write(status, body, true)
		return
	}
	defer conn.Close()
	_, _ = buf.WriteString("HTTP/1.0 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	_ = c.w.Header().Write(buf)
	_, _ = buf.WriteString("Connection: close\r\n\r\n")
	_, _ = buf.Write(body)
	_ = buf.Flush()
}

// drip sends the body in sixteen pieces.
func (c *call) drip(status int, body []byte) {
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	flush := http.NewResponseController(c.w)
	for i := range 16 {
		piece := body[len(body)*i/16 : len(body)*(i+1)/16]
		if _, err := c.w.Write(piece); err != nil {
			return
		}
		_ = flush.Flush()
		if !c.wait("slow") {
			return
		}
	}
}

// wait sleeps as long as the fault of that name says, false when the client has gone.
func (c *call) wait(name string) bool {
	v, ok := c.strikes(name)
	if !ok {
		return true
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		d = 100 * time.Millisecond
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.r.Context().Done():
		return false
	}
}

// invalid puts bytes that are not UTF-8 into the last string of body.
func invalid(body []byte) []byte {
	i := bytes.LastIndexByte(body, '"')
	if i < 0 {
		return append(bytes.Clone(body), 0xff)
	}
	out := append(bytes.Clone(body[:i]), 0xc3, 0x28, 0xff)
	return append(out, body[i:]...)
}

// pack compresses body: gzip, deflate (zlib, as the RFC says), deflate-raw (as some servers do), zstd.
func pack(encoding string, body []byte) ([]byte, error) {
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "deflate-raw":
		w, err = flate.NewWriter(&out, flate.DefaultCompression)
	case "zstd":
		w, err = zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	default:
		err = fmt.Errorf("encoding: %q is none of gzip, deflate, deflate-raw, zstd", encoding)
	}
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
