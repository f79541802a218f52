package demo

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	texttemplate "text/template"
)

//go:embed front.html
var frontHTML string

//go:embed front.txt
var frontText string

var frontEndpoints = []endpoint{
	{Method: "GET", Path: "/{$}", open: true, serve: (*call).front},
}

// group is a section of the front page.
type group struct {
	Name      string
	Endpoints []endpoint
}

// param documents one parameter of the front page.
type param struct{ Name, Doc string }

// common lists the parameters that endpoints of several groups share.
var common = []param{
	{"limit, per_page, size, first, …", "page size, under the name that the endpoint's style uses; at most 1000"},
	{"sort", "id, created, updated, update_id; -id for descending"},
	{"type, updated_since, updated_after", "filters: the field type; updated at or after; updated after"},
	{"records, seed, ties", "how many records there are, what the generator begins with, how many share a timestamp; 4000, 1 and 1 unless said otherwise"},
	{"run", "the world, when the path does not name it: ?run=mine is /w/mine/"},
	{"fault", "misbehaviour, see below; several are separated by commas"},
	{"auth", "bearer, basic, header, query, cookie, oauth2, login: refuse requests without those credentials"},
	{"quota, quota_per, quota_unit", "a rate limit: so many requests per 1s, told in X-RateLimit-Limit, -Remaining and -Reset (epoch, seconds, milliseconds, http_date, rfc3339); beyond it 429"},
	{"token, end, ttl, one_use, refuse, renew", "tokens: their kind, what stands at the end, how long and how often they are good, how dead ones are refused"},
	{"url, foreign_origin", "links: absolute, path, query or relative; where fault=foreign points"},
	{"encoding, pretty", "encoding=gzip, deflate, deflate-raw or zstd compresses the answer; pretty=1 lays JSON out over lines"},
}

func (c *call) front() {
	var groups []group
	for _, e := range c.api.all {
		if e.Group == "" {
			continue
		}
		at := -1
		for i := range groups {
			if groups[i].Name == e.Group {
				at = i
			}
		}
		if at < 0 {
			groups = append(groups, group{Name: e.Group})
			at = len(groups) - 1
		}
		groups[at].Endpoints = append(groups[at].Endpoints, e)
	}
	data := struct {
		Base, User, Password, Bearer, Key string
		Groups                            []group
		Common                            []param
		Faults                            misdeedList
	}{c.origin() + c.prefix, User, Password, BearerToken, APIKey, groups, common, misdeeds}
	var out bytes.Buffer
	var err error
	kind := "text/plain; charset=utf-8"
	if strings.Contains(c.r.Header.Get("Accept"), "text/html") {
		kind = "text/html; charset=utf-8"
		var t *template.Template
		if t, err = template.New("front").Funcs(template.FuncMap{"curl": c.curl, "plain": plain}).Parse(frontHTML); err == nil {
			err = t.Execute(&out, data)
		}
	} else {
		var t *texttemplate.Template
		if t, err = texttemplate.New("front").Funcs(texttemplate.FuncMap{"curl": c.curl}).Parse(frontText); err == nil {
			err = t.Execute(&out, data)
		}
	}
	if err != nil {
		c.problem(http.StatusInternalServerError, err.Error())
		return
	}
	c.send(http.StatusOK, kind, out.Bytes())
}

// plain reports whether an example is a path that a browser can open.
func plain(example string) bool { return strings.HasPrefix(example, "/") }

// curl turns an example into a command: its last word is a path of this API.
func (c *call) curl(example string) string {
	i := strings.LastIndexByte(example, ' ') + 1
	path := strings.Trim(example[i:], "'")
	base := c.origin()
	if !strings.HasPrefix(path, "/w/") {
		base += c.prefix
	}
	return "curl -s " + example[:i] + "'" + base + path + "'"
}
