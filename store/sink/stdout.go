package sink

import (
	"context"
	"fmt"
	"io"
)

// stdout writes one record a line to standard output, one write a page. What is written cannot be
// taken back.
type stdout struct {
	notes
	w      io.Writer
	buf    []byte
	length int64
}

func (s *stdout) Target(string) string { return "-" }

func (s *stdout) Open(context.Context, string, []byte, bool) error { return nil }

func (s *stdout) Write(ctx context.Context, _, _ string, records [][]byte, _ []string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.buf = lines(s.buf[:0], records)
	err := s.print(s.buf)
	s.buf = shrink(s.buf)
	return err
}

func (s *stdout) WriteList(ctx context.Context, _, _ string, list []byte, records [][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return inPlace(list, records, s.print)
}

func (s *stdout) print(lines []byte) error {
	n, err := s.w.Write(lines)
	s.length += int64(n)
	return explain("standard output", err)
}

func (s *stdout) Mark(context.Context, string) (string, []byte, error) {
	return "-", fmt.Appendf(nil, `{"path":"-","length":%d}`, s.length), nil
}

func (s *stdout) Durable(string) bool { return true }

// Keyless is true: a line is a record and nothing else.
func (s *stdout) Keyless() bool { return true }

// Repeats is true: what was printed stays.
func (s *stdout) Repeats(string) bool { return true }

// Holds is false: what was printed is not the sink's any more.
func (s *stdout) Holds(string) bool { return false }

func (s *stdout) Close(context.Context) error { return nil }
