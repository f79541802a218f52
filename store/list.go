package store

import (
	"context"

	"github.com/lastpage/lastpage/engine"
)

// Stream is what the ledger holds of one stream, in short.
type Stream struct {
	engine.StreamKey
	Round     engine.Round
	Chains    int64             // listed in the round
	Done      int64             // of them ended
	Pages     int64             // committed in the round
	Records   int64             // delivered in the round
	Bookmarks int64             // kept for the next walk
	Held      *engine.HeldError // who is running it now, nil when nobody is
	Marks     []engine.Mark     // of its outputs
}

// Streams returns every stream the ledger knows, by connector and name; connector "" means of any.
// Its cost grows with the number of their chains.
func (db *DB) Streams(ctx context.Context, connector string) ([]Stream, error) {
	var list []Stream
	err := db.each(ctx, `SELECT connector, s.stream, round, open, listed, now, data,
			count(c.id), coalesce(sum(c.done), 0), coalesce(sum(c.pages), 0), coalesce(sum(c.records), 0),
			(SELECT count(*) FROM runner_bookmark b WHERE b.stream = s.id)
		FROM runner_stream s LEFT JOIN runner_chain c ON c.stream = s.id
		WHERE ?1 = '' OR connector = ?1 GROUP BY s.id ORDER BY connector, s.stream`, []any{connector}, func(scan func(...any) error) error {
		var s Stream
		r := &s.Round
		err := scan(&s.Connector, &s.StreamKey.Stream, &r.Number, &r.Open, &r.Listed, timeField{&r.Now}, jsonField{&r.Data},
			&s.Chains, &s.Done, &s.Pages, &s.Records, &s.Bookmarks)
		if err != nil {
			return err
		}
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range list {
		s := &list[i]
		if s.Held, err = db.Holder(ctx, s.StreamKey); err != nil {
			return nil, err
		}
		if s.Marks, err = db.Marks(ctx, s.StreamKey); err != nil {
			return nil, err
		}
	}
	return list, nil
}
