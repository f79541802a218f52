package sink

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/cespare/xxhash/v2"
)

// null: counts and hashes.
var nullKind = Kind{
	Name:      "null",
	Target:    "nothing, or a name",
	Doc:       "counts and hashes the records and keeps nothing: for trying out and measuring",
	Guarantee: "exactly once: count and hash are part of the checkpoint",
	Open: func(_ context.Context, target string, _ Settings, _ Options) (Sink, error) {
		return &null{target: "null:" + target, tallies: map[string]*tally{}}, nil
	},
}

type null struct {
	notes
	target  string
	tallies map[string]*tally // by target
}

// tally is the count and the xxhash64 of the records, a line end after each, in order.
type tally struct {
	records int64
	bytes   int64
	hash    xxhash.Digest
}

type nullMark struct {
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"` // with a line end after each record
	Hash    string `json:"hash"`  // xxhash64 of those bytes
	State   string `json:"state"` // the hash's own, to go on from
}

func (s *null) Target(stream string) string { return place(s.target, stream) }

func (s *null) Open(_ context.Context, stream string, mark []byte, fresh bool) error {
	target := s.Target(stream)
	if s.tallies[target] != nil {
		return nil
	}
	t := &tally{}
	t.hash.Reset()
	if mark != nil && !fresh {
		var m nullMark
		err := json.Unmarshal(mark, &m)
		if err == nil {
			var state []byte
			if state, err = base64.StdEncoding.DecodeString(m.State); err == nil {
				err = t.hash.UnmarshalBinary(state)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: its mark: %w", target, err)
		}
		t.records, t.bytes = m.Records, m.Bytes
	}
	s.tallies[target] = t
	return nil
}

func (s *null) Write(_ context.Context, stream, _ string, records [][]byte, _ []string) error {
	t, err := s.tally(stream)
	if err != nil {
		return err
	}
	for _, r := range records {
		_, _ = t.hash.Write(r)
		_, _ = t.hash.WriteString("\n")
		t.bytes += int64(len(r)) + 1
	}
	t.records += int64(len(records))
	return nil
}

func (s *null) WriteList(_ context.Context, stream, _ string, list []byte, records [][]byte) error {
	t, err := s.tally(stream)
	if err != nil {
		return err
	}
	t.bytes += int64(len(list))
	t.records += int64(len(records))
	return inPlace(list, records, func(lines []byte) error {
		_, err := t.hash.Write(lines)
		return err
	})
}

func (s *null) tally(stream string) (*tally, error) {
	t := s.tallies[s.Target(stream)]
	if t == nil {
		return nil, fmt.Errorf("%s: it is not open", s.target)
	}
	return t, nil
}

func (s *null) Mark(_ context.Context, stream string) (string, []byte, error) {
	t, err := s.tally(stream)
	if err != nil {
		return "", nil, err
	}
	state, err := t.hash.MarshalBinary()
	if err != nil {
		return "", nil, err
	}
	b, err := json.Marshal(nullMark{t.records, t.bytes, hexSum(t.hash.Sum64()), base64.StdEncoding.EncodeToString(state)})
	return s.Target(stream), b, err
}

func (s *null) Durable(string) bool { return true }

// Keyless is true: records are counted.
func (s *null) Keyless() bool { return true }

// Holds is false: there are no records to lose.
func (s *null) Holds(string) bool { return false }

func (s *null) Close(context.Context) error {
	clear(s.tallies)
	return nil
}
