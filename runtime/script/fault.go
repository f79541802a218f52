package script

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// fault turns what came out of the engine into an *Error, a *LimitError or the context's error.
func (m *machine) fault(x any) error {
	switch x := x.(type) {
	case stopped:
		return m.limit(x.limit, nil)
	case *goja.InterruptedError:
		l, _ := x.Value().(Limit)
		return m.limit(l, m.frames(x.Stack()))
	case *goja.StackOverflowError:
		return m.limit(LimitDepth, m.frames(x.Stack()))
	case *goja.Exception:
		var inner *goja.InterruptedError
		if errors.As(x.Unwrap(), &inner) {
			return m.fault(inner)
		}
		if r := m.watch.reached.Load(); r != 0 {
			return m.limit(stops[r], m.frames(x.Stack()))
		}
		return m.exception(x)
	case error:
		return m.problem("the JavaScript engine gave up: "+x.Error(), nil)
	}
	return m.problem(fmt.Sprintf("the JavaScript engine gave up: %v", x), nil)
}

// limit makes the error of a limit that was reached; the context's own when that ended the call.
func (m *machine) limit(l Limit, stack []Frame) error {
	if l == "context" {
		return context.Cause(m.watch.ctx)
	}
	e := limitError(l, m.code.limits)
	e.Function, e.Stack = m.job.function, stack
	if !m.unit.hook {
		e.Source = m.unit.origin.text
	}
	at := m.here(stack)
	e.File, e.Line, e.Col = at.file, at.line, at.col
	return e
}

// exception makes the error of something that the script threw.
func (m *machine) exception(x *goja.Exception) error {
	stack := m.frames(x.Stack())
	what := m.thrown(x.Value())
	if r := m.watch.reached.Load(); r != 0 {
		return m.limit(stops[r], stack) // while the thrown value was asked what it says
	}
	if m.unit.hook {
		what = m.job.function + "() threw " + what
	}
	return m.problem(what, stack)
}

// thrown describes a thrown value.
func (m *machine) thrown(v goja.Value) (text string) {
	text = "an exception"
	obj, ok := v.(*goja.Object)
	if !ok {
		if v != nil {
			text = string(m.quiet(v))
		}
		return text
	}
	defer func() { _ = recover() }() // a getter of the thrown object ran into a limit
	_ = m.vm.Try(func() {
		name, message := obj.Get("name"), obj.Get("message")
		if message != nil && !goja.IsUndefined(message) {
			text = message.String()
			if name != nil && !goja.IsUndefined(name) {
				text = name.String() + ": " + text
			}
			return
		}
		text = "an object without a message: " + string(m.quiet(obj))
	})
	const most = 1000
	return strings.TrimSpace(text[:min(len(text), most)])
}

func (m *machine) problem(msg string, stack []Frame) *Error {
	e := &Error{Msg: msg, Stack: stack, Function: m.job.function}
	if !m.unit.hook {
		e.Source = m.unit.origin.text
	}
	at := m.here(stack)
	e.File, e.Line, e.Col = at.file, at.line, at.col
	return e
}

// here is the innermost place of the stack, or where the function or expression begins.
func (m *machine) here(stack []Frame) place {
	if len(stack) > 0 {
		return place{file: stack[0].File, line: stack[0].Line, col: stack[0].Col}
	}
	return m.unit.begins(m.job.function)
}

// frames keeps the frames of the author's own text.
func (m *machine) frames(stack []goja.StackFrame) []Frame {
	const most = 24
	var frames []Frame
	for i := range stack {
		o := m.code.origins[stack[i].SrcName()]
		if o == nil {
			continue
		}
		pos := stack[i].Position()
		at := o.at(pos.Line, pos.Column)
		f := Frame{File: at.file, Line: at.line, Col: at.col}
		if name := stack[i].FuncName(); name != "<anonymous>" && !strings.HasPrefix(name, "<") {
			f.Function = name
		}
		if frames = append(frames, f); len(frames) == most {
			break
		}
	}
	return frames
}
