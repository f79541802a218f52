package page

import (
	"net/http"
	"strconv"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
)

// Envelope returns the value of a reference to what stands around a body, as JSON: status as a
// number, a header (the first line of that name) or a link as a string. It is nil when there is none
// and for references with another root.
func Envelope(r engine.Ref, status int, header http.Header, links Links) []byte {
	switch r.Root {
	case engine.RootStatus:
		return strconv.AppendInt(nil, int64(status), 10)
	case engine.RootHeader:
		if lines := header.Values(r.Name); len(lines) > 0 {
			return rawjson.AppendString(nil, lines[0])
		}
	case engine.RootLink:
		if v, ok := links.Ref(r.Name, r.Attr); ok {
			return rawjson.AppendString(nil, v)
		}
	}
	return nil
}
