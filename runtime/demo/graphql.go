package demo

import (
	"encoding/json"
	"net/http"
	"strings"
)

var graphqlEndpoints = []endpoint{
	{Method: "POST", Path: "/graphql", Group: groupToken,
		Example: `-H 'Content-Type: application/json' -d '{"query":"query($first:Int,$after:String){indicators(first:$first,after:$after){…}}","variables":{"first":50}}' /graphql`,
		Doc:     "GraphQL connection: variables first and after; data.indicators.edges[].node, pageInfo.hasNextPage and endCursor (always there), totalCount. Faults hidden and multi put the error into errors[] with data null.", serve: (*call).graphql},
}

func (c *call) graphql() {
	var v map[string]json.RawMessage
	if raw, ok := c.body["variables"]; ok {
		if json.Unmarshal(raw, &v) != nil {
			c.problem(http.StatusBadRequest, "variables is not an object")
			return
		}
	}
	if !strings.Contains(text(c.body["query"]), "indicators") {
		c.reply(http.StatusOK, object{{"data", nil}, {"errors", []object{{{"message", "Cannot query: only the field indicators exists"}}}}})
		return
	}
	c.body = v
	if v == nil {
		c.body = map[string]json.RawMessage{}
	}
	p, ok := c.paged("after", "first", "id")
	if !ok {
		return
	}
	edges := make([]object, len(p.recs))
	for i, r := range p.recs {
		raw := c.encoded(placeAt(p.order, p.recs, i+1))
		edges[i] = object{{"cursor", raw}, {"node", r.raw}}
	}
	end := c.next(p, "always")
	c.reply(http.StatusOK, object{{"data", object{{"indicators", object{
		{"totalCount", c.total(p)}, {"edges", edges},
		{"pageInfo", object{{"hasNextPage", c.more(p)}, {"endCursor", end}}},
	}}}}})
}
