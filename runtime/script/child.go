package script

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	// lag is how long after the limit a child that says nothing is killed: it ends itself before.
	lag = time.Second
	// startUp is how long a new child may take to be ready.
	startUp = 20 * time.Second
)

// child is one child process.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errs   *tail
	timer  *time.Timer // of its rest
	once   sync.Once
	exited error

	mu     sync.Mutex
	killed string // why it was killed: "time", "context" or "closed"; "" when it was not
}

// goneError says that a child has ended in the middle of a job.
type goneError struct {
	cause  error
	killed string // as child.killed
	stderr string
}

func (e *goneError) Error() string {
	msg := "the script's child process ended"
	if e.cause != nil {
		msg += ": " + e.cause.Error()
	}
	if line, _, _ := strings.Cut(e.stderr, "\n"); line != "" {
		msg += ": " + line
	}
	return msg
}

// limit is which limit has ended the child, "" when it was none.
func (e *goneError) limit() Limit {
	switch {
	case e.killed == "time":
		return LimitTime
	case strings.Contains(e.stderr, "out of memory") || strings.Contains(e.stderr, "cannot allocate memory"):
		return LimitMemory
	case strings.Contains(e.stderr, "stack exceeds") || strings.Contains(e.stderr, "stack overflow"):
		return LimitDepth
	}
	return ""
}

// startChild starts a child and has it compile the program.
func startChild(ctx context.Context, argv []string, load []byte) (*child, error) {
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), errs: &tail{}}
	c.cmd.Env = []string{"GOTRACEBACK=none"} // the child needs none of the parent's settings and secrets
	c.cmd.Stderr = c.errs
	c.cmd.SysProcAttr = processAttr()
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewReaderSize(out, 64<<10)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("the script's child process: %w", err)
	}
	stop := c.killAfter(ctx, startUp)
	defer stop.end()
	if err = writeFrame(c.in, frameLoad, load); err == nil {
		var kind byte
		if kind, _, err = readFrame(c.out); err == nil && kind != frameReady {
			err = fmt.Errorf("%s is no script worker", argv[0])
		}
	}
	if err == nil {
		return c, nil
	}
	c.end()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, c.gone(err)
}

// do has the child make the calls of a job.
func (c *child) do(ctx context.Context, j *job, body []byte) ([]Result, error) {
	stop := c.killAfter(ctx, time.Second+lag)
	defer stop.end()
	if err := writeFrame(c.in, frameJob, body); err != nil {
		return nil, c.fail(err)
	}
	var results []Result
	for {
		kind, body, err := readFrame(c.out)
		if err != nil {
			return nil, c.fail(err)
		}
		stop.again()
		switch kind {
		case frameResult:
			if results, err = unpackResults(body, results); err != nil {
				return nil, c.fail(err)
			}
		case frameDone:
			return results, nil
		case frameError:
			var f failure
			if err := json.Unmarshal(body, &f); err != nil {
				return nil, c.fail(err)
			}
			return nil, f.err()
		case frameLog:
			u := &unpacker{in: body}
			if file, line, msg := u.text(), u.int(), u.text(); u.err == nil && j.log != nil {
				j.log(file, line, msg)
			}
		}
	}
}

// fail ends the child and says why it has failed.
func (c *child) fail(err error) error {
	c.end()
	return c.gone(err)
}

func (c *child) gone(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.exited != nil {
		err = c.exited
	}
	return &goneError{cause: err, killed: c.killed, stderr: c.errs.String()}
}

// end closes the child's input, kills it and waits for it. It may be called more than once.
func (c *child) end() {
	c.once.Do(func() {
		_ = c.in.Close()
		_ = c.cmd.Process.Kill()
		c.exited = c.cmd.Wait()
	})
}

func (c *child) kill(why string) {
	c.mu.Lock()
	if c.killed == "" {
		c.killed = why
	}
	c.mu.Unlock()
	_ = c.cmd.Process.Kill()
}

// deadline kills a child when its time or the context has ended.
type deadline struct {
	timer *time.Timer
	after time.Duration
	stop  func() bool
}

func (c *child) killAfter(ctx context.Context, d time.Duration) *deadline {
	return &deadline{
		timer: time.AfterFunc(d, func() { c.kill("time") }),
		after: d,
		stop:  context.AfterFunc(ctx, func() { c.kill("context") }),
	}
}

// again begins the time anew: the child has shown that it goes on.
func (d *deadline) again() { d.timer.Reset(d.after) }

func (d *deadline) end() {
	d.timer.Stop()
	d.stop()
}

// tail keeps the beginning of what a child writes to its standard error, which tells why it died.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 4 << 10
	t.text = append(t.text, p[:min(len(p), most-len(t.text))]...)
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
