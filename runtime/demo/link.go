package demo

import (
	"fmt"
	"maps"
	"strings"
)

// link is the URL of this request with other parameters; nil values take one away. The parameter
// url says how it is written: absolute (default), path, query or relative.
func (c *call) link(change map[string]any) string {
	q := maps.Clone(c.query)
	q.Del("redirected")
	for name, v := range change {
		q.Del(name)
		if v != nil {
			q.Set(name, fmt.Sprint(v))
		}
	}
	path := c.path()
	tail := ""
	if len(q) > 0 {
		tail = "?" + q.Encode()
	}
	if _, ok := c.strikes("foreign"); ok {
		return c.foreignOrigin() + path + tail
	}
	switch c.param("url") {
	case "path":
		return path + tail
	case "query":
		return tail
	case "relative":
		return path[strings.LastIndexByte(path, '/')+1:] + tail
	}
	return c.origin() + path + tail
}

// path is the escaped path that the client asked for.
func (c *call) path() string { return c.prefix + c.r.URL.EscapedPath() }

// origin is scheme and host as the client sees them.
func (c *call) origin() string {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.r.Host
}

// onward is the link behind p, or how the answer says that there is none; at turns an index of the
// view into the parameters of the page that begins there.
func (c *call) onward(p *page, end string, at func(index int) map[string]any) any {
	if v := c.param("end"); v != "" {
		end = v
	}
	if v, ok := c.strikes("lost"); ok && !p.last() {
		return nothing(v)
	}
	if v, ok := c.strikes("cycle"); ok {
		back := atoi(v, 1)
		if back == 1 {
			return c.link(nil)
		}
		return c.link(at(max(p.start-(back-1)*p.limit, 0)))
	}
	if _, ok := c.strikes("wrong"); ok {
		return 42
	}
	if p.last() && !p.empty && end != "always" {
		return nothing(end)
	}
	change := at(p.end)
	if p.empty {
		change["salt"] = c.world.serial()
	}
	return c.link(change)
}
