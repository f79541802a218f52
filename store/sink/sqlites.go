package sink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// sqlites are the databases of one sink whose path has {stream} in it: one for each path that its
// streams' names give, each opened when the first of its streams is.
type sqlites struct {
	target string // with {stream}, as given
	make   func(target string) (*sqlite, error)
	byPath map[string]*sqlite // as place gives it
}

// of is the database of a stream.
func (s *sqlites) of(stream string) (*sqlite, error) {
	path := place(s.target, stream)
	if one := s.byPath[path]; one != nil {
		return one, nil
	}
	one, err := s.make(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite:%s: %w", path, err)
	}
	s.byPath[path] = one
	return one, nil
}

// Target is the stream's file and table.
func (s *sqlites) Target(stream string) string {
	one, err := s.of(stream)
	if err != nil {
		return place(s.target, stream)
	}
	return one.Target(stream)
}

// Holds reports whether there is a database.
func (s *sqlites) Holds(stream string) bool {
	one, err := s.of(stream)
	return err == nil && one.Holds(stream)
}

func (s *sqlites) Open(ctx context.Context, stream string, mark []byte, fresh bool) error {
	one, err := s.of(stream)
	if err != nil {
		return err
	}
	return one.Open(ctx, stream, mark, fresh)
}

func (s *sqlites) Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error {
	one, err := s.of(stream)
	if err != nil {
		return err
	}
	return one.Write(ctx, stream, chain, records, keys)
}

func (s *sqlites) Mark(ctx context.Context, stream string) (string, []byte, error) {
	one, err := s.of(stream)
	if err != nil {
		return "", nil, err
	}
	return one.Mark(ctx, stream)
}

// Seal is the last Mark of a run that has ended in order.
func (s *sqlites) Seal(ctx context.Context, stream string) (string, []byte, error) {
	one, err := s.of(stream)
	if err != nil {
		return "", nil, err
	}
	return one.Seal(ctx, stream)
}

// Durable is in Sink: as of one database.
func (s *sqlites) Durable(string) bool { return true }

// Notes are those of all databases, in order of their paths.
func (s *sqlites) Notes() (list [][2]string) {
	for _, path := range slices.Sorted(maps.Keys(s.byPath)) {
		list = append(list, s.byPath[path].Notes()...)
	}
	return list
}

// Close lets go of all files.
func (s *sqlites) Close(ctx context.Context) error {
	var errs []error
	for _, path := range slices.Sorted(maps.Keys(s.byPath)) {
		errs = append(errs, s.byPath[path].Close(ctx))
	}
	return errors.Join(errs...)
}
