package replay

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// Checkpoint is what is stored for a stream before the case begins (file `checkpoint`).
type Checkpoint struct {
	Position  json.RawMessage `json:"position,omitempty"`  // of the page to ask for first
	Watermark json.RawMessage `json:"watermark,omitempty"` // where the last walk ended
	Kept      json.RawMessage `json:"kept,omitempty"`      // of pagination.keep

	Partition json.RawMessage `json:"partition,omitempty"` // below chains: which one
	Chains    []Checkpoint    `json:"chains,omitempty"`    // of a stream with partitions
}

func parseCheckpoint(b []byte) (map[string]Checkpoint, error) {
	var all map[string]Checkpoint
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf(`%w; want {"<stream>": {"position": …, "watermark": …, "kept": …}}`, err)
	}
	for name, c := range all {
		for _, k := range c.Chains {
			if rawjson.Kind(k.Partition) != '{' {
				return nil, fmt.Errorf("%s: each of chains needs a partition, such as {\"channel\": \"C1\"}", name)
			}
		}
	}
	return all, nil
}

// bookmarks are what a ledger holds of c.
func (c Checkpoint) bookmarks() []engine.Bookmark {
	marks := []engine.Bookmark{c.bookmark("")}
	for _, k := range c.Chains {
		marks = append(marks, k.bookmark(string(rawjson.Sorted(nil, k.Partition))))
	}
	return marks
}

func (c Checkpoint) bookmark(base string) engine.Bookmark {
	kept := c.Kept
	if kept == nil {
		kept = c.Position
	}
	return engine.Bookmark{Base: base, Watermark: c.Watermark, Kept: kept}
}
