package demo_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/runtime/demo"
)

// client is a naive client of one world: it believes what it is told.
type client struct {
	t     *testing.T
	base  string // URL of the world
	extra string // parameters that every first request carries
	pages int    // answers with status 2xx
	most  int    // pages after which a walk gives up
}

func start(t *testing.T, opt demo.Options) *demo.Server {
	t.Helper()
	s, err := demo.Start(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (c *client) url(path string, q ...string) string {
	u := c.base + path
	for _, p := range append(q, c.extra) {
		if p == "" {
			continue
		}
		if strings.Contains(u, "?") {
			u += "&" + p
		} else {
			u += "?" + p
		}
	}
	return u
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// do makes one request; body "" sends none. It fails the test on anything but an HTTP answer.
func (c *client) do(method, url, body string, header ...string) answer {
	c.t.Helper()
	a, err := c.try(method, url, body, header...)
	if err != nil {
		c.t.Fatal(err)
	}
	return a
}

func (c *client) try(method, url, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if res.StatusCode/100 == 2 {
		c.pages++
	}
	return answer{res.StatusCode, res.Header, text}, err
}

// ok makes one request that must succeed, and decodes its JSON with numbers as text.
func (c *client) ok(method, url, body string, header ...string) (any, http.Header) {
	c.t.Helper()
	if c.most > 0 && c.pages >= c.most {
		c.t.Fatalf("no end after %d pages", c.pages)
	}
	a := c.do(method, url, body, header...)
	if a.status/100 != 2 {
		c.t.Fatalf("%s %s: status %d: %s", method, url, a.status, a.body)
	}
	return c.decode(a.body), a.header
}

func (c *client) decode(body []byte) any {
	c.t.Helper()
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		c.t.Fatalf("%v in %s", err, body)
	}
	return v
}

// at goes down into decoded JSON; nil when something is missing.
func at(v any, path ...string) any {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// ids are the id fields of records as text.
func ids(recs []any) []string {
	out := make([]string, len(recs))
	for i, r := range recs {
		out[i] = fmt.Sprint(at(r, "id"))
	}
	return out
}

func quote(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

var linkNext = regexp.MustCompile(`<([^>]*)>[^<]*rel="next"([^<]*)`)

// next is the URL of rel=next of all Link headers, resolved.
func next(h http.Header, from string) (string, string) {
	m := linkNext.FindStringSubmatch(strings.Join(h["Link"], ", "))
	if m == nil {
		return "", ""
	}
	return resolve(from, m[1]), m[2]
}

func resolve(from, to string) string {
	base, err := url.Parse(from)
	if err != nil {
		return ""
	}
	u, err := base.Parse(to)
	if err != nil {
		return ""
	}
	return u.String()
}

// walker drains the API in one pattern and returns the ids it got, in order.
type walker struct {
	name string
	walk func(c *client) []string
}

func cursorWalker(q string, send func(c *client, token any) (any, http.Header)) func(c *client) []string {
	return func(c *client) []string {
		var out []string
		v, _ := c.ok("GET", c.url("/cursor", "limit=50", q), "")
		for {
			out = append(out, ids(list(at(v, "items")))...)
			token := at(v, "next_cursor")
			if token == nil || token == "" || token == "0" {
				return out
			}
			v, _ = send(c, token)
		}
	}
}

var walkers = []walker{
	{"all", func(c *client) []string {
		v, _ := c.ok("GET", c.url("/all"), "")
		return ids(list(v))
	}},
	{"offset", func(c *client) []string {
		var out []string
		for {
			v, _ := c.ok("GET", c.url("/offset", "limit=50", "offset="+strconv.Itoa(len(out))), "")
			out = append(out, ids(list(at(v, "items")))...)
			if len(out) >= number(c.t, at(v, "total")) {
				return out
			}
		}
	}},
	{"offset in a body", func(c *client) []string {
		var out []string
		for {
			v, _ := c.ok("POST", c.url("/offset"), fmt.Sprintf(`{"limit":50,"offset":%d}`, len(out)))
			out = append(out, ids(list(at(v, "items")))...)
			if at(v, "done") == true {
				return out
			}
		}
	}},
	{"page", func(c *client) []string {
		var out []string
		for n := 1; ; n++ {
			v, _ := c.ok("GET", c.url("/page", "per_page=50", "page="+strconv.Itoa(n)), "")
			out = append(out, ids(list(at(v, "items")))...)
			if n >= number(c.t, at(v, "total_pages")) {
				return out
			}
		}
	}},
	{"page from 0 to the empty page", func(c *client) []string {
		var out []string
		for n := 0; ; n++ {
			v, _ := c.ok("GET", c.url("/page", "first_page=0", "per_page=50", "page="+strconv.Itoa(n)), "")
			if len(list(at(v, "items"))) == 0 {
				return out
			}
			out = append(out, ids(list(at(v, "items")))...)
		}
	}},
	{"range", func(c *client) []string {
		var out []string
		for {
			v, h := c.ok("GET", c.url("/range"), "", "Range", fmt.Sprintf("%d-%d", len(out), len(out)+49))
			out = append(out, ids(list(v))...)
			_, total, _ := strings.Cut(h.Get("Content-Range"), "/")
			if fmt.Sprint(len(out)) == total {
				return out
			}
		}
	}},
	{"string cursor", cursorWalker("", func(c *client, token any) (any, http.Header) {
		return c.ok("GET", c.url("/cursor", "limit=50", "cursor="+url.QueryEscape(token.(string))), "")
	})},
	{"number cursor, zero at the end", cursorWalker("token=number&end=zero", func(c *client, token any) (any, http.Header) {
		return c.ok("GET", c.url("/cursor", "limit=50&token=number&end=zero", "cursor="+token.(json.Number).String()), "")
	})},
	{"object cursor as parameters, null at the end", cursorWalker("token=object&end=null", func(c *client, token any) (any, http.Header) {
		q := url.Values{}
		for k, v := range token.(map[string]any) {
			q.Set(k, fmt.Sprint(v))
		}
		return c.ok("GET", c.url("/cursor", "limit=50&token=object&end=null", q.Encode()), "")
	})},
	{"array cursor in a body, empty at the end", cursorWalker("token=array&end=empty", func(c *client, token any) (any, http.Header) {
		return c.ok("POST", c.url("/cursor"), `{"limit":50,"token":"array","end":"empty","cursor":`+quote(token)+`}`)
	})},
	{"object cursor in a body, updated order", cursorWalker("token=object&sort=-updated", func(c *client, token any) (any, http.Header) {
		return c.ok("POST", c.url("/cursor"), `{"limit":50,"token":"object","sort":"-updated","cursor":`+quote(token)+`}`)
	})},
	{"one-use cursor", cursorWalker("one_use=1", func(c *client, token any) (any, http.Header) {
		return c.ok("GET", c.url("/cursor", "limit=50&one_use=1", "cursor="+url.QueryEscape(token.(string))), "")
	})},
	{"header cursor", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, h := c.ok("GET", c.url("/header-cursor", "limit=50", token), "")
			out = append(out, ids(list(v))...)
			if h.Get("X-Next-Cursor") == "" {
				return out
			}
			token = "cursor=" + url.QueryEscape(h.Get("X-Next-Cursor"))
		}
	}},
	{"slack", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, _ := c.ok("GET", c.url("/slack/list", "limit=50", token), "")
			out = append(out, ids(list(at(v, "messages")))...)
			s := at(v, "response_metadata", "next_cursor")
			if (s == "") == at(v, "has_more").(bool) {
				c.t.Fatalf("next_cursor %v and has_more %v", s, at(v, "has_more"))
			}
			if s == "" {
				return out
			}
			token = "cursor=" + url.QueryEscape(s.(string))
		}
	}},
	{"kubernetes", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, _ := c.ok("GET", c.url("/api/v1/indicators", "limit=50", token), "")
			out = append(out, ids(list(at(v, "items")))...)
			s := at(v, "metadata", "continue")
			if s == nil {
				return out
			}
			token = "continue=" + url.QueryEscape(s.(string))
		}
	}},
	{"link in the body", linkBody("")}, {"relative link", linkBody("url=relative")},
	{"path link", linkBody("url=path")}, {"query link", linkBody("url=query")},
	{"link header", linkHeader("")}, {"link header in lines, relative", linkHeader("link=lines&url=relative")},
	{"link header with results", func(c *client) []string {
		var out []string
		u := c.url("/link-header", "per_page=50&link=sentry")
		for {
			v, h := c.ok("GET", u, "")
			out = append(out, ids(list(v))...)
			to, attr := next(h, u)
			if strings.Contains(attr, `results="false"`) {
				return out
			}
			u = to
		}
	}},
	{"last id, newest first", lastID("")}, {"last id, oldest first", lastID("sort=id")},
	{"since", func(c *client) []string {
		var out []string
		since := ""
		for {
			v, _ := c.ok("GET", c.url("/since", "limit=50", since), "")
			out = append(out, ids(list(at(v, "items")))...)
			if at(v, "more") == false {
				return out
			}
			since = "since=" + url.QueryEscape(at(v, "last").(string))
		}
	}},
	{"point in time", func(c *client) []string {
		v, _ := c.ok("POST", c.url("/indicators/_pit", "keep_alive=1m"), "")
		pit, after := at(v, "id"), ""
		var out []string
		for {
			v, _ := c.ok("POST", c.url("/_search", "rotate=1"), fmt.Sprintf(`{"size":50,"sort":[{"updated":"asc"},{"id":"asc"}],"pit":{"id":%q,"keep_alive":"1m"}%s}`, pit, after))
			pit = at(v, "pit_id")
			hits := list(at(v, "hits", "hits"))
			if len(hits) == 0 {
				break
			}
			for _, h := range hits {
				out = append(out, fmt.Sprint(at(h, "_source", "id")))
			}
			after = `,"search_after":` + quote(at(hits[len(hits)-1], "sort"))
		}
		c.ok("DELETE", c.url("/_pit"), fmt.Sprintf(`{"id":%q}`, pit))
		return out
	}},
	{"graphql", func(c *client) []string {
		var out []string
		after := "null"
		for {
			v, _ := c.ok("POST", c.url("/graphql"), `{"query":"{indicators{edges{node{id}}}}","variables":{"first":50,"after":`+after+`}}`)
			conn := at(v, "data", "indicators")
			for _, e := range list(at(conn, "edges")) {
				out = append(out, fmt.Sprint(at(e, "node", "id")))
			}
			if at(conn, "pageInfo", "hasNextPage") == false {
				return out
			}
			after = quote(at(conn, "pageInfo", "endCursor"))
		}
	}},
	{"delta", func(c *client) []string {
		out, _ := delta(c, c.url("/delta", "$top=50"))
		return out
	}},
	{"polling link", func(c *client) []string {
		out, _ := poll(c, c.url("/api/v1/logs", "limit=50&since=2026-01-01T00:00:00Z"))
		return out
	}},
	{"taxii by token", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, _ := c.ok("GET", c.url(taxii, "limit=50", token), "")
			out = append(out, ids(list(at(v, "objects")))...)
			if at(v, "more") != true {
				return out
			}
			token = "next=" + url.QueryEscape(at(v, "next").(string))
		}
	}},
	{"taxii by time", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, h := c.ok("GET", c.url(taxii, "limit=50&method=time", token), "")
			out = append(out, ids(list(at(v, "objects")))...)
			if at(v, "more") != true {
				return out
			}
			token = "added_after=" + url.QueryEscape(h.Get("X-TAXII-Date-Added-Last"))
		}
	}},
	{"anomali update_id__gt", anomali("update_id__gt")}, {"anomali search_after", anomali("search_after")},
	{"anomali from_update_id", anomali("from_update_id")},
	{"anomali without next", func(c *client) []string {
		var out []string
		last := "0"
		for {
			v, _ := c.ok("GET", c.url("/api/v2/intelligence/", "limit=50&style=none&order_by=update_id&update_id__gt="+last), "")
			objects := list(at(v, "objects"))
			if len(objects) == 0 {
				return out
			}
			out = append(out, ids(objects)...)
			last = at(objects[len(objects)-1], "update_id").(json.Number).String()
		}
	}},
	{"ids and details", func(c *client) []string {
		var out []string
		for from := 0; ; {
			v, _ := c.ok("GET", c.url("/alerts/queries/alerts/v2", "limit=50&offset="+strconv.Itoa(from)), "")
			batch := list(at(v, "resources"))
			if len(batch) == 0 {
				return out
			}
			from += len(batch)
			d, _ := c.ok("POST", c.url("/alerts/entities/alerts/v2"), `{"composite_ids":`+quote(batch)+`}`)
			out = append(out, ids(list(at(d, "resources")))...)
		}
	}},
	{"spotlight", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, _ := c.ok("GET", c.url("/spotlight/combined/vulnerabilities/v1", "limit=50", token), "")
			out = append(out, ids(list(at(v, "resources")))...)
			after := at(v, "meta", "pagination", "after").(string)
			if after == "" {
				return out
			}
			token = "after=" + url.QueryEscape(after)
		}
	}},
	{"scroll and details by GET", func(c *client) []string {
		var out []string
		token := ""
		for {
			v, _ := c.ok("GET", c.url("/devices/queries/devices-scroll/v1", "limit=50", token), "")
			q := url.Values{}
			for _, id := range list(at(v, "resources")) {
				q.Add("ids", id.(string))
			}
			if len(q) > 0 {
				d, _ := c.ok("GET", c.url("/alerts/entities/alerts/v2", q.Encode()), "")
				out = append(out, ids(list(at(d, "resources")))...)
			}
			after := at(v, "meta", "pagination", "offset").(string)
			if after == "" {
				return out
			}
			token = "offset=" + url.QueryEscape(after)
		}
	}},
	{"parents", func(c *client) []string {
		var out []string
		for n := 1; ; n++ {
			v, _ := c.ok("GET", c.url("/projects", "projects=12&per_page=5&page="+strconv.Itoa(n)), "")
			items := list(at(v, "items"))
			if len(items) == 0 {
				return out
			}
			for _, p := range items {
				out = append(out, issues(c, "/projects/"+at(p, "key").(string)+"/issues")...)
			}
		}
	}},
	{"grandparents", func(c *client) []string {
		var out []string
		v, _ := c.ok("GET", c.url("/tenants", "projects=12"), "")
		for _, tenant := range list(v) {
			path := "/tenants/" + at(tenant, "id").(string) + "/projects"
			cursor := ""
			for {
				v, _ := c.ok("GET", c.url(path, "projects=12&limit=2", cursor), "")
				for _, p := range list(at(v, "items")) {
					out = append(out, issues(c, path+"/"+at(p, "key").(string)+"/issues")...)
				}
				if at(v, "next_cursor") == nil {
					break
				}
				cursor = "cursor=" + at(v, "next_cursor").(string)
			}
		}
		return out
	}},
	{"windows", func(c *client) []string {
		var out []string
		v, _ := c.ok("GET", c.url("/all", "sort=created"), "")
		recs := list(v)
		if len(recs) == 0 {
			return nil
		}
		from, to := number(c.t, at(recs[0], "created_epoch")), number(c.t, at(recs[len(recs)-1], "created_epoch"))+1
		const width = 100_000
		for ; from < to; from += width {
			for offset := 0; ; {
				v, _ := c.ok("GET", c.url("/window", fmt.Sprintf("from=%d&to=%d&limit=50&offset=%d", from, from+width, offset)), "")
				items := list(at(v, "items"))
				out = append(out, ids(items)...)
				offset += len(items)
				if len(items) == 0 {
					break
				}
			}
		}
		return out
	}},
	{"export job", func(c *client) []string {
		v, _ := c.ok("POST", c.url("/export", "chunk=50&polls=3"), "")
		job := "/export/" + at(v, "export_uuid").(string)
		for at(v, "status") != "FINISHED" {
			v, _ = c.ok("GET", c.url(job+"/status"), "")
		}
		var out []string
		for _, n := range list(at(v, "chunks_available")) {
			v, _ := c.ok("GET", c.url(fmt.Sprintf("%s/chunks/%v", job, n)), "")
			out = append(out, ids(list(v))...)
		}
		return out
	}},
	{"ndjson", func(c *client) []string {
		var out []string
		token := ""
		for {
			a := c.do("GET", c.url("/ndjson", "limit=50", token), "")
			for line := range bytes.Lines(a.body) {
				out = append(out, fmt.Sprint(at(c.decode(line), "id")))
			}
			if a.header.Get("X-Next-Cursor") == "" {
				return out
			}
			token = "cursor=" + url.QueryEscape(a.header.Get("X-Next-Cursor"))
		}
	}},
	{"csv", func(c *client) []string {
		var out []string
		for n := 1; ; n++ {
			a := c.do("GET", c.url("/csv", "per_page=50&page="+strconv.Itoa(n)), "")
			rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
			if err != nil {
				c.t.Fatal(err)
			}
			if len(rows) == 1 {
				return out
			}
			for _, row := range rows[1:] {
				out = append(out, row[0])
			}
		}
	}},
	{"s3", func(c *client) []string {
		var out []string
		token := ""
		for {
			a := c.do("GET", c.url("/s3/indicators", "list-type=2&max-keys=50", token), "")
			var v struct {
				IsTruncated           bool
				NextContinuationToken string
				Contents              []struct{ Id string }
			}
			if err := xml.Unmarshal(a.body, &v); err != nil {
				c.t.Fatal(err)
			}
			for _, r := range v.Contents {
				out = append(out, r.Id)
			}
			if !v.IsTruncated {
				return out
			}
			token = "continuation-token=" + url.QueryEscape(v.NextContinuationToken)
		}
	}},
	{"oai", func(c *client) []string {
		var out []string
		q := "metadataPrefix=oai_dc&limit=50"
		for {
			a := c.do("GET", c.url("/oai", "verb=ListRecords", q), "")
			var v struct {
				Error string   `xml:"error"`
				IDs   []string `xml:"ListRecords>record>metadata>dc>identifier"`
				Token string   `xml:"ListRecords>resumptionToken"`
			}
			if err := xml.Unmarshal(a.body, &v); err != nil {
				c.t.Fatal(err)
			}
			out = append(out, v.IDs...)
			if v.Token == "" {
				return out
			}
			q = "resumptionToken=" + url.QueryEscape(v.Token)
		}
	}},
	{"mediawiki list", mediawiki("list=allpages&aplimit=50", "allpages")},
	{"mediawiki generator", mediawiki("generator=allpages&gaplimit=50", "pages")},
}

