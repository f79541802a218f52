package script

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"

	"github.com/lastpage/lastpage/engine/rawjson"
)

// machine is one JavaScript runtime: it lives for one call, or for the calls of one page where the
// script cannot leave anything behind.
type machine struct {
	vm     *goja.Runtime
	code   *code
	unit   *unit
	job    *job
	watch  *watch
	digits map[float64]string // see remember
	random *pcg
	log    func(file string, line int, msg string)
	logged int
	opened bool              // see open
	keys   map[string]string // of objects that were read, so that each is allocated once
	size   int               // members of the last object
}

// newMachine readies a runtime for calls of u. It must be closed.
func (c *code) newMachine(ctx context.Context, u *unit, j *job, index int) *machine {
	m := &machine{vm: goja.New(), code: c, unit: u, job: j, log: j.log}
	m.vm.SetMaxCallStackSize(c.limits.Depth)
	m.vm.SetParserOptions(parser.WithDisableSourceMaps)
	m.vm.SetTimeSource(func() time.Time { return j.now })
	m.random = newPCG(j.seed, uint64(index))
	m.vm.SetRandSource(m.random.Float64)
	m.watch = newWatch(ctx, m.vm, c.limits)
	if j.watched != nil {
		j.watched(m.watch)
	}
	return m
}

// next readies the runtime for the next record of a page: only what a call cannot see is left.
func (m *machine) next(index int) {
	clear(m.digits)
	m.random.Seed(m.job.seed, uint64(index))
	m.logged = 0
	m.watch.restart()
}

// close ends the runtime, which is not used again.
func (m *machine) close() { m.watch.stop() }

// protect runs f, which may run JavaScript, and turns whatever it throws into an error.
func (m *machine) protect(f func()) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = m.fault(x)
		}
	}()
	if ex := m.vm.Try(f); ex != nil {
		return m.fault(ex)
	}
	return nil
}

// prepare binds what the unit uses and runs the hook's top level.
func (m *machine) prepare() {
	global := m.vm.GlobalObject()
	for _, h := range m.unit.builtins {
		_ = global.Set(h.name, m.native(h.call))
	}
	if m.unit.console {
		m.bindConsole(global)
	}
	for _, name := range m.unit.names {
		_ = global.Set(name, m.bind(m.job.name(name)))
	}
	for _, g := range m.unit.guards {
		g.install(m)
	}
	for _, p := range m.unit.preludes {
		m.must(m.vm.RunProgram(p))
	}
	if m.unit.hook {
		m.must(m.vm.RunProgram(m.unit.program))
	}
}

// run makes one call and leaves its result. record is what `record` is bound to, nil without.
func (m *machine) run(record []byte) Result {
	var v goja.Value
	if !m.unit.hook {
		if record != nil {
			_ = m.vm.GlobalObject().Set("record", m.bind(JSON(record)))
		}
		v = m.must(m.vm.RunProgram(m.unit.program))
		return m.result(v)
	}
	args := make([]goja.Value, 0, len(m.job.args)+1)
	if record != nil {
		args = append(args, m.bind(JSON(record).Mutable()))
	}
	for _, a := range m.job.args {
		args = append(args, m.bind(a))
	}
	fn, ok := goja.AssertFunction(m.must(m.vm.RunProgram(m.unit.functions[m.job.function].access)))
	if !ok {
		panic(m.vm.NewTypeError("%s is not a function", m.job.function))
	}
	return m.result(m.must(fn(goja.Undefined(), args...)))
}

// result writes v as JSON and notes which members of it are undefined, since a member that was
// written down and has no value is a mistake where a member that is left out is not.
func (m *machine) result(v goja.Value) Result {
	e := &encoder{m: m}
	if !e.value(v, nil, "") {
		return Result{Undefined: true}
	}
	res := Result{JSON: e.out}
	if obj, ok := v.(*goja.Object); ok && m.unit.hook && lazyOf(obj) == nil && obj.ClassName() == "Object" {
		for _, key := range obj.Keys() {
			if x := obj.Get(key); x == nil || goja.IsUndefined(x) {
				res.absent = append(res.absent, key)
			}
		}
	}
	return res
}

// key returns the text of an object's key, quotes included.
func (m *machine) key(raw []byte) string {
	if len(raw) < 2 {
		return ""
	}
	if s, ok := m.keys[string(raw)]; ok {
		return s
	}
	s, _ := rawjson.String(raw)
	const most = 4096
	if len(m.keys) < most {
		if m.keys == nil {
			m.keys = map[string]string{}
		}
		m.keys[string(raw)] = s
	}
	return s
}

// must passes an error of a nested call on.
func (m *machine) must(v goja.Value, err error) goja.Value {
	if err != nil {
		panic(err)
	}
	return v
}

// unwrap returns the primitive of a boxed boolean, BigInt or symbol.
func (m *machine) unwrap(obj *goja.Object) goja.Value {
	if fn, ok := goja.AssertFunction(obj.Get("valueOf")); ok {
		return m.must(fn(obj))
	}
	return goja.Null()
}

// native makes a function of Go code.
func (m *machine) native(call func(*machine, goja.FunctionCall) goja.Value) goja.Value {
	return m.vm.ToValue(func(c goja.FunctionCall) goja.Value { return call(m, c) })
}

// pcg is a seeded source of random numbers.
type pcg struct {
	*rand.Rand
	source *rand.PCG
}

func newPCG(a, b uint64) *pcg {
	s := rand.NewPCG(a, b)
	return &pcg{rand.New(s), s}
}

// Seed begins the numbers of another seed.
func (p *pcg) Seed(a, b uint64) { p.source.Seed(a, b) }
