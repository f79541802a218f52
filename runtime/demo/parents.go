package demo

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const groupParents = "Parents and windows"

var parentEndpoints = []endpoint{
	{Method: "GET", Path: "/projects", Group: groupParents, Example: "/projects?projects=20",
		Doc: "projects=20 parents (up to 100000): items with key, name, issues; page and per_page, total. Every fifth has no issues.", serve: (*call).projects},
	{Method: "GET", Path: "/projects/{project}/issues", Group: groupParents, Example: "/projects/P-0001/issues?projects=20",
		Doc: "the records of a parent: items, total; offset and limit. Every record has exactly one parent.", serve: (*call).issues},
	{Method: "GET", Path: "/tenants", Group: groupParents, Example: "/tenants?tenants=4", Doc: "tenants=4 grandparents, a bare array with id and name", serve: (*call).tenants},
	{Method: "GET", Path: "/tenants/{tenant}/projects", Group: groupParents, Example: "/tenants/t1/projects", Doc: "the parents of one grandparent: items, next_cursor", serve: (*call).tenantProjects},
	{Method: "GET", Path: "/tenants/{tenant}/projects/{project}/issues", Group: groupParents, Example: "/tenants/t1/projects/P-0001/issues",
		Doc: "the records of a parent, 404 when it is another's", serve: (*call).issues},
}

// family reads how many parents and grandparents there are.
func (c *call) family() (projects, tenants int, ok bool) {
	projects, tenants = 20, 4
	err := c.integer("projects", &projects, 1, 100_000)
	if err == nil {
		err = c.integer("tenants", &tenants, 1, 10_000)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
	}
	return projects, tenants, err == nil
}

func projectKey(i int) string { return fmt.Sprintf("P-%04d", i) }

// slice cuts one page of n things that are not records out, faults included.
func (c *call) slice(n, from, limit int) (a, b int, ok bool) {
	if !c.gate((from+limit-1)/limit+1, from+limit >= n) {
		return 0, 0, false
	}
	a = min(max(from, 0), n)
	return a, min(a+limit, n), true
}

func (c *call) projects() {
	n, _, ok := c.family()
	if !ok {
		return
	}
	limit, err := c.limit("per_page", 100)
	number := 1
	if err == nil {
		err = c.integer("page", &number, 1, 1<<30)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	a, b, ok := c.slice(n, (number-1)*limit, limit)
	if !ok {
		return
	}
	c.reply(http.StatusOK, object{{"items", c.projectObjects(a, b, 1, 0)}, {"total", n}, {"page", number}, {"total_pages", (n + limit - 1) / limit}})
}

// projectObjects makes the parents first+a*step … first+(b-1)*step.
func (c *call) projectObjects(a, b, step, first int) []object {
	n, _, _ := c.family()
	groups := c.set.group(n)
	out := make([]object, 0, b-a)
	for i := a; i < b; i++ {
		k := first + i*step
		out = append(out, object{{"key", projectKey(k)}, {"name", "Projekt № " + strconv.Itoa(k)}, {"issues", len(groups[k])}})
	}
	return out
}

func (c *call) tenants() {
	_, n, ok := c.family()
	if !ok || !c.gate(c.number, true) {
		return
	}
	out := make([]object, n)
	for i := range out {
		out[i] = object{{"id", "t" + strconv.Itoa(i)}, {"name", "Tenant " + strconv.Itoa(i)}}
	}
	c.w.Header().Set("X-Total-Count", strconv.Itoa(n))
	c.reply(http.StatusOK, out)
}

// tenant reads the grandparent from the path.
func (c *call) tenant(tenants int) (int, bool) {
	v := c.r.PathValue("tenant")
	i, err := strconv.Atoi(strings.TrimPrefix(v, "t"))
	if err != nil || v != "t"+strconv.Itoa(i) || i < 0 || i >= tenants {
		c.problem(http.StatusNotFound, "no tenant "+v)
		return 0, false
	}
	return i, true
}

func (c *call) tenantProjects() {
	n, tenants, ok := c.family()
	if !ok {
		return
	}
	t, ok := c.tenant(tenants)
	if !ok {
		return
	}
	limit, err := c.limit("limit", 3)
	from := 0
	if err == nil {
		err = c.integer("cursor", &from, 0, 1<<30)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	own := 0
	if t < n {
		own = (n - t + tenants - 1) / tenants
	}
	a, b, ok := c.slice(own, from, limit)
	if !ok {
		return
	}
	var next any = absent{}
	if b < own {
		next = strconv.Itoa(b)
	}
	c.reply(http.StatusOK, object{{"items", c.projectObjects(a, b, tenants, t)}, {"next_cursor", next}, {"total", own}})
}

func (c *call) issues() {
	n, tenants, ok := c.family()
	if !ok {
		return
	}
	key := c.r.PathValue("project")
	k, err := strconv.Atoi(strings.TrimPrefix(key, "P-"))
	if err != nil || k < 0 || k >= n || projectKey(k) != key {
		c.problem(http.StatusNotFound, "no project "+key)
		return
	}
	if c.r.PathValue("tenant") != "" {
		t, ok := c.tenant(tenants)
		if !ok {
			return
		}
		if k%tenants != t {
			c.problem(http.StatusNotFound, "project "+key+" is another tenant's")
			return
		}
	}
	_, limit, from, err := c.positioned()
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	p, ok := c.list(listing{order: order{field: "id"}, limit: limit, locate: at(from), source: func() []*record { return c.set.group(n)[k] }})
	if ok {
		c.reply(http.StatusOK, object{{"items", p.recs}, {"total", c.total(p)}, {"offset", from}, {"has_more", c.more(p)}})
	}
}
