package script

import (
	"strings"

	"github.com/dop251/goja"
)

const (
	mostLogged    = 1000 // messages of one call
	longestLogged = 8 << 10
)

// bindConsole gives the script a console whose messages go to the log with file and line.
func (m *machine) bindConsole(global *goja.Object) {
	console := m.vm.NewObject()
	print := m.native((*machine).print)
	for _, level := range []string{"log", "debug", "info", "warn", "error"} {
		_ = console.Set(level, print)
	}
	_ = global.Set("console", console)
}

func (m *machine) print(call goja.FunctionCall) goja.Value {
	if m.log == nil || m.logged >= mostLogged {
		return goja.Undefined()
	}
	m.logged++
	var b strings.Builder
	for i, a := range call.Arguments {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch {
		case goja.IsUndefined(a):
			b.WriteString("undefined")
		case goja.IsString(a):
			b.WriteString(a.String())
		default:
			b.Write(m.shown(a))
		}
		if b.Len() > longestLogged {
			break
		}
	}
	msg := b.String()
	if len(msg) > longestLogged {
		msg = strings.ToValidUTF8(msg[:longestLogged], "") + "…"
	}
	at := m.unit.begins(m.job.function)
	if frames := m.frames(m.vm.CaptureCallStack(0, nil)); len(frames) > 0 {
		at.file, at.line = frames[0].File, frames[0].Line
	}
	m.log(at.file, at.line, msg)
	return goja.Undefined()
}

// shown is a value for a person to read: an error as its message, anything else as JSON.
func (m *machine) shown(v goja.Value) []byte {
	if obj, ok := v.(*goja.Object); ok && obj.ClassName() == "Error" {
		return []byte(obj.String())
	}
	return m.quiet(v)
}
