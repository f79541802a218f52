package store

import (
	"context"

	"github.com/lastpage/lastpage/engine"
)

// Visit is what the journal holds of one run's part in one stream. The counts but Pages are of the
// pages that are kept: the newest KeepPages.
type Visit struct {
	Stream   engine.StreamKey
	Pages    int64 // committed
	Received int64 // records as they came
	Records  int64 // delivered
	Bytes    int64
	Attempts int64 // of requests for pages
	Retries  int64 // of those attempts
}

// Visits returns what the run has committed of each stream that it has begun, none when it has not begun
// or is too old to be journalled.
func (db *DB) Visits(ctx context.Context, run string) ([]Visit, error) {
	var list []Visit
	err := db.each(ctx, `SELECT connector, s.stream, coalesce(max(p.id) - (v.id << 32), 0), coalesce(sum(p.records), 0), coalesce(sum(p.fresh), 0),
			coalesce(sum(p.bytes), 0), coalesce(sum(p.attempts), 0), coalesce(sum(max(p.attempts - 1, 0)), 0)
		FROM runner_visit v JOIN runner_stream s ON s.id = v.stream LEFT JOIN runner_page p ON p.id > v.id << 32 AND p.id < (v.id + 1) << 32
		WHERE v.run = ? GROUP BY v.id ORDER BY v.id`, []any{run}, func(scan func(...any) error) error {
		var v Visit
		err := scan(&v.Stream.Connector, &v.Stream.Stream, &v.Pages, &v.Received, &v.Records, &v.Bytes, &v.Attempts, &v.Retries)
		list = append(list, v)
		return err
	})
	return list, err
}
