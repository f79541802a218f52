package script

import (
	"math/rand/v2"
	"time"
)

// Env is what a call may see besides its arguments: the data names of an expression, the clock and
// the seed of its random numbers. The zero Env has no names, the real time and a seed of its own.
type Env struct {
	Now  time.Time // of Date, time("now") and `-30d`; zero: the real time
	Seed uint64    // of Math.random and uuid(); zero: one that nobody knows

	fields []Field
}

// Set binds a data name; one that a scope has and that is not set is undefined.
func (e *Env) Set(name string, v Value) {
	for i := range e.fields {
		if e.fields[i].Name == name {
			e.fields[i].Value = v
			return
		}
	}
	e.fields = append(e.fields, Field{name, v})
}

// Clone returns an Env whose names can be set without a change to e.
func (e *Env) Clone() *Env {
	c := *e
	c.fields = append([]Field(nil), e.fields...)
	return &c
}

// job is one piece of work for an isolation: a call, or the calls of one page.
type job struct {
	function string // of the hook; "" for an expression
	id       int    // of the expression
	env      []Field
	args     []Value
	records  [][]byte // one call each, when each is set
	each     bool
	now      time.Time
	seed     uint64
	log      func(file string, line int, msg string)
	watched  func(*watch) // told of the watch of each runtime, nil without
}

// newJob takes what e says over.
func newJob(e *Env) *job {
	j := &job{}
	if e != nil {
		j.env, j.now, j.seed = e.fields, e.Now, e.Seed
	}
	if j.now.IsZero() {
		j.now = time.Now()
	}
	if j.seed == 0 {
		j.seed = rand.Uint64()
	}
	return j
}

// name returns the value of a data name.
func (j *job) name(name string) Value {
	for i := range j.env {
		if j.env[i].Name == name {
			return j.env[i].Value
		}
	}
	return Undefined()
}
