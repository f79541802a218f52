package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through the API.
type call struct {
	api    *API
	world  *World
	set    *set
	w      http.ResponseWriter
	r      *http.Request
	prefix string     // "/w/<name>" or ""
	query  url.Values // as sent
	params url.Values // the world's parameters, overlaid by query
	body   map[string]json.RawMessage
	faults []*fault
	fired  map[string]*fault // by name: what strikes this answer
	number int               // of this request among those to the same path, from 1
	damage *fault            // what happens to the body's bytes, nil for nothing
	page   int               // number of the page that is being read, from 1; 0 before

	bytes int // of the page's records

	sent    string             // token that asked for this page, "" without
	renewed func() (any, bool) // a fresh token for the same place, for the refusal's body
	lose    func()             // ends the session of this request, nil without one
}

// prepare reads parameters, faults and the JSON body.
func (c *call) prepare() error {
	c.number = c.world.count(c.r.Method + " " + c.r.URL.Path)
	c.world.mu.Lock()
	defaults := c.world.defaults
	c.world.mu.Unlock()
	c.params = url.Values{}
	for name, values := range defaults {
		c.params[name] = values
	}
	for name, values := range c.query {
		if name == "fault" {
			values = append(append([]string{}, c.params["fault"]...), values...)
		}
		c.params[name] = values
	}
	for _, list := range c.params["fault"] {
		f, err := parseFaults(list)
		if err != nil {
			return err
		}
		c.faults = append(c.faults, f...)
	}
	for _, name := range []string{"ttl", "quota_per", "keep_alive", "max_span"} {
		if _, err := c.duration(name); err != nil {
			return err
		}
	}
	s := c.world.shape()
	for name, at := range map[string]*int{"records": &s.records, "ties": &s.ties} {
		if err := c.integer(name, at, 0, maxRecords); err != nil {
			return err
		}
	}
	if v := c.params.Get("seed"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return fmt.Errorf("seed: %q is not a number", v)
		}
		s.seed = n
	}
	c.set = c.world.set(s)
	return c.readBody()
}

func (c *call) readBody() error {
	c.body = map[string]json.RawMessage{}
	if c.r.Body == nil || !strings.Contains(c.r.Header.Get("Content-Type"), "json") {
		return nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, 16<<20))
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	if len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, &c.body); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	return nil
}

// integer reads a parameter into at, when it is there.
func (c *call) integer(name string, at *int, low, high int) error {
	v := c.param(name)
	if v == "" {
		return nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		return fmt.Errorf("%s: %q is not a number between %d and %d", name, v, low, high)
	}
	*at = n
	return nil
}

// param is a parameter from the query, the JSON body or the world's settings, "" without.
func (c *call) param(name string) string {
	if v, ok := c.params[name]; ok {
		return v[0]
	}
	if raw, ok := c.body[name]; ok && string(raw) != "null" {
		return text(raw)
	}
	return ""
}

// has reports whether a parameter was sent at all.
func (c *call) has(name string) bool {
	_, q := c.params[name]
	raw, b := c.body[name]
	return q || b && string(raw) != "null"
}

// limit reads the page size from a parameter; a size over the API's maximum is lowered.
func (c *call) limit(name string, byDefault int) (int, error) {
	n := byDefault
	if err := c.integer(name, &n, 1, 1<<40); err != nil {
		return 0, err
	}
	return min(n, c.api.opt.PageMax), nil
}

// duration reads a parameter such as 20ms or 5m, and d, h without a unit smaller than seconds.
func (c *call) duration(name string) (time.Duration, error) {
	v := c.param(name)
	if v == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(v, "d"); ok {
		n, err := strconv.Atoi(days)
		if err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not a duration such as 2s", name, v)
	}
	return d, nil
}

// moment reads a time: RFC 3339, a date, or seconds or milliseconds since 1970. ok is false when
// the parameter is not there.
func (c *call) moment(name string) (micros int64, ok bool, err error) {
	v := c.param(name)
	if v == "" {
		return 0, false, nil
	}
	micros, err = parseMoment(v)
	if err != nil {
		return 0, false, fmt.Errorf("%s: %w", name, err)
	}
	return micros, true, nil
}

func parseMoment(v string) (int64, error) {
	if n, err := strconv.ParseFloat(v, 64); err == nil {
		if n > 1e11 {
			n /= 1000
		}
		return int64(n * 1e6), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UnixMicro(), nil
		}
	}
	return 0, fmt.Errorf("%q is not a time; 2026-01-31T12:00:00Z is one", v)
}

// order reads the parameter sort.
func (c *call) order(byDefault string) (order, error) {
	v := c.param("sort")
	if v == "" {
		v = byDefault
	}
	o, ok := parseOrder(v)
	if !ok {
		return o, fmt.Errorf("sort: %q is none of id, created, updated, update_id, with - for descending", v)
	}
	return o, nil
}

// strikes returns the value of a fault that strikes this answer.
func (c *call) strikes(name string) (string, bool) {
	f, ok := c.fired[name]
	if !ok {
		return "", false
	}
	return f.value, true
}

// problem answers with an error that is the caller's own doing.
func (c *call) problem(status int, message string) {
	c.send(status, "application/json", appendJSON(nil, failure(status, message)))
}

// failure is an error body in several dialects at once.
func failure(code int, message string) object {
	return object{
		{"ok", false},
		{"error", object{{"code", code}, {"message", message}}},
		{"errors", []object{{{"code", code}, {"message", message}}}},
	}
}
