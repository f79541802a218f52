package script

import (
	"sync"

	"github.com/dop251/goja"
)

// prelude compiles code of this package that runs before a script.
func prelude(name, text string) func() *goja.Program {
	return sync.OnceValue(func() *goja.Program { return goja.MustCompile(name, text, true) })
}

// sealed closes the ways from a generator to the function that makes code from text (see guardCode).
var sealed = prelude("sealed", `(() => {
  for (const f of [function* () {}, (function* () {}).prototype]) {
    Object.defineProperty(Object.getPrototypeOf(f), "constructor", { value: undefined });
  }
})()`)

// utcDates makes the local time of Date UTC, so that a script gives the same on every machine: the
// engine's own local time is that of the process.
var utcDates = prelude("dates", `(() => {
  const Native = Date, proto = Native.prototype;
  for (const part of ["Date", "Day", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds"]) {
    proto["get" + part] = proto["getUTC" + part];
    if (part !== "Day") proto["set" + part] = proto["setUTC" + part];
  }
  const two = n => String(n).padStart(2, "0");
  const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const valid = (d, f) => isNaN(d.getTime()) ? "Invalid Date" : f();
  const day = d => days[d.getUTCDay()] + " " + months[d.getUTCMonth()] + " " + two(d.getUTCDate()) + " " + String(d.getUTCFullYear()).padStart(4, "0");
  const clock = d => two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()) + ":" + two(d.getUTCSeconds());
  const american = d => (d.getUTCMonth() + 1) + "/" + d.getUTCDate() + "/" + d.getUTCFullYear();
  proto.getTimezoneOffset = function () { return isNaN(this.getTime()) ? NaN : 0; };
  proto.getYear = function () { return this.getUTCFullYear() - 1900; };
  proto.toDateString = function () { return valid(this, () => day(this)); };
  proto.toTimeString = function () { return valid(this, () => clock(this) + " GMT+0000 (UTC)"); };
  proto.toString = function () { return valid(this, () => day(this) + " " + clock(this) + " GMT+0000 (UTC)"); };
  proto.toLocaleDateString = function () { return valid(this, () => american(this)); };
  proto.toLocaleTimeString = function () { return valid(this, () => clock(this)); };
  proto.toLocaleString = function () { return valid(this, () => american(this) + ", " + clock(this)); };
  const zoned = /(?:z|gmt|utc?|[ect][sd]t|[mp][sd]t|[+-]\d\d:?\d\d)\s*(?:\(.*\))?\s*$/i;
  const parse = text => {
    text = String(text);
    if (/^\s*[+-]?\d+(?:-\d\d){0,2}\s*$/.test(text) || zoned.test(text)) return Native.parse(text);
    const utc = Native.parse(text + "Z");
    return isNaN(utc) ? Native.parse(text + " GMT") : utc;
  };
  function UTCDate(...args) {
    if (new.target === undefined) return new Native().toString();
    if (args.length > 1) args = [Native.UTC(...args)];
    else if (args.length === 1 && !(args[0] instanceof Native)) {
      let v = args[0];
      if (typeof v === "object" && v !== null) v = v.valueOf();
      args = [typeof v === "string" ? parse(v) : v];
    }
    return Reflect.construct(Native, args, new.target);
  }
  Object.defineProperty(UTCDate, "name", { value: "Date" });
  Object.defineProperty(UTCDate, "length", { value: 7 });
  UTCDate.prototype = proto;
  proto.constructor = UTCDate;
  UTCDate.now = Native.now;
  UTCDate.UTC = Native.UTC;
  UTCDate.parse = parse;
  Date = UTCDate;
})()`)
