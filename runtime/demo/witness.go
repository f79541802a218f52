package demo

import (
	"strconv"
)

// count puts a total (or number of pages, or count to come) the way a fault wants it.
func (c *call) count(fault string, n, left int) any {
	v, ok := c.strikes(fault)
	if !ok {
		return n
	}
	switch v {
	case "high":
		return n + n/10 + 7
	case "low":
		return n * 9 / 10
	case "shrinking":
		return left
	case "changing":
		return n + c.page%3
	case "estimate":
		return (n/1000 + 1) * 1000
	case "atleast":
		return n / 2
	case "null":
		return nil
	case "absent":
		return absent{}
	case "string":
		return strconv.Itoa(n)
	case "zero":
		return 0
	}
	return n
}

// total is the whole count of p's listing.
func (c *call) total(p *page) any { return c.count("total", len(p.view), len(p.view)-p.start) }

// left is the count still to come after p.
func (c *call) left(p *page) any {
	n := len(p.view) - p.end
	return c.count("remaining", n, n)
}

// pages is the number of pages of p's listing.
func (c *call) pages(p *page) any {
	n := (len(p.view) + p.limit - 1) / p.limit
	for _, f := range c.faults {
		if f.name == "empty" && f.from > 0 && f.from == f.to {
			n++
		}
	}
	return c.count("pages", n, n-p.number+1)
}

// more is the flag that says whether more is to come after p.
func (c *call) more(p *page) any { return c.flag("more", !p.last()) }

// done is the flag that says whether p is the end.
func (c *call) done(p *page) any { return c.flag("done", p.last()) }

func (c *call) flag(fault string, b bool) any {
	v, ok := c.strikes(fault)
	if !ok {
		return b
	}
	digit := map[bool]string{true: "1", false: "0"}[b]
	switch v {
	case "lie":
		return !b
	case "true":
		return true
	case "false":
		return false
	case "text":
		return strconv.FormatBool(b)
	case "int":
		return int(digit[0] - '0')
	case "digit":
		return digit
	case "yes":
		return map[bool]string{true: "yes", false: "no"}[b]
	case "null":
		return nil
	case "absent":
		return absent{}
	}
	return b
}