const taxii = "/taxii2/api/collections/a5cffbfe-c0ff-4842-a235-cb3a7a040a37/objects/"

func number(t *testing.T, v any) int {
	t.Helper()
	n, err := strconv.Atoi(fmt.Sprint(v))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func linkBody(q string) func(*client) []string {
	return func(c *client) []string {
		var out []string
		u := c.url("/link-body", "limit=50", q)
		for {
			v, _ := c.ok("GET", u, "")
			out = append(out, ids(list(at(v, "results")))...)
			to, ok := at(v, "next").(string)
			if !ok {
				return out
			}
			u = resolve(u, to)
		}
	}
}

func linkHeader(q string) func(*client) []string {
	return func(c *client) []string {
		var out []string
		u := c.url("/link-header", "per_page=50", q)
		for u != "" {
			v, h := c.ok("GET", u, "")
			out = append(out, ids(list(v))...)
			u, _ = next(h, u)
		}
		return out
	}
}

func lastID(q string) func(*client) []string {
	return func(c *client) []string {
		var out []string
		after := ""
		for {
			v, _ := c.ok("GET", c.url("/last-id", "limit=50", q, after), "")
			out = append(out, ids(list(at(v, "data")))...)
			if at(v, "has_more") == false {
				return out
			}
			after = "starting_after=" + out[len(out)-1]
		}
	}
}

func delta(c *client, u string) (out []string, kept string) {
	for {
		v, _ := c.ok("GET", u, "")
		out = append(out, ids(list(at(v, "value")))...)
		to, ok := at(v, "@odata.nextLink").(string)
		if !ok {
			return out, at(v, "@odata.deltaLink").(string)
		}
		u = to
	}
}

func poll(c *client, u string) (out []string, kept string) {
	for {
		v, h := c.ok("GET", u, "")
		u, _ = next(h, u)
		if len(list(v)) == 0 {
			return out, u
		}
		out = append(out, ids(list(v))...)
	}
}

func anomali(style string) func(*client) []string {
	return func(c *client) []string {
		var out []string
		u := c.url("/api/v2/intelligence/", "limit=50&order_by=update_id&style="+style)
		for {
			v, _ := c.ok("GET", u, "")
			out = append(out, ids(list(at(v, "objects")))...)
			to, ok := at(v, "meta", "next").(string)
			if !ok {
				return out
			}
			if !strings.HasPrefix(to, "/") || !strings.Contains(to, style+"=") {
				c.t.Fatalf("next is %q", to)
			}
			u = resolve(u, to)
		}
	}
}

func issues(c *client, path string) []string {
	var out []string
	for {
		v, _ := c.ok("GET", c.url(path, "projects=12&limit=50&offset="+strconv.Itoa(len(out))), "")
		out = append(out, ids(list(at(v, "items")))...)
		if len(out) >= number(c.t, at(v, "total")) {
			return out
		}
	}
}

func mediawiki(q, where string) func(*client) []string {
	return func(c *client) []string {
		var out []string
		more := url.Values{}
		for {
			v, _ := c.ok("GET", c.url("/mediawiki/api.php", "action=query", q, more.Encode()), "")
			records := at(v, "query", where)
			if m, ok := records.(map[string]any); ok {
				for id := range m {
					out = append(out, id)
				}
			}
			out = append(out, ids(list(records))...)
			token, ok := at(v, "continue").(map[string]any)
			if !ok {
				return out
			}
			for k, v := range token {
				more.Set(k, v.(string))
			}
		}
	}
}

// expected are the ids of a world's records, sorted as text.
func expected(s *demo.Server, world string) []string {
	var out []string
	for _, raw := range s.Records(world) {
		var v struct{ ID json.Number }
		if json.Unmarshal(raw, &v) == nil {
			out = append(out, v.ID.String())
		}
	}
	slices.Sort(out)
	return out
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func TestEveryPatternGivesTheExactSet(t *testing.T) {
	s := start(t, demo.Options{})
	for _, records := range []int{0, 1, 50, 51, 1051} {
		for _, w := range walkers {
			name := fmt.Sprintf("%s/%d", w.name, records)
			t.Run(name, func(t *testing.T) {
				world := url.PathEscape(name)
				if err := s.World(name).Set(demo.Settings{Records: records}); err != nil {
					t.Fatal(err)
				}
				c := &client{t: t, base: s.URL + "/w/" + world, most: 3000}
				if records == 0 { // 0 in Settings is the default
					c.extra = "records=0"
				}
				got := sorted(w.walk(c))
				var want []string
				if records > 0 {
					want = expected(s, name)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%d records (%d different), want %d", len(got), len(slices.Compact(got)), len(want))
				}
			})
		}
	}
}
