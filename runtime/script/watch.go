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

	began   atomic.Int64  // when the call began, on the monotonic clock
	reached atomic.Uint32 // what stopped the call, an index of stops; 0: nothing

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
func (w *watch) restart() { w.began.Store(int64(time.Since(start))) }

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
	w.reached.Store(what)
	w.vm.Interrupt(stops[what])
}

// overfull says whether the heap has grown by more than the call may keep alive. Garbage, its own
// and that of the rest of the process, is collected before that is believed.
func (w *watch) overfull() bool {
	if w.heap() < w.base+uint64(w.limits.Memory) {
		return false
	}
	if time.Since(w.lastSure) < sureEvery {
		return false
	}
	goruntime.GC()
	w.lastSure = time.Now()
	return w.heap() >= w.base+uint64(w.limits.Memory)
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
