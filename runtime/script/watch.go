package script

import (
	"context"
	goruntime "runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"
)

// watch stops a call at its limits: it looks at the clock, the context and the heap while the call
// runs and interrupts the runtime. It has no goroutine of its own; a timer's callback that is running
// when the call ends is waited for.
type watch struct {
	ctx    context.Context
	vm     *goja.Runtime
	limits Limits

	paused  atomic.Bool   // between two calls
	began   atomic.Int64  // when the call began, on the monotonic clock
	reached atomic.Uint32 // what stopped the call, an index of stops; 0: nothing
	when    atomic.Int64  // … and when, on the monotonic clock

	mu       sync.Mutex
	done     bool
	timer    *time.Timer
	base     uint64 // bytes of live objects when the call began
	lastSure time.Time
	sample   [1]metrics.Sample
}

// stops is what can stop a call, by watch.reached.
var stops = [...]Limit{"", LimitTime, LimitMemory, "context"}

// stopped is thrown through native code when its call is at a limit.
type stopped struct{ limit Limit }

const (
	firstLook = 2 * time.Millisecond
	nextLook  = 4 * time.Millisecond
	sureEvery = 50 * time.Millisecond
)

var start = time.Now()

// newWatch begins to watch a call of vm.
func newWatch(ctx context.Context, vm *goja.Runtime, limits Limits) *watch {
	w := &watch{ctx: ctx, vm: vm, limits: limits}
	w.sample[0].Name = "/memory/classes/heap/objects:bytes"
	w.base = w.heap()
	w.restart()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(min(firstLook, limits.Time), w.look)
	return w
}

// restart begins the time of the next call on the same runtime.
func (w *watch) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.began.Store(int64(time.Since(start)))
	w.paused.Store(false)
}

// pause ends the time of a call, so that nothing of it reaches the next one. It throws when the call
// was at a limit as it ended.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check(0)
	w.paused.Store(true)
}

// stop ends the watch. Nothing interrupts the runtime after it has returned.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	w.timer.Stop()
}

// look is the timer's callback.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return
	}
	if w.paused.Load() {
		w.timer.Reset(nextLook)
		return
	}
	left := w.limits.Time - (time.Since(start) - time.Duration(w.began.Load()))
	switch {
	case w.ctx.Err() != nil:
		w.interrupt(3)
	case left <= 0:
		w.interrupt(1)
	case w.overfull():
		w.interrupt(2)
	default:
		w.timer.Reset(max(min(nextLook, left), 100*time.Microsecond))
	}
}

func (w *watch) interrupt(what uint32) {
	w.when.Store(int64(time.Since(start)))
	w.reached.Store(what)
	w.vm.Interrupt(stops[what])
}

// overfull says whether the heap has grown by more than the call may keep alive. Garbage, its own
// and that of the rest of the process, is collected before that is believed, unless the heap grows
// faster than that takes.
func (w *watch) overfull() bool {
	const flood = 4
	heap, most := w.heap(), uint64(w.limits.Memory)
	if heap < w.base+most {
		return false
	}
	if heap > w.base+flood*most {
		return true
	}
	if time.Since(w.lastSure) < sureEvery {
		return false
	}
	goruntime.GC()
	w.lastSure = time.Now()
	return w.heap() >= w.base+uint64(w.limits.Memory)
}

// overdue says whether the call goes on for longer than grace after it was told to stop, or after
// its time when the timer itself does not come.
func (w *watch) overdue(grace time.Duration) (Limit, bool) {
	if w.paused.Load() {
		return "", false
	}
	now := time.Since(start)
	if r := w.reached.Load(); r != 0 {
		return stops[r], now-time.Duration(w.when.Load()) > grace
	}
	return LimitTime, now-time.Duration(w.began.Load()) > w.limits.Time+2*grace
}

func (w *watch) heap() uint64 {
	metrics.Read(w.sample[:])
	return w.sample[0].Value.Uint64()
}

// check is called by native code that works long or writes much: it throws when the call is at a
// limit. size is what that code has written, in bytes.
func (w *watch) check(size int64) {
	if r := w.reached.Load(); r != 0 {
		panic(stopped{stops[r]})
	}
	if size > w.limits.Memory {
		panic(stopped{LimitMemory})
	}
}
