package script

import "github.com/dop251/goja"

// links binds the links of an answer: rel → URL. Attributes are read off the URL's text by accessors
// on String.prototype, which a runtime of its own makes harmless: `link.next` stays a plain string
// and `link.next.results` works.
func (m *machine) links(links []Link) goja.Value {
	obj := m.vm.NewObject()
	attrs := map[string]map[string]string{} // attribute → URL → value
	seen := map[string]bool{}
	for _, l := range links {
		if seen[l.Rel] {
			continue // the first of a rel counts
		}
		seen[l.Rel] = true
		_ = obj.Set(l.Rel, l.URL)
		for _, a := range l.Attrs {
			if attrs[a.Name] == nil {
				attrs[a.Name] = map[string]string{}
			}
			if _, ok := attrs[a.Name][l.URL]; !ok {
				attrs[a.Name][l.URL] = a.Value
			}
		}
	}
	if len(attrs) == 0 {
		return obj
	}
	proto := m.vm.ToValue("").ToObject(m.vm).Prototype()
	for name, byURL := range attrs {
		if proto.Get(name) != nil {
			continue // a method of strings
		}
		get := m.vm.ToValue(func(call goja.FunctionCall) goja.Value {
			if v, ok := byURL[call.This.String()]; ok {
				return m.vm.ToValue(v)
			}
			return goja.Undefined()
		})
		_ = proto.DefineAccessorProperty(name, get, nil, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
	return obj
}
