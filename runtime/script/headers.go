package script

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// headers is the headers of a message. Names are looked up whatever their case and listed in the
// canonical form; several lines of one name are one text, joined by ", ".
type headers struct {
	m       *machine
	header  http.Header
	mutable bool
	own     bool // header is this object's copy
}

func (h *headers) lookup(key string) (string, []string) {
	name := http.CanonicalHeaderKey(key)
	if lines, ok := h.header[name]; ok {
		return name, lines
	}
	for k, lines := range h.header {
		if strings.EqualFold(k, key) {
			return k, lines
		}
	}
	return name, nil
}

// Get implements goja.DynamicObject.
func (h *headers) Get(key string) goja.Value {
	_, lines := h.lookup(key)
	if lines == nil {
		return nil
	}
	return h.m.vm.ToValue(strings.Join(lines, ", "))
}

// Has implements goja.DynamicObject.
func (h *headers) Has(key string) bool { _, lines := h.lookup(key); return lines != nil }

// Keys implements goja.DynamicObject: sorted, since headers have no order.
func (h *headers) Keys() []string {
	keys := make([]string, 0, len(h.header))
	for k := range h.header {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Set implements goja.DynamicObject. A list sets several lines; null and undefined take the header
// away.
func (h *headers) Set(key string, val goja.Value) bool {
	if val == nil || goja.IsUndefined(val) || goja.IsNull(val) {
		return h.Delete(key)
	}
	var lines []string
	if obj, ok := val.(*goja.Object); ok {
		if obj.ClassName() != "Array" {
			panic(h.m.vm.NewTypeError("the value of header %s is an object; it must be a text or a list of texts", key))
		}
		for i := range int(obj.Get("length").ToInteger()) {
			lines = append(lines, obj.Get(strconv.Itoa(i)).String())
		}
	} else {
		lines = []string{val.String()}
	}
	h.change()
	name, _ := h.lookup(key)
	h.header[name] = lines
	return true
}

// Delete implements goja.DynamicObject.
func (h *headers) Delete(key string) bool {
	h.change()
	name, _ := h.lookup(key)
	delete(h.header, name)
	return true
}

func (h *headers) change() {
	if !h.mutable {
		h.m.refuse()
	}
	if !h.own {
		h.own = true
		if h.header = h.header.Clone(); h.header == nil {
			h.header = http.Header{}
		}
	}
}
