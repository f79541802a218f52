package script

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// load is what a child process is told first.
type load struct {
	Hook   *HookSource       `json:"hook,omitempty"`
	Exprs  []Source          `json:"exprs,omitempty"`
	Roles  map[string]string `json:"roles,omitempty"`
	Limits Limits            `json:"limits"`
}

// failure is an error on its way from a child process.
type failure struct {
	Error *Error      `json:"error,omitempty"`
	Limit *LimitError `json:"limit,omitempty"`
	Text  string      `json:"text,omitempty"`
}

func failureOf(err error) failure {
	var f failure
	switch {
	case errors.As(err, &f.Limit):
	case errors.As(err, &f.Error):
	default:
		f.Text = err.Error()
	}
	return f
}

func (f failure) err() error {
	switch {
	case f.Limit != nil:
		return f.Limit
	case f.Error != nil:
		return f.Error
	}
	return errors.New(f.Text)
}

const (
	// grace is how long native code may go on after its call was told to stop before the child ends
	// itself.
	grace = 100 * time.Millisecond
	// alive is how often a child that makes many calls says that it goes on.
	alive = 200 * time.Millisecond
	// workerStack is what a goroutine's stack may grow to: native code recurses on it.
	workerStack = 64 << 20
)

// worker is the child's side.
type worker struct {
	code  *code
	mu    sync.Mutex // of out
	out   *bufio.Writer
	watch atomic.Pointer[watch] // of the call that runs
	begin atomic.Pointer[limitAt]
}

// limitAt is the error to leave behind when a call cannot be stopped.
type limitAt struct {
	unit *unit
	job  *job
}

// Worker serves calls from stdin until it ends: it is the main function of a child process and is
// given that process's own standard streams. What cannot be stopped ends the process, which is why
// nothing else may live in it.
func Worker(stdin io.Reader, stdout io.Writer) error {
	debug.SetMaxStack(workerStack)
	w := &worker{out: bufio.NewWriterSize(stdout, 64<<10)}
	in := bufio.NewReaderSize(stdin, 64<<10)
	kind, body, err := readFrame(in)
	if err != nil {
		return fmt.Errorf("script worker: %w", err)
	}
	var l load
	if kind != frameLoad || json.Unmarshal(body, &l) != nil {
		return errors.New("script worker: this command is started by the runner itself")
	}
	if w.code, err = compileCode(l.Hook, l.Exprs, Options{Limits: l.Limits, Roles: l.Roles}); err != nil {
		return fmt.Errorf("script worker: %w", err)
	}
	memory := newRlimit(w.code.limits.Memory)
	if err := w.send(frameReady, nil); err != nil {
		return err
	}
	jobs := make(chan []byte)
	go func() { // ends with the process
		for {
			_, body, err := readFrame(in)
			if err != nil {
				close(jobs)
				if w.watch.Load() != nil {
					os.Exit(1) // the parent is gone while a call runs
				}
				return
			}
			jobs <- body
		}
	}()
	go w.guard() // ends with the process
	for body := range jobs {
		memory.allow(len(body))
		if err := w.serve(body); err != nil {
			return err
		}
	}
	return nil
}

// serve makes the calls of one job.
func (w *worker) serve(body []byte) error {
	j, logs, err := unpackJob(body)
	if err != nil {
		return err
	}
	if logs {
		j.log = func(file string, line int, msg string) {
			p := &packer{}
			p.text(file)
			p.int(line)
			p.text(msg)
			_ = w.send(frameLog, p.out)
		}
	}
	u := w.code.hook
	if j.function == "" {
		u = w.code.exprs[j.id]
	}
	w.begin.Store(&limitAt{u, j})
	j.watched = w.watch.Store
	var results []byte
	sent := time.Now()
	_, err = w.code.run(context.Background(), j, func(res Result) {
		results = packResult(results, res)
		if len(results) > 256<<10 || time.Since(sent) > alive {
			_ = w.send(frameResult, results)
			results, sent = results[:0], time.Now()
		}
	})
	w.watch.Store(nil)
	if err != nil {
		text, _ := json.Marshal(failureOf(err))
		return w.send(frameError, text)
	}
	if err := w.send(frameResult, results); err != nil {
		return err
	}
	return w.send(frameDone, nil)
}

func (w *worker) send(kind byte, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := writeFrame(w.out, kind, body); err != nil {
		return err
	}
	return w.out.Flush()
}

// guard ends the process when a call does not stop: it leaves the call's error behind.
func (w *worker) guard() {
	for range time.Tick(grace / 5) {
		running := w.watch.Load()
		if running == nil {
			continue
		}
		limit, over := running.overdue(grace)
		if !over || w.watch.Load() != running {
			continue
		}
		at := w.begin.Load()
		e := limitError(limit, w.code.limits)
		begins := at.unit.begins(at.job.function)
		e.Function, e.File, e.Line, e.Col = at.job.function, begins.file, begins.line, begins.col
		if !at.unit.hook {
			e.Source = at.unit.origin.text
		}
		text, _ := json.Marshal(failure{Limit: e})
		_ = w.send(frameError, text)
		os.Exit(1)
	}
}
