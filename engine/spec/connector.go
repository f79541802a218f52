package spec

import (
	"fmt"
	"regexp"
)

var connectorTable = table[Connector]{
	name: "connector",
	what: "a connector",
	keys: []key[Connector]{
		field("connector", "the connector's name: lower-case letters, digits and dashes", textMatching("a name of lower-case letters, digits and dashes", `^[a-z0-9-]+$`), func(c *Connector) *string { return &c.Name }).need(),
		field("format", "the version of the connector format: 1", integerFrom(0), func(c *Connector) *int { return &c.Format }).need(),
		field("title", "what people call it", text, func(c *Connector) *string { return &c.Title }),
		field("docs", "URL of the API's documentation", text, func(c *Connector) *string { return &c.Docs }),
		field("config", "what the user of the connector sets", named("a mapping from names to variables", variableTable.shape(), addVariable), func(c *Connector) *[]*Variable { return &c.Config }),
		field("http", "how requests are sent; a stream may override any part", httpTable.shape(), func(c *Connector) *HTTP { return &c.HTTP }),
		field("hook", "JavaScript file beside the connector; hook.js when not given", text, func(c *Connector) *string { return &c.hookName }),
		field("streams", "the lists that the connector reads, by name", streams, func(c *Connector) *streamList { return &streamList{c} }).need(),
	},
	check: func(r reader, m *mapping, c *Connector) {
		if m.known("format") && c.Format != 1 {
			r.fail(m.at("format"), fmt.Sprintf("format %d is not known", c.Format), "this version reads format 1")
		}
		if m.known("streams") && len(c.Streams) == 0 {
			r.fail(m.at("streams"), "a connector needs at least one stream", "")
		}
		checkAuthHook(r, m.sub("http"), c.HTTP.Auth)
	},
}

// streamList is where the streams of a connector are kept.
type streamList struct{ c *Connector }

var streamName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
