package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const groupFormat = "Other formats"

var formatEndpoints = []endpoint{
	{Method: "GET", Path: "/ndjson", Group: groupFormat, Example: "-i /ndjson?limit=50", Doc: "one record a line; the token is in the header X-Next-Cursor, sent back as cursor", serve: (*call).ndjson},
	{Method: "GET", Path: "/csv", Group: groupFormat, Example: "/csv?page=1&per_page=50", Doc: "CSV with a header line: id, uid, type, value, note, created, updated; page and per_page; X-Total-Count", serve: (*call).csv},
	{Method: "GET", Path: "/s3/{bucket}", Group: groupFormat, Example: "/s3/indicators?list-type=2&max-keys=50",
		Doc: "S3 style XML: ListBucketResult with IsTruncated, NextContinuationToken, KeyCount, Contents (Key, Id, Size, ETag, LastModified); continuation-token or start-after", serve: (*call).s3},
	{Method: "GET", Path: "/oai", Group: groupFormat, Example: "/oai?verb=ListRecords&metadataPrefix=oai_dc",
		Doc: "OAI-PMH XML: ListRecords with resumptionToken, which is exclusive: it goes with verb alone. Its element carries completeListSize and cursor, is empty on the last page, and gone when everything fits one. Errors are status 200 with an error element. limit=100 records a page, only with the first request.", serve: (*call).oai},
}

func (c *call) ndjson() {
	p, ok := c.paged("cursor", "limit", "id")
	if !ok {
		return
	}
	c.nextHeader("X-Next-Cursor", p)
	var b []byte
	for _, r := range p.recs {
		b = append(append(b, r.raw...), '\n')
	}
	c.send(http.StatusOK, "application/x-ndjson", b)
}

func (c *call) csv() {
	o, limit, err := c.sorted("id", "per_page")
	n := 1
	if err == nil {
		err = c.integer("page", &n, 1, 1<<30)
	}
	if err != nil {
		c.problem(http.StatusBadRequest, err.Error())
		return
	}
	limit = c.lowered(limit)
	p, ok := c.list(listing{order: o, limit: limit, locate: at((n - 1) * limit), blanks: true})
	if !ok {
		return
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"id", "uid", "type", "value", "note", "created", "updated"})
	for _, r := range p.recs {
		var v struct{ Value, Note string }
		_ = json.Unmarshal(r.raw, &v)
		_ = w.Write([]string{strconv.FormatInt(r.id, 10), r.uid, r.kind, v.Value, v.Note, stamp(r.created), stamp(r.updated)})
	}
	w.Flush()
	c.send(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
}

// contents is one entry of an S3 listing.
type contents struct {
	Key          string
	ID           int64 `xml:"Id"`
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type listBucketResult struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	KeyCount              int
	MaxKeys               int
	IsTruncated           string
	NextContinuationToken string `xml:",omitempty"`
	Contents              []contents
}

func (c *call) s3() {
	if v := c.param("start-after"); v != "" && c.param("continuation-token") == "" {
		id, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(v, "indicators/"), ".json"), 10, 64)
		if err != nil {
			id = 0
		}
		raw, _ := place{key: id, id: id}.encode("")
		c.params.Set("continuation-token", text(raw))
	}
	p, ok := c.paged("continuation-token", "max-keys", "id")
	if !ok {
		return
	}
	out := listBucketResult{Name: c.r.PathValue("bucket"), KeyCount: len(p.recs), MaxKeys: p.limit}
	switch v := c.more(p).(type) {
	case absent, nil:
	default:
		out.IsTruncated = fmt.Sprint(v)
	}
	switch v := c.next(p, "").(type) {
	case absent, nil:
	default:
		out.NextContinuationToken = text(appendJSON(nil, v))
	}
	for _, r := range p.recs {
		out.Contents = append(out.Contents, contents{Key: fmt.Sprintf("indicators/%020d.json", r.id), ID: r.id, LastModified: stamp(r.updated),
			ETag: fmt.Sprintf("%q", fmt.Sprintf("%016x", r.updateID)), Size: len(r.raw), StorageClass: "STANDARD"})
	}
	c.xml(out)
}

func (c *call) xml(v any) {
	text, err := xml.Marshal(v)
	if err != nil {
		c.problem(http.StatusInternalServerError, err.Error())
		return
	}
	c.send(http.StatusOK, "text/xml; charset=utf-8", append([]byte(xml.Header), text...))
}

