package engine

import (
	"errors"
	"fmt"
	"time"
)

// ErrFenced says that a newer lease of the stream exists: another owner has taken over.
var ErrFenced = errors.New("another run has taken over this stream")

// HeldError says that a stream is being run by someone else.
type HeldError struct {
	Stream StreamKey
	Owner  Owner
	Until  time.Time // when the lease expires unless it is renewed
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s/%s is being run by process %d on %s since %s", e.Stream.Connector, e.Stream.Stream,
		e.Owner.PID, e.Owner.Host, e.Owner.Since.UTC().Format(time.RFC3339))
}
