package runtime

import (
	"context"
	"database/sql"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// Ledger keeps what a run needs to go on where the last one stopped. *store.DB is one.
// Every method that takes a Lease fails with an error for which errors.Is(err, engine.ErrFenced)
// when a newer lease of the stream exists.
type Ledger interface {
	// Acquire takes the stream, or answers *engine.HeldError with who holds it.
	Acquire(ctx context.Context, s engine.StreamKey, o engine.Owner) (engine.Lease, error)
	// Renew prolongs a lease; Release gives it back. Both are no-ops for a lease that is lost.
	Renew(ctx context.Context, l engine.Lease) error
	Release(ctx context.Context, l engine.Lease) error

	// Round returns the stream's newest round, the zero Round when there is none.
	Round(ctx context.Context, s engine.StreamKey) (engine.Round, error)
	// PutRound begins a round (a Number that is new; the older one's chains, keys and states are
	// dropped, its bookmarks stay) or changes the newest one.
	PutRound(ctx context.Context, l engine.Lease, r engine.Round) error
	// AddChains lists chains of the newest round; a chain that is listed already is left as it is.
	AddChains(ctx context.Context, l engine.Lease, chains []engine.Chain) error
	// Chains returns up to limit chains of the newest round with an Ordinal above after, in order of
	// Ordinal; with pending only those that are not done.
	Chains(ctx context.Context, s engine.StreamKey, after int64, limit int, pending bool) ([]engine.Chain, error)
	// Keys calls fn with the key hashes of each commit of the chain in this round, oldest first.
	Keys(ctx context.Context, s engine.StreamKey, chain string, fn func([]uint64) error) error
	// Delivered returns how many records the chains of the newest round have delivered.
	Delivered(ctx context.Context, s engine.StreamKey) (int64, error)
	// Bookmark returns the bookmark of that base; the zero Bookmark when there is none.
	Bookmark(ctx context.Context, s engine.StreamKey, base string) (engine.Bookmark, error)

	// Commit stores the commits and the marks in one transaction; `also`, when not nil, runs in it
	// last. A Bookmark moves with its commit.
	Commit(ctx context.Context, l engine.Lease, commits []engine.Commit, marks []engine.Mark, also func(*sql.Tx) error) error
	// Marks returns the marks of the stream's outputs as committed last.
	Marks(ctx context.Context, s engine.StreamKey) ([]engine.Mark, error)
	// Writers returns the streams whose outputs have a mark of target, of any connector.
	Writers(ctx context.Context, target string) ([]engine.StreamKey, error)
	// Rewind takes the ledger back to the last commit whose mark of target was not Volatile; moved is
	// false when there is nothing to go back to.
	Rewind(ctx context.Context, l engine.Lease, target string) (moved bool, err error)
	// Enter notes that a run begins at the chain's state, and returns how many runs in a row have done
	// so since it last moved.
	Enter(ctx context.Context, l engine.Lease, chain string) (times int, err error)
	// Forget drops rounds, chains, keys, marks and bookmarks of the stream (--fresh).
	Forget(ctx context.Context, l engine.Lease) error

	StartRun(ctx context.Context, r engine.Run) error
	EndRun(ctx context.Context, r engine.Run) error

	// Secret and PutSecret keep what an API has rotated (refresh tokens), by name.
	Secret(ctx context.Context, name string) (string, error)
	PutSecret(ctx context.Context, name, value string) error

	// Path is the file behind the ledger, "" without one.
	Path() string
}

// Sink takes a stream's records. One goroutine calls it. Implementations are in store/sink.
type Sink interface {
	// Target names where the records of a stream go, as Mark does; it may be called before Open.
	Target(stream string) string
	// Open readies the output of a stream and brings it back to mark, which is what Mark returned at
	// the last commit (nil: nothing is committed). With fresh what was there before is dropped.
	Open(ctx context.Context, stream string, mark []byte, fresh bool) error
	// Write hands over the records of one page of one chain; the slices are valid until it returns.
	// keys holds each record's key as text, "" of a record without, and is nil when the stream declares
	// none or the sink is Keyless. A key is unique among the records of one partition.
	Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error
	// Mark makes what was written so far as durable as the sink promises and says where it ends.
	Mark(ctx context.Context, stream string) (target string, mark []byte, err error)
	// Durable says whether everything up to the last Mark survives a power cut; until it does, the
	// mark is stored as Volatile.
	Durable(stream string) bool
	// Notes returns what is worth telling since it was last called: pairs of an event's name and a
	// detail.
	Notes() [][2]string
	// Close ends all outputs that were opened. A run closes its sink, also when it fails to begin.
	Close(ctx context.Context) error
}

// Renamer is a Ledger that keeps streams under another name than their connector's, so that two
// configurations of one connector do not go on from one checkpoint. Key is what Writers calls a stream.
type Renamer interface {
	Ledger
	Key(s engine.StreamKey) engine.StreamKey
}

// TxSink is a Sink that can write in the ledger's own transaction. The runtime calls Tx instead of
// relying on Mark's durability when Database is the ledger's Path.
type TxSink interface {
	Sink
	Database() string
	Tx(ctx context.Context, tx *sql.Tx) error
}

// Repeater is a Sink that cannot take back what was written after its mark, for the streams that Repeats
// names: a pipe, a service. What a run that was killed had not committed comes again there, so that each
// of their chains hands over one page at a time.
type Repeater interface {
	Sink
	Repeats(stream string) bool
}

// Credentialed is a Sink that has credentials of its own: what it says of its service is shown without
// them.
type Credentialed interface {
	Sink
	Secrets() []string
}

func secretsOf(s Sink) []string {
	if c, ok := s.(Credentialed); ok {
		return c.Secrets()
	}
	return nil
}

// Lister is a Sink that can take records as they stand in a body: list is nothing but the records of a page,
// one at least, without whitespace outside their strings, and a byte behind each, the same behind all but
// the last. WriteList is called instead of Write where that is so and no keys are handed over. It may change
// these bytes for as long as it lasts.
type Lister interface {
	Sink
	WriteList(ctx context.Context, stream, chain string, list []byte, records [][]byte) error
}

// Keyless is a Sink that has no use for the records' keys, and is spared them.
type Keyless interface {
	Sink
	Keyless() bool
}

func keyless(s Sink) bool {
	k, ok := s.(Keyless)
	return ok && k.Keyless()
}

// Holder is a Sink that knows whether Open with fresh would drop anything of the stream's output. Of any
// other Sink a run takes it that it would.
type Holder interface {
	Sink
	Holds(stream string) bool
}

// Sealer is a Sink that can tell what was added to an output between two runs. A run that has ended in
// order stores the Seal of each stream as its last mark; when that is what Open is given, everything
// behind it is somebody else's and is kept.
type Sealer interface {
	Sink
	Seal(ctx context.Context, stream string) (target string, mark []byte, err error)
}

// Clock is the time a run lives by: real, or simulated in recorded cases.
type Clock interface {
	Now() time.Time
	// Sleep waits d or until ctx ends, and returns ctx's error then.
	Sleep(ctx context.Context, d time.Duration) error
}
