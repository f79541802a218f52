package script

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// Program is the compiled JavaScript of one connector. It may be used by any number of goroutines;
// each call is bounded and independent of every other. Close it when it is no longer used.
type Program struct {
	code *code
	in   isolation
	log  func(file string, line int, msg string)
}

// regexTimeout ends a backtracking match after the call that runs it: the engine reports an end by
// time as "no match", which must never be seen as one. Limits.Time may be lower, never higher.
const regexTimeout = time.Second + 50*time.Millisecond

func init() { regexp2.DefaultMatchTimeout = regexTimeout }

// Compile checks and compiles a connector's hook, nil without one, and its expressions. What is
// wrong with them is returned at once, as Errors.
func Compile(hook *HookSource, exprs []Source, opt Options) (*Program, error) {
	opt.Limits.Time = min(opt.Limits.filled().Time, time.Second)
	c, err := compileCode(hook, exprs, opt)
	if err != nil {
		return nil, err
	}
	p := &Program{code: c, log: opt.Log}
	slots := opt.Slots
	if slots == nil {
		slots = NewSlots(0)
	}
	if len(opt.Worker) > 0 {
		if p.in, err = newChildren(opt, slots, hook, exprs, c); err != nil {
			return nil, err
		}
		return p, nil
	}
	p.in = &inProcess{code: c, slots: slots}
	return p, nil
}

// Close ends the child processes. Calls that are under way fail.
func (p *Program) Close() { p.in.close() }

// Has says whether the hook defines the function at its top level.
func (p *Program) Has(function string) bool {
	return p.code.hook != nil && p.code.hook.functions[function] != nil
}

// Functions lists the hook's top-level functions, sorted.
func (p *Program) Functions() []string {
	if p.code.hook == nil {
		return nil
	}
	names := make([]string, 0, len(p.code.hook.functions))
	for n := range p.code.hook.functions {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Eval evaluates the expression of that ID with the names of env.
func (p *Program) Eval(ctx context.Context, id int, env *Env) (Result, error) {
	j, err := p.expression(id, env)
	if err != nil {
		return Result{}, err
	}
	return p.one(ctx, j)
}

// EvalEach evaluates the expression once for each record, which it sees as `record`, read-only. The
// first error ends it.
func (p *Program) EvalEach(ctx context.Context, id int, env *Env, records [][]byte) ([]Result, error) {
	j, err := p.expression(id, env)
	if err != nil {
		return nil, err
	}
	j.records, j.each = records, true
	return p.many(ctx, j)
}

// Call calls a function of the hook. Of env, which may be nil, clock and seed count.
func (p *Program) Call(ctx context.Context, function string, env *Env, args ...Value) (Result, error) {
	j, err := p.call(function, env, args)
	if err != nil {
		return Result{}, err
	}
	return p.one(ctx, j)
}

// CallEach calls a function of the hook once for each record, which is its first argument and may be
// changed by it; args follow. The first error ends it.
func (p *Program) CallEach(ctx context.Context, function string, env *Env, records [][]byte, args ...Value) ([]Result, error) {
	j, err := p.call(function, env, args)
	if err != nil {
		return nil, err
	}
	j.records, j.each = records, true
	return p.many(ctx, j)
}

func (p *Program) expression(id int, env *Env) (*job, error) {
	if p.code.exprs[id] == nil {
		return nil, fmt.Errorf("no expression has the number %d", id)
	}
	j := newJob(env)
	j.id, j.log = id, p.log
	return j, nil
}

func (p *Program) call(function string, env *Env, args []Value) (*job, error) {
	if !p.Has(function) {
		return nil, fmt.Errorf("the hook has no function %s", function)
	}
	j := newJob(env)
	j.function, j.args, j.log = function, args, p.log
	return j, nil
}

func (p *Program) one(ctx context.Context, j *job) (Result, error) {
	results, err := p.many(ctx, j)
	if err != nil {
		return Result{}, err
	}
	return results[0], nil
}

func (p *Program) many(ctx context.Context, j *job) ([]Result, error) {
	if j.each && len(j.records) == 0 {
		return nil, nil
	}
	results, err := p.in.run(ctx, j)
	if err != nil || j.function == "" {
		return results, err
	}
	at := p.code.hook.begins(j.function)
	for i := range results {
		results[i].function, results[i].at = j.function, at
	}
	return results, nil
}
