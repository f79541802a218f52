package demo

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// gate lets the faults strike that concern page number page, and reports whether the answer is
// still to be sent. Endpoints without pages pass the number of the request.
func (c *call) gate(page int, last bool) bool {
	c.page = page
	for _, f := range c.faults {
		if f.kind.Stage != stageSpoil || !f.at(page, c.number, last) || !c.world.strike(f, c.r.URL.Path, page) {
			continue
		}
		return c.spoil(f)
	}
	for _, f := range c.faults {
		if f.kind.Stage == stageShape && c.fired[f.name] == nil && f.at(page, c.number, last) && c.world.strike(f, c.r.URL.Path, page) {
			c.fired[f.name] = f
		}
	}
	return true
}

// spoil answers as f says, or notes what is to happen to the body's bytes and returns true.
func (c *call) spoil(f *fault) bool {
	switch f.name {
	case "reset":
		if f.value == "mid" {
			break
		}
		c.hangUp()
		return false
	case "hidden", "multi", "okfalse":
		c.hide(f)
		return false
	case "redirect":
		return c.redirect(f)
	case "expire":
		if c.sent == "" {
			return true // the first page has no token
		}
		c.world.kill(c.sent)
		c.refuse(f.value)
		return false
	case "session_lost":
		if c.lose == nil {
			return true
		}
		c.lose()
		return false
	case "cut", "garbage", "html", "blank", "utf8", "bom", "stall":
	default: // a status
		status := atoi(f.name, http.StatusInternalServerError)
		if err := c.comeBack(status, f.value); err != nil {
			c.problem(http.StatusBadRequest, err.Error())
			return false
		}
		c.problem(status, fmt.Sprintf("fault %s", f.spec))
		return false
	}
	c.damage = f
	return true
}

// comeBack sets the headers that say when to ask again.
func (c *call) comeBack(status int, value string) error {
	form, amount, _ := strings.Cut(value, "=")
	if amount == "" {
		if _, err := strconv.ParseFloat(form, 64); err == nil {
			form, amount = "after", form
		} else {
			amount = "1"
		}
	}
	if form == "" && status == http.StatusTooManyRequests {
		form = "after"
	}
	n, err := strconv.ParseFloat(amount, 64)
	if err != nil {
		return fmt.Errorf("%q is not a number", amount)
	}
	wait := time.Duration(n * float64(time.Second))
	now := c.clock()
	at := now.Add(wait)
	if at.Nanosecond() != 0 { // whole seconds, not too early
		at = at.Truncate(time.Second).Add(time.Second)
	}
	h := c.w.Header()
	reset := func(v string) {
		h.Set("X-RateLimit-Limit", "100")
		h.Set("X-RateLimit-Remaining", "0")
		h.Set("X-RateLimit-Reset", v)
	}
	switch form {
	case "", "none":
	case "after":
		h.Set("Retry-After", amount)
	case "date":
		h.Set("Retry-After", at.UTC().Format(http.TimeFormat))
	case "date850":
		h.Set("Retry-After", at.UTC().Format("Monday, 02-Jan-06 15:04:05 GMT"))
	case "asctime":
		h.Set("Retry-After", at.UTC().Format(time.ANSIC))
	case "epoch":
		reset(strconv.FormatInt(at.Unix(), 10))
	case "epoch_ms":
		reset(strconv.FormatInt(now.Add(wait).UnixMilli(), 10))
	case "seconds":
		reset(amount)
	case "ms", "milliseconds":
		reset(amount)
	case "http_date":
		reset(at.UTC().Format(http.TimeFormat))
	case "rfc3339":
		reset(now.Add(wait).UTC().Format(time.RFC3339Nano))
	default:
		return fmt.Errorf("fault value %q: there is no form %q", value, form)
	}
	return nil
}

// hide sends an answer that looks like an empty page and carries an error.
func (c *call) hide(f *fault) {
	status, code, word := http.StatusOK, atoi(f.value, http.StatusTooManyRequests), "ratelimited"
	switch f.name {
	case "multi":
		status = http.StatusMultiStatus
	case "okfalse":
		if f.value != "" {
			word = f.value
		}
	}
	c.send(status, "application/json", appendJSON(nil, hollow(code, word, "fault "+f.spec)))
}

// hollow is an empty page in every dialect of the API, with an error in it.
func hollow(code int, word, message string) object {
	none := []string{}
	return object{
		{"ok", false}, {"error", word},
		{"errors", []object{{{"code", code}, {"message", message}}}},
		{"items", none}, {"data", none}, {"results", none}, {"resources", none}, {"objects", none}, {"value", none},
		{"messages", none}, {"next_cursor", ""}, {"next", nil}, {"total", 0}, {"has_more", false},
		{"meta", object{{"pagination", object{{"after", ""}, {"total", 0}, {"limit", 0}}}}},
	}
}

// redirect sends the client to the same page under another URL, or reports that it came from there.
func (c *call) redirect(f *fault) bool {
	kind, loop := http.StatusTemporaryRedirect, f.value == "loop"
	if n := atoi(f.value, 0); n >= 300 {
		kind = n
	}
	turns := 0
	if v := c.query.Get("redirected"); v != "" {
		if !loop {
			return true
		}
		turns, _ = strconv.Atoi(v)
	}
	q := c.r.URL.Query()
	q.Set("redirected", strconv.Itoa(turns+1))
	to := c.path() + "?" + q.Encode()
	if f.value == "foreign" {
		to = c.foreignOrigin() + to
	}
	c.w.Header().Set("Location", to)
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(kind)
	c.world.log.status(strconv.Itoa(kind))
	return false
}

func (c *call) foreignOrigin() string {
	if v := c.param("foreign_origin"); v != "" {
		if u, err := url.Parse(v); err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host
		}
	}
	return "http://foreign.invalid"
}

// hangUp resets the connection.
func (c *call) hangUp() {
	c.world.log.status("reset")
	conn, _, err := http.NewResponseController(c.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2, or a recorder
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// clock is the server's time as its headers tell it.
func (c *call) clock() time.Time {
	now := c.api.now()
	if f := c.declared("skew"); f != nil {
		if d, err := time.ParseDuration(f.value); err == nil {
			now = now.Add(d)
		}
	}
	return now
}
