package script

import (
	"slices"
	"strings"

	"github.com/dop251/goja"
)

// bind makes the JavaScript value of v.
func (m *machine) bind(v Value) goja.Value {
	switch v.kind {
	case kindNull:
		return goja.Null()
	case kindJSON:
		d := &document{m: m, bytes: v.raw, spans: v.spans, mutable: v.mutable}
		return d.root()
	case kindText:
		return m.vm.ToValue(v.text)
	case kindBytes:
		return m.vm.ToValue(strings.ToValidUTF8(string(v.raw), "\uFFFD"))
	case kindHeader:
		return m.vm.NewDynamicObject(&headers{m: m, header: v.header, mutable: v.mutable})
	case kindObject:
		if v.mutable {
			obj := m.vm.NewObject()
			for _, f := range v.fields {
				if f.Value.kind != kindUndefined {
					_ = obj.Set(f.Name, m.bind(f.Value))
				}
			}
			return obj
		}
		return m.vm.NewDynamicObject(&fields{m: m, fields: v.fields, vals: make([]goja.Value, len(v.fields))})
	case kindLinks:
		return m.links(v.links)
	}
	return goja.Undefined()
}

// fields is an object that Go gives, such as `page`: a field is bound when it is touched.
type fields struct {
	m      *machine
	fields []Field
	vals   []goja.Value
}

// Get implements goja.DynamicObject.
func (o *fields) Get(key string) goja.Value {
	for i := range o.fields {
		if o.fields[i].Name == key {
			if o.vals[i] == nil {
				o.vals[i] = o.m.bind(o.fields[i].Value)
			}
			return o.vals[i]
		}
	}
	return nil
}

// Has implements goja.DynamicObject.
func (o *fields) Has(key string) bool {
	return slices.ContainsFunc(o.fields, func(f Field) bool { return f.Name == key })
}

// Keys implements goja.DynamicObject.
func (o *fields) Keys() []string {
	keys := make([]string, len(o.fields))
	for i := range o.fields {
		keys[i] = o.fields[i].Name
	}
	return keys
}

// Set implements goja.DynamicObject.
func (o *fields) Set(string, goja.Value) bool { o.m.refuse(); return false }

// Delete implements goja.DynamicObject.
func (o *fields) Delete(string) bool { o.m.refuse(); return false }
