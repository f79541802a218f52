package sink

import (
	"context"
	"io"
	"net/http"
	"os"
	"time"
)

// Sink takes the records of streams. One goroutine calls it.
type Sink interface {
	// Target names where the records of a stream go, as Mark does; it may be called before Open.
	Target(stream string) string
	// Open readies the output of a stream and brings it back to mark, which is what Mark returned at
	// the last commit (nil: nothing is committed; the output is appended to). With fresh what was
	// there before is dropped.
	Open(ctx context.Context, stream string, mark []byte, fresh bool) error
	// Write hands over the records of one page of one chain, each one JSON value; the slices are
	// valid until it returns. keys holds each record's key as text, "" of a record without; it is nil
	// when the stream declares none or the sink says that it is Keyless.
	Write(ctx context.Context, stream, chain string, records [][]byte, keys []string) error
	// Mark makes what was written so far as durable as the sink promises and says where it ends.
	Mark(ctx context.Context, stream string) (target string, mark []byte, err error)
	// Durable says whether everything up to the last Mark survives a power cut. When it does not, the
	// next Open may answer *ShortError for that mark, and the caller goes back to the last mark for
	// which Durable was true.
	Durable(stream string) bool
	// Notes returns what is worth telling since it was last called: pairs of an event's name and a
	// detail.
	Notes() [][2]string
	Close(ctx context.Context) error
}

// Options of New; the zero value is what `runner run` uses.
type Options struct {
	Stdout io.Writer           // default os.Stdout
	Getenv func(string) string // default os.Getenv
	Now    func() time.Time    // default time.Now
	// Ledger is the path of the ledger's SQLite file, absolute with symbolic links resolved, when the
	// caller runs Tx inside the ledger's transactions. An sqlite sink on that file then leaves all
	// writing to Tx. "": sinks write for themselves.
	Ledger string
	// Transport sends the requests of the http sink; default a transport of its own.
	Transport http.RoundTripper
	// Kinds replaces the table of kinds.
	Kinds []Kind
}

// Kind is one way to deliver.
type Kind struct {
	Name      string
	Target    string // what stands after the colon, for help texts
	Doc       string // what it does, one sentence
	Guarantee string // what a kill, a power cut or a failure does to the output
	Options   []Option
	Open      func(ctx context.Context, target string, set Settings, opt Options) (Sink, error)
}

// Option is one option of a kind. A name that ends in ".*" stands for any name below it.
type Option struct {
	Name    string
	Default string
	Doc     string
}

// Kinds is every kind that is built in, in the order in which they are listed.
var Kinds = []Kind{jsonlKind, csvKind, sqliteKind, httpKind, nullKind}

// New opens the sink that uri names: `kind:target?option=value&…`, `-` for standard output. It
// touches no output yet.
func New(ctx context.Context, uri string, opt Options) (Sink, error) {
	if opt.Stdout == nil {
		opt.Stdout = os.Stdout
	}
	if opt.Getenv == nil {
		opt.Getenv = os.Getenv
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	kinds := opt.Kinds
	if kinds == nil {
		kinds = Kinds
	}
	kind, target, set, err := parse(uri, kinds)
	if err != nil {
		return nil, err
	}
	return kind.Open(ctx, target, set, opt)
}

// notes collects what Notes returns.
type notes struct{ list [][2]string }

func (n *notes) add(event, detail string) { n.list = append(n.list, [2]string{event, detail}) }

// Notes returns what was noted since it was last called.
func (n *notes) Notes() [][2]string {
	list := n.list
	n.list = nil
	return list
}
