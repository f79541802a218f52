package sink

import (
	"bufio"
	"bytes"
	"io"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// codec compresses what is appended to a file, each piece into a member of its own: the members one
// after the other are a valid file, and so is the file after it is cut between two of them.
type codec interface {
	// encode appends the member of src to dst.
	encode(dst, src []byte) []byte
	// reader reads the members back, one after the other.
	reader(r io.Reader) (io.Reader, error)
}

// codecOf goes by the file's name; nil: not compressed.
func codecOf(path string) (codec, error) {
	switch filepath.Ext(path) {
	case ".gz":
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		return &gzipCodec{w: w}, err
	case ".zst":
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		return &zstdCodec{w: w}, err
	}
	return nil, nil
}

type gzipCodec struct{ w *gzip.Writer }

func (c *gzipCodec) encode(dst, src []byte) []byte {
	b := bytes.NewBuffer(dst)
	c.w.Reset(b)
	c.w.Write(src) // a Buffer never fails
	c.w.Close()
	return b.Bytes()
}

func (c *gzipCodec) reader(r io.Reader) (io.Reader, error) { return gzip.NewReader(bufio.NewReader(r)) }

type zstdCodec struct{ w *zstd.Encoder }

func (c *zstdCodec) encode(dst, src []byte) []byte { return c.w.EncodeAll(src, dst) }

func (c *zstdCodec) reader(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}
