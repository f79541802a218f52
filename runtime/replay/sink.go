package replay

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// sink keeps the records of each stream in memory, as lines.
type sink struct{ lines map[string][][]byte }

func (s *sink) Target(stream string) string { return stream }

func (s *sink) Open(_ context.Context, stream string, mark []byte, fresh bool) error {
	n := 0
	if mark != nil && !fresh {
		var err error
		if n, err = strconv.Atoi(string(mark)); err != nil || n > len(s.lines[stream]) {
			return fmt.Errorf("records of %s: no mark %q", stream, mark)
		}
	}
	s.lines[stream] = s.lines[stream][:n:n]
	return nil
}

func (s *sink) Write(_ context.Context, stream, _ string, records [][]byte, _ []string) error {
	for _, r := range records {
		s.lines[stream] = append(s.lines[stream], bytes.Clone(r))
	}
	return nil
}

func (s *sink) Mark(_ context.Context, stream string) (string, []byte, error) {
	return stream, strconv.AppendInt(nil, int64(len(s.lines[stream])), 10), nil
}

func (s *sink) Durable(string) bool         { return true }
func (s *sink) Keyless() bool               { return true }
func (s *sink) Notes() [][2]string          { return nil }
func (s *sink) Close(context.Context) error { return nil }

// parseRecords reads a `records` file: one JSON value per line, empty lines left out.
func parseRecords(b []byte) ([][]byte, error) {
	var out [][]byte
	n := 0
	for line := range bytes.Lines(b) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		if err := rawjson.Valid(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, line)
	}
	return out, nil
}
