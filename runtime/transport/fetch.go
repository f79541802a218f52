package transport

import (
	"bytes"
	"context"
	"net/http"

	"github.com/lastpage/lastpage/engine/spec"
)

// Fetched is a whole answer of any status that stands.
type Fetched struct {
	Status int
	Header http.Header
	Body   []byte // the caller's own
	URL    string // secrets removed
}

// Fetch sends a request for credentials: its bodies stay out of Observe, and an answer that refuses
// it comes without an error, for the caller to explain. A Client for this has no Authenticator and
// no Base, so that the token endpoint may be on an origin of its own.
func (c *Client) Fetch(ctx context.Context, method, url string, header http.Header, body []byte) (*Fetched, error) {
	a, err := c.Do(ctx, &Request{Method: method, URL: url, Header: header, Body: body, Private: true})
	defer a.Release()
	if err != nil && (a == nil || a.Class != spec.ClassFailed && a.Class != spec.ClassUnauthorized) {
		return nil, err
	}
	return &Fetched{a.Status, a.Header, bytes.Clone(a.Body), c.redactURL(a.URL)}, nil
}

// Excerpt is the beginning of a body as messages show it: one line, secrets removed.
func (c *Client) Excerpt(body []byte) string { return c.excerpt(body) }
