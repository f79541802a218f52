package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lastpage/lastpage/store/sink"
)

// InUseError is that another service works with the state file.
type InUseError struct {
	State string    // the state file as it was named
	PID   int       // of the other service, 0: unknown
	Host  string    // where that is
	Since time.Time // when it began
}

func (e *InUseError) Error() string {
	by := "another service"
	if e.PID != 0 {
		by = fmt.Sprintf("the service of process %d on %s since %s", e.PID, e.Host, e.Since.Format(time.RFC3339))
	}
	return fmt.Sprintf("state file %s is in use by %s; stop that first, or name another file (--state FILE)", e.State, by)
}

// claim is a service's right to its state file: a locked file beside it. The lock ends with the process,
// however that ends. `runner run` does not ask for it: streams have leases.
type claim struct {
	file *os.File
	path string
}

// holder is what a claim's file says, for people.
type holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// take claims the state file at path, which name is for messages. It answers *InUseError while another
// service has it.
func take(path, name string, now time.Time) (*claim, error) {
	c := &claim{path: path + "-lock"}
	for {
		f, err := os.OpenFile(c.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if !sink.Lock(f) {
			var by holder
			b, _ := io.ReadAll(io.LimitReader(f, 4096))
			_ = json.Unmarshal(b, &by) // it may be about to be written
			f.Close()
			return nil, &InUseError{State: name, PID: by.PID, Host: by.Host, Since: by.Since}
		}
		mine, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		there, err := os.Stat(c.path)
		if err == nil && os.SameFile(mine, there) {
			c.file = f
			c.sign(now)
			return c, nil
		}
		f.Close() // a service that ended has taken it away
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
}

// sign writes into the file whose it is. On a full disk it stays empty: the lock is what counts.
func (c *claim) sign(now time.Time) {
	host, _ := os.Hostname()
	b, err := json.Marshal(holder{os.Getpid(), host, now.UTC().Truncate(time.Second)})
	if err == nil && c.file.Truncate(0) == nil {
		_, _ = c.file.WriteAt(append(b, '\n'), 0)
	}
}

// end gives the claim back. Where a file cannot be removed while it is open it stays: the lock is what
// counts.
func (c *claim) end() error {
	_ = os.Remove(c.path)
	return c.file.Close()
}
