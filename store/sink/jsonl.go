package sink

import (
	"context"
	"encoding/json"
	"fmt"
)

// jsonl:PATH writes one record a line, as the bytes that were received.
var jsonlKind = Kind{
	Name:      "jsonl",
	Target:    "PATH, or - for standard output",
	Doc:       "one record a line into a file; .gz and .zst compress; {stream} in the path is replaced",
	Guarantee: "exactly once: the file is cut back to the last checkpoint on resume; standard output and pipes: the page that was interrupted may come twice",
	Options:   fileOptionDocs,
	Open: func(_ context.Context, target string, set Settings, opt Options) (Sink, error) {
		if target == "-" {
			if len(set) > 0 {
				return nil, fmt.Errorf("jsonl:- takes no options")
			}
			return &stdout{w: opt.Stdout}, nil
		}
		f, err := newFiles(target, set, opt)
		if err != nil {
			return nil, fmt.Errorf("jsonl:%s: %w", target, err)
		}
		return &jsonl{files: f}, nil
	},
}

type jsonl struct {
	*files
	buf []byte
}

func (s *jsonl) Open(_ context.Context, stream string, mark []byte, fresh bool) error {
	_, _, _, err := s.openFile(stream, mark, fresh, nil)
	return err
}

func (s *jsonl) Write(_ context.Context, stream, _ string, records [][]byte, _ []string) error {
	f, err := s.file(stream)
	if err != nil {
		return err
	}
	s.buf = lines(s.buf[:0], records)
	err = f.append(s.buf)
	s.buf = shrink(s.buf)
	return err
}

func (s *jsonl) WriteList(_ context.Context, stream, _ string, list []byte, records [][]byte) error {
	f, err := s.file(stream)
	if err != nil {
		return err
	}
	return inPlace(list, records, f.append)
}

func (s *jsonl) Mark(_ context.Context, stream string) (string, []byte, error) {
	f, err := s.file(stream)
	if err != nil {
		return "", nil, err
	}
	m, err := f.mark()
	if err != nil {
		return "", nil, err
	}
	b, err := json.Marshal(m)
	return m.Path, b, err
}

// Seal is the last Mark of a run that has ended in order.
func (s *jsonl) Seal(_ context.Context, stream string) (string, []byte, error) {
	m, err := s.seal(stream)
	if err != nil {
		return "", nil, err
	}
	b, err := json.Marshal(m)
	return m.Path, b, err
}

func (s *jsonl) Close(context.Context) error { return s.close() }
