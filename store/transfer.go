package store

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lastpage/lastpage/engine"
)

// exportVersion is the version of the document that Export writes.
const exportVersion = 1

// The document is one JSON object: {"version", "connector", "exported", "streams": [stream…]}.
// It is written chain by chain, so that an export of any size needs little memory.
type exportStream struct {
	Stream    string           `json:"stream"`
	Round     *exportRound     `json:"round,omitempty"`
	Bookmarks []exportBookmark `json:"bookmarks,omitempty"`
	Chains    []exportChain    `json:"chains,omitempty"`
}

type exportRound struct {
	Number int64           `json:"number"`
	Open   bool            `json:"open"`
	Listed bool            `json:"listed"`
	Now    time.Time       `json:"now,omitzero"`
	Data   json.RawMessage `json:"data,omitempty"`
}

type exportBookmark struct {
	Base      string          `json:"base"`
	Watermark json.RawMessage `json:"watermark,omitempty"`
	Kept      json.RawMessage `json:"kept,omitempty"`
	Recent    json.RawMessage `json:"recent,omitempty"`
	Asked     json.RawMessage `json:"asked,omitempty"`
	Updated   time.Time       `json:"updated,omitzero"`
}

type exportChain struct {
	Key     string          `json:"key"`
	Ordinal int64           `json:"ordinal"`
	Done    bool            `json:"done,omitempty"`
	Verdict string          `json:"verdict,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	State   json.RawMessage `json:"state,omitempty"`
	Pages   int64           `json:"pages,omitempty"`
	Records int64           `json:"records,omitempty"`
	Updated time.Time       `json:"updated,omitzero"`
	Keys    [][]byte        `json:"keys,omitempty"` // as the table keeps them
}

// Export writes the connector's streams as one JSON document that Import reads, on this host or
// another. Marks of outputs, which are files here, and secrets stay behind. A stream that is being
// run is exported as its last commits left it, each chain on its own.
func (db *DB) Export(ctx context.Context, connector string, w io.Writer) error {
	streams, err := db.Streams(ctx, connector)
	if err != nil {
		return err
	}
	if len(streams) == 0 {
		return fmt.Errorf("%s: nothing is stored for this connector", connector)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	put := func(v any) error {
		b, err := json.Marshal(v)
		if err == nil {
			_, err = out.Write(b)
		}
		return err
	}
	fmt.Fprintf(out, `{"version":%d,"connector":`, exportVersion)
	if err := put(connector); err != nil {
		return err
	}
	fmt.Fprintf(out, `,"exported":%q,"streams":[`, db.opt.Now().UTC().Format(time.RFC3339))
	for i, s := range streams {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := db.exportStream(ctx, s, out, put); err != nil {
			return err
		}
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}

func (db *DB) exportStream(ctx context.Context, s Stream, out *bufio.Writer, put func(any) error) error {
	out.WriteString("\n{\"stream\":")
	if err := put(s.StreamKey.Stream); err != nil {
		return err
	}
	if r := s.Round; r.Number > 0 {
		out.WriteString(",\"round\":")
		if err := put(exportRound{r.Number, r.Open, r.Listed, r.Now, r.Data}); err != nil {
			return err
		}
	}
	sep := ",\"bookmarks\":[\n"
	err := db.Bookmarks(ctx, s.StreamKey, func(b engine.Bookmark) error {
		out.WriteString(sep)
		sep = ",\n"
		return put(exportBookmark{b.Base, b.Watermark, b.Kept, b.Recent, b.Asked, b.Updated})
	})
	if err != nil {
		return err
	}
	if sep == ",\n" {
		out.WriteString("]")
	}
	sep = ",\"chains\":[\n"
	err = db.Progress(ctx, s.StreamKey, func(p Progress) error {
		out.WriteString(sep)
		sep = ",\n"
		c := exportChain{Key: p.Key, Ordinal: p.Ordinal, Done: p.Done, Verdict: p.Verdict, Reason: p.Reason, State: p.State, Pages: p.Pages, Records: p.Records, Updated: p.Updated}
		err := db.Keys(ctx, s.StreamKey, p.Key, func(keys []uint64) error {
			c.Keys = append(c.Keys, packKeys(keys))
			return nil
		})
		if err != nil {
			return err
		}
		return put(c)
	})
	if err != nil {
		return err
	}
	if sep == ",\n" {
		out.WriteString("]")
	}
	out.WriteString("}")
	return nil
}

// Import replaces the state of the streams that the document of Export names, all of them or none.
// It returns the connector and the streams.
func (db *DB) Import(ctx context.Context, r io.Reader) (connector string, streams []string, err error) {
	var doc struct {
		Version   int            `json:"version"`
		Connector string         `json:"connector"`
		Exported  time.Time      `json:"exported"`
		Streams   []exportStream `json:"streams"`
	}
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return "", nil, fmt.Errorf("the document to import: %w", err)
	}
	if doc.Version != exportVersion {
		return "", nil, fmt.Errorf("the document to import has version %d; this runner reads version %d", doc.Version, exportVersion)
	}
	if doc.Connector == "" || len(doc.Streams) == 0 {
		return "", nil, errors.New("the document to import names no connector or no stream")
	}
	var leases []engine.Lease
	defer func() {
		for _, l := range leases {
			err = errors.Join(err, db.Release(context.WithoutCancel(ctx), l))
		}
	}()
	owner := Self(db.opt.Now())
	for _, s := range doc.Streams {
		l, err := db.Acquire(ctx, engine.StreamKey{Connector: doc.Connector, Stream: s.Stream}, owner)
		if err != nil {
			return "", nil, err
		}
		leases = append(leases, l)
		streams = append(streams, s.Stream)
	}
	err = db.write(ctx, func(t *tx) error {
		for i := range doc.Streams {
			if err := t.importStream(leases[i], &doc.Streams[i]); err != nil {
				return fmt.Errorf("%s/%s: %w", doc.Connector, doc.Streams[i].Stream, err)
			}
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	return doc.Connector, streams, nil
}

func (t *tx) importStream(l engine.Lease, s *exportStream) error {
	id, err := t.held(l)
	if err != nil {
		return err
	}
	if err := t.forget(id); err != nil {
		return err
	}
	if r := s.Round; r != nil {
		if err := t.setRound(id, engine.Round{Number: r.Number, Open: r.Open, Listed: r.Listed, Now: r.Now, Data: r.Data}); err != nil {
			return err
		}
	}
	for _, b := range s.Bookmarks {
		if err := t.putBookmark(id, &engine.Bookmark{Base: b.Base, Watermark: b.Watermark, Kept: b.Kept, Recent: b.Recent, Asked: b.Asked, Updated: b.Updated}); err != nil {
			return err
		}
	}
	for _, c := range s.Chains {
		chain := engine.Chain{Key: c.Key, Ordinal: c.Ordinal, Done: c.Done, Verdict: c.Verdict, Reason: c.Reason, State: c.State, Updated: c.Updated}
		if err := t.addChain(id, &chain, c.Pages, c.Records); err != nil {
			return err
		}
		for _, k := range c.Keys {
			if len(k)%8 != 0 {
				return fmt.Errorf("chain %q: keys of %d bytes", c.Key, len(k))
			}
			if _, err := t.exec("INSERT INTO runner_key (chain, hashes) SELECT id, ?3 FROM runner_chain WHERE stream = ?1 AND key = ?2", id, c.Key, k); err != nil {
				return err
			}
		}
	}
	return nil
}