type oaiPMH struct {
	XMLName      xml.Name   `xml:"http://www.openarchives.org/OAI/2.0/ OAI-PMH"`
	ResponseDate string     `xml:"responseDate"`
	Error        *oaiError  `xml:"error"`
	ListRecords  *oaiRecord `xml:"ListRecords"`
}

type oaiError struct {
	Code string `xml:"code,attr"`
	Text string `xml:",chardata"`
}

type oaiRecord struct {
	Record []oaiItem `xml:"record"`
	Token  *oaiToken `xml:"resumptionToken"`
}

type oaiItem struct {
	Identifier string `xml:"header>identifier"`
	Datestamp  string `xml:"header>datestamp"`
	Title      string `xml:"metadata>dc>title"`
	Type       string `xml:"metadata>dc>type"`
	ID         int64  `xml:"metadata>dc>identifier"`
}

type oaiToken struct {
	Size   string `xml:"completeListSize,attr,omitempty"`
	Cursor int    `xml:"cursor,attr"`
	Text   string `xml:",chardata"`
}

func (c *call) oaiFail(code, message string) {
	c.xml(oaiPMH{ResponseDate: c.clock().UTC().Format(time.RFC3339), Error: &oaiError{code, message}})
}

// oai carries the first request's own arguments in the token, because nothing else comes back.
func (c *call) oai() {
	if v := c.param("verb"); v != "ListRecords" {
		c.oaiFail("badVerb", "only ListRecords is supported")
		return
	}
	first := url.Values{}
	if v := c.param("resumptionToken"); v != "" {
		for _, name := range []string{"metadataPrefix", "from", "until", "set", "limit"} {
			if c.query.Has(name) {
				c.oaiFail("badArgument", "resumptionToken is an exclusive argument")
				return
			}
		}
		token, args, _ := strings.Cut(v, "!")
		b, err := base64.RawURLEncoding.DecodeString(args)
		if err == nil {
			first, err = url.ParseQuery(string(b))
		}
		if err != nil {
			c.oaiFail("badResumptionToken", "not one of ours")
			return
		}
		c.params.Set("token after", token)
		for name, values := range first {
			c.params[name] = values
		}
	} else if c.param("metadataPrefix") != "oai_dc" {
		c.oaiFail("badArgument", "metadataPrefix must be oai_dc")
		return
	} else {
		for _, name := range []string{"limit", "from", "until"} {
			if c.query.Has(name) {
				first.Set(name, c.query.Get(name))
			}
		}
	}
	from, a, err := c.moment("from")
	until, b, bad := c.moment("until")
	if err != nil || bad != nil {
		c.oaiFail("badArgument", "from and until are times")
		return
	}
	o := order{field: "updated"}
	limit, err := c.limit("limit", 100)
	if err != nil {
		c.oaiFail("badArgument", err.Error())
		return
	}
	at, ok := c.take("token after", o)
	if !ok {
		return
	}
	p, ok := c.list(listing{order: o, limit: limit,
		keep:   func(r *record) bool { return (!a || r.updated >= from) && (!b || r.updated <= until) },
		locate: func(v []*record) int { return o.after(v, at.key, at.id) }})
	if !ok {
		return
	}
	if len(p.view) == 0 {
		c.oaiFail("noRecordsMatch", "nothing changed in that time")
		return
	}
	list := &oaiRecord{}
	for _, r := range p.recs {
		var v struct{ Value string }
		_ = json.Unmarshal(r.raw, &v)
		list.Record = append(list.Record, oaiItem{Identifier: "oai:demo:" + r.uid, Datestamp: stamp(r.updated), Title: v.Value, Type: r.kind, ID: r.id})
	}
	if p.start > 0 || !p.last() || p.empty {
		list.Token = &oaiToken{Cursor: p.start}
		if v := c.total(p); v != nil && v != (absent{}) {
			list.Token.Size = fmt.Sprint(v)
		}
		switch v := c.next(p, "").(type) {
		case absent, nil:
			if _, ok := c.strikes("lost"); ok {
				list.Token = nil
			}
		default:
			list.Token.Text = text(appendJSON(nil, v)) + "!" + base64.RawURLEncoding.EncodeToString([]byte(first.Encode()))
		}
	}
	c.xml(oaiPMH{ResponseDate: c.clock().UTC().Format(time.RFC3339), ListRecords: list})
}
