package transport

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what a zstd frame may make the decoder keep (RFC 9659: 8 MB for HTTP).
const maxWindow = 8 << 20

// acceptEncoding is what readBody can decode.
const acceptEncoding = "gzip, deflate, zstd"

// decode wraps src in decoders, the last coding first. done gives the decoders back. io.EOF says
// that src was empty.
func (c *Client) decode(src io.Reader, codings []string) (io.Reader, func(), error) {
	var gives []func()
	done := func() {
		for _, give := range gives {
			give()
		}
	}
	r := src
	for i := len(codings) - 1; i >= 0; i-- {
		next, give, err := c.decoder(r, codings[i])
		if give != nil {
			gives = append(gives, give)
		}
		if err != nil {
			return nil, done, err
		}
		r = next
	}
	return r, done, nil
}

func (c *Client) decoder(src io.Reader, coding string) (io.Reader, func(), error) {
	switch coding {
	case "gzip":
		z, _ := c.gzips.Get().(*gzip.Reader)
		if z == nil {
			z = new(gzip.Reader)
		}
		give := func() { c.gzips.Put(z) }
		return z, give, z.Reset(src)
	case "zstd":
		z, _ := c.zstds.Get().(*zstd.Decoder)
		if z == nil {
			var err error
			z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
			if err != nil {
				return nil, nil, err
			}
		}
		give := func() {
			if z.Reset(nil) == nil {
				c.zstds.Put(z)
			}
		}
		return z, give, z.Reset(src)
	}
	return deflate(src)
}

// deflate reads what servers call deflate: zlib (RFC 9110), or the bare stream that some send.
func deflate(src io.Reader) (io.Reader, func(), error) {
	b, ok := src.(io.ByteReader)
	if !ok {
		b = bufio.NewReader(src)
	}
	first, err := b.ReadByte()
	if err != nil {
		return nil, nil, err
	}
	second, err := b.ReadByte()
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	head := []byte{first, second}
	if err == io.EOF {
		head = head[:1]
	}
	whole := &headed{head: head, r: b.(io.Reader), b: b}
	if len(head) == 2 && first&0x0f == 8 && (int(first)<<8|int(second))%31 == 0 {
		z, err := zlib.NewReader(whole)
		if err != nil {
			return nil, nil, err
		}
		return z, nil, nil
	}
	return flate.NewReader(whole), nil, nil
}

// headed puts bytes that were read back before a reader.
type headed struct {
	head []byte
	r    io.Reader
	b    io.ByteReader
}

func (h *headed) Read(p []byte) (int, error) {
	if len(h.head) > 0 {
		n := copy(p, h.head)
		h.head = h.head[n:]
		return n, nil
	}
	return h.r.Read(p)
}

func (h *headed) ReadByte() (byte, error) {
	if len(h.head) > 0 {
		b := h.head[0]
		h.head = h.head[1:]
		return b, nil
	}
	return h.b.ReadByte()
}
