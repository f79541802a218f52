package script

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// Builtins are the functions that every expression and hook may call, in the order of the format.
var Builtins = []string{"param", "match", "time", "add", "sha256", "hmac_sha256", "base64", "base64url", "json", "uuid"}

var builtins = []builtin{
	{"param", (*machine).builtinParam},
	{"match", (*machine).builtinMatch},
	{"time", (*machine).builtinTime},
	{"add", (*machine).builtinAdd},
	{"sha256", (*machine).builtinSHA256},
	{"hmac_sha256", (*machine).builtinHMAC},
	{"base64", (*machine).builtinBase64},
	{"base64url", (*machine).builtinBase64URL},
	{"json", func(m *machine, c goja.FunctionCall) goja.Value { return m.vm.ToValue(string(m.quiet(c.Argument(0)))) }},
	{"uuid", (*machine).builtinUUID},
}

// absent says whether v is null or undefined. Builtins give null for it, so that a text that embeds
// it is null as well.
func absent(v goja.Value) bool { return v == nil || goja.IsUndefined(v) || goja.IsNull(v) }

// asText is v as a text: objects and arrays as JSON.
func (m *machine) asText(v goja.Value) string {
	if _, ok := v.(*goja.Object); ok {
		return string(m.quiet(v))
	}
	return v.String()
}

// builtinParam is param(url, name): the first value of a query parameter, decoded; null without it.
func (m *machine) builtinParam(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) || absent(c.Argument(1)) {
		return goja.Null()
	}
	query := m.asText(c.Argument(0))
	query, _, _ = strings.Cut(query, "#")
	if before, after, ok := strings.Cut(query, "?"); ok {
		query = after
	} else if strings.Contains(before, "/") || !strings.Contains(before, "=") {
		return goja.Null() // a URL without a query
	}
	name := c.Argument(1).String()
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if unescape(key) == name {
			return m.vm.ToValue(unescape(value))
		}
	}
	return goja.Null()
}

// unescape decodes a query component; one that is not well formed stays as it is.
func unescape(s string) string {
	if t, err := url.QueryUnescape(s); err == nil {
		return t
	}
	return s
}

// builtinMatch is match(text, regex): the first group, or the whole match of a pattern without groups;
// null when it does not match.
func (m *machine) builtinMatch(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) || absent(c.Argument(1)) {
		return goja.Null()
	}
	re, ok := c.Argument(1).(*goja.Object)
	if !ok {
		re = m.newRegExp(c.Argument(1).String())
	}
	_ = re.Set("lastIndex", 0)
	exec, ok := goja.AssertFunction(re.Get("exec"))
	if !ok {
		panic(m.vm.NewTypeError("match(text, regex) wants a regular expression"))
	}
	found, ok := m.must(exec(re, m.vm.ToValue(m.asText(c.Argument(0))))).(*goja.Object)
	if !ok {
		return goja.Null()
	}
	if found.Get("length").ToInteger() == 1 {
		return found.Get("0")
	}
	if g := found.Get("1"); !absent(g) {
		return g
	}
	return goja.Null()
}

func (m *machine) newRegExp(pattern string) *goja.Object {
	ctor, ok := goja.AssertConstructor(m.vm.Get("RegExp"))
	if !ok {
		panic(m.vm.NewTypeError("RegExp is not there"))
	}
	obj, err := ctor(nil, m.vm.ToValue(pattern))
	if err != nil {
		panic(err)
	}
	return obj
}

// moment reads a time that a script wrote: text, a number, or a Date.
func (m *machine) moment(v goja.Value) moment {
	if obj, ok := v.(*goja.Object); ok && obj.ClassName() == "Date" {
		if t, ok := obj.Export().(time.Time); ok {
			return moment{at: t.UTC()}
		}
		panic(m.vm.NewTypeError("the Date is not valid"))
	}
	at, err := parseMoment(v.String(), m.job.now)
	if err != nil {
		panic(m.vm.NewTypeError("%s", err.Error()))
	}
	return at
}

// builtinTime is time(x) and time(x, layout): a time as RFC 3339 in UTC, or in the layout: rfc3339,
// epoch, epoch_ms (numbers), or a layout of Go.
func (m *machine) builtinTime(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) {
		return goja.Null()
	}
	at := m.moment(c.Argument(0)).at
	if absent(c.Argument(1)) {
		return m.vm.ToValue(at.UTC().Format(time.RFC3339Nano))
	}
	switch layout := c.Argument(1).String(); layout {
	case "rfc3339":
		return m.vm.ToValue(at.UTC().Format(time.RFC3339Nano))
	case "epoch":
		return m.vm.ToValue(at.Unix())
	case "epoch_ms":
		return m.vm.ToValue(at.UnixMilli())
	default:
		return m.vm.ToValue(at.UTC().Format(layout))
	}
}

// builtinAdd is add(time, "-5m"): the time moved, in the form it was given in: text as RFC 3339, numbers
// as seconds or milliseconds since 1970.
func (m *machine) builtinAdd(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) || absent(c.Argument(1)) {
		return goja.Null()
	}
	at := m.moment(c.Argument(0))
	d, err := parseDuration(strings.TrimSpace(c.Argument(1).String()))
	if err != nil {
		panic(m.vm.NewTypeError("%s", err.Error()))
	}
	moved := at.at.Add(d)
	if at.unit == 0 {
		return m.vm.ToValue(moved.UTC().Format(time.RFC3339Nano))
	}
	n := float64(moved.Unix()) + float64(moved.Nanosecond())/1e9
	if at.unit == time.Millisecond {
		n = float64(moved.UnixMilli())
	}
	if goja.IsString(c.Argument(0)) {
		return m.vm.ToValue(string(appendFloat(nil, n)))
	}
	if n == math.Trunc(n) {
		return m.vm.ToValue(int64(n))
	}
	return m.vm.ToValue(n)
}

// builtinSHA256 is sha256(x): the digest of the UTF-8 of x, in lower case hexadecimal.
func (m *machine) builtinSHA256(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) {
		return goja.Null()
	}
	sum := sha256.Sum256([]byte(m.asText(c.Argument(0))))
	return m.vm.ToValue(hex.EncodeToString(sum[:]))
}

// builtinHMAC is hmac_sha256(key, x): the code of the UTF-8 of x, in lower case hexadecimal.
func (m *machine) builtinHMAC(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) || absent(c.Argument(1)) {
		return goja.Null()
	}
	mac := hmac.New(sha256.New, []byte(m.asText(c.Argument(0))))
	mac.Write([]byte(m.asText(c.Argument(1))))
	return m.vm.ToValue(hex.EncodeToString(mac.Sum(nil)))
}

// builtinBase64 is base64(x): the UTF-8 of x in the standard alphabet, padded.
func (m *machine) builtinBase64(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) {
		return goja.Null()
	}
	return m.vm.ToValue(base64.StdEncoding.EncodeToString([]byte(m.asText(c.Argument(0)))))
}

// builtinBase64URL is base64url(x): the UTF-8 of x in the alphabet for URLs, without padding (RFC 7515).
func (m *machine) builtinBase64URL(c goja.FunctionCall) goja.Value {
	if absent(c.Argument(0)) {
		return goja.Null()
	}
	return m.vm.ToValue(base64.RawURLEncoding.EncodeToString([]byte(m.asText(c.Argument(0)))))
}

// builtinUUID is uuid(): a version 4 UUID of the call's random numbers (RFC 9562).
func (m *machine) builtinUUID(goja.FunctionCall) goja.Value {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], m.random.Uint64())
	binary.BigEndian.PutUint64(b[8:], m.random.Uint64())
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return m.vm.ToValue(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}
