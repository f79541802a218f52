package demo

import (
	"encoding/json"
	"net/http"
	"strconv"
)

const groupWorld = "Worlds"

var worldEndpoints = []endpoint{
	{Method: "GET", Path: "/stats", Group: groupWorld, Example: "/w/mine/stats", open: true,
		Doc: "what this world was asked: requests, endpoints, statuses, faults, records, access_tokens, sessions_open, refused, max_concurrent", serve: (*call).stats},
	{Method: "GET", Path: "/expected", Group: groupWorld, Example: "/w/mine/expected", open: true,
		Doc: "every record of this world by id, one a line: what a complete walk must bring", serve: (*call).expected},
	{Method: "PUT", Path: "/{$}", Group: groupWorld, Example: `-X PUT -H 'Content-Type: application/json' -d '{"records":1234,"seed":7,"ties":1,"params":"fault=429@3&ttl=2s"}' /w/mine/`, open: true,
		Doc: "begins a world anew with so many records, and parameters that every request of it gets", serve: (*call).put},
	{Method: "POST", Path: "/reset", Group: groupWorld, Example: "-X POST /w/mine/reset", open: true, Doc: "begins a world anew with the settings it has", serve: (*call).reset},
	{Method: "POST", Path: "/records", Group: groupWorld, Example: `-H 'Content-Type: application/json' -d '{"insert":5,"update":[100001],"delete":[100004]}' /w/mine/records`, open: true,
		Doc: "changes records: how many to insert, which ids to update and to delete", serve: (*call).edit},
}

func (c *call) stats() {
	text, err := json.Marshal(c.world.Stats())
	if err != nil {
		c.problem(http.StatusInternalServerError, err.Error())
		return
	}
	c.send(http.StatusOK, "application/json", append(text, '\n'))
}

func (c *call) expected() {
	if err := c.prepare(); err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	var b []byte
	for _, r := range c.set.view(order{field: "id"}) {
		b = append(append(b, r.raw...), '\n')
	}
	c.send(http.StatusOK, "application/x-ndjson", b)
}

func (c *call) put() {
	var s Settings
	d := json.NewDecoder(http.MaxBytesReader(c.w, c.r.Body, 1<<20))
	d.DisallowUnknownFields()
	err := d.Decode(&s)
	if err == nil {
		err = c.world.Set(s)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	c.send(http.StatusOK, "application/json", []byte("{}\n"))
}

func (c *call) reset() {
	c.world.Reset()
	c.send(http.StatusOK, "application/json", []byte("{}\n"))
}

func (c *call) edit() {
	insert := 0
	err := c.prepare()
	if err == nil {
		err = c.integer("insert", &insert, 0, 100_000)
	}
	var update, remove []int64
	if err == nil {
		update, err = c.numbers("update")
	}
	if err == nil {
		remove, err = c.numbers("delete")
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	fresh := c.set.insert(insert)
	updated, deleted := c.set.modify(update, false), c.set.modify(remove, true)
	ids := make([]string, len(fresh))
	for i, r := range fresh {
		ids[i] = strconv.FormatInt(r.id, 10)
	}
	c.reply(http.StatusOK, object{{"inserted", ids}, {"updated", updated}, {"deleted", deleted}})
}

// numbers reads a list of ids from the JSON body.
func (c *call) numbers(name string) ([]int64, error) {
	raw, ok := c.body[name]
	if !ok {
		return nil, nil
	}
	var out []int64
	err := json.Unmarshal(raw, &out)
	return out, err
}
