package store

import "sync"

// cache holds what is known about the rows that a commit touches. It belongs to whoever has the
// turn, but for ids, which is read from anywhere.
type cache struct {
	ids     sync.Map // engine.StreamKey → int64; a stream's id never changes
	streams map[int64]*streamCache
	before  map[int64]map[beforeName]struct{} // by output: the images that are kept; an empty map: known to be none
}

// streamCache belongs to one lease of one stream.
type streamCache struct {
	epoch   int64
	outputs map[string]int64 // ids of the outputs that the stream is known to be tied to
	run     string
	visit   int64
	pages   int64 // in visit
}

// forget drops all but the ids: after a rollback, or a change beside the commits.
func (c *cache) forget() {
	c.streams = map[int64]*streamCache{}
	c.before = map[int64]map[beforeName]struct{}{}
}
