package page

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
)

// formatCase is a body of one format with what comes out of it.
type formatCase struct {
	name, body  string
	contentType string
	pl          *Plan
	records     string
	values      string
	code, fail  string
}

func (c *formatCase) run(t *testing.T, format string) {
	p := new(Page)
	if c.pl == nil {
		c.pl = new(Plan)
	}
	c.pl.Format = format
	err := c.pl.Read([]byte(c.body), c.contentType, p)
	if c.fail != "" {
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Msg, c.fail) || c.code != "" && e.Code != c.code || c.code == "" && e.Code != CodeBody {
			t.Fatalf("error %v, want one with %q", err, c.fail)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := records(p); got != c.records {
		t.Errorf("records %s\n   want %s", got, c.records)
	}
	if got := values(p); got != c.values {
		t.Errorf("values %s\n  want %s", got, c.values)
	}
	if !json.Valid(p.Body) {
		t.Errorf("the body is not JSON: %s", p.Body)
	}
}

func TestNDJSON(t *testing.T) {
	result := &Plan{Path: path("result"), HasPath: true}
	optional := &Plan{Path: path("result"), HasPath: true, Optional: true}
	for _, c := range []formatCase{
		{name: "lines", body: "{\"id\":1}\n{\"id\": 2}\n", pl: &Plan{Refs: refs("last.id", "max.id", "body.id", "body")}, records: `{"id":1}|{"id":2}`, values: "2|2|-|-"},
		{name: "no last line break", body: "1\n2", records: "1|2"},
		{name: "blank lines and CRLF", body: "\r\n1\r\n\n \t\n  2  \r\n\n", records: "1|2"},
		{name: "empty body", body: ""},
		{name: "blank body", body: "\n\n"},
		{name: "escaped line break", body: `{"a":"x\ny"}`, records: `{"a":"x\ny"}`},
		{name: "path", body: "{\"result\":{\"a\":1}}\n{\"x\":0,\"result\":[ 2 ]}", pl: result, records: `{"a":1}|[2]`},
		{name: "path with all", body: "{\"r\":[1,2]}\n{\"r\":[]}\n{\"x\":1}\n{\"r\":[3]}", pl: &Plan{Path: path("r[*]"), HasPath: true}, records: "1|2|3"},
		{name: "path with an index", body: "{\"r\":[1,2]}\n{\"r\":[ 3 ]}", pl: &Plan{Path: path("r[0]"), HasPath: true}, records: "1|3"},
		{name: "path missing on a line", body: "{\"result\":1}\n{\"end\":1}", pl: result, code: CodePathMissing, fail: "at byte 13 (line 2, column 1): it is an object with `end`"},
		{name: "optional path", body: "{\"result\":1}\n{\"end\":1}", pl: optional, records: "1"},
		{name: "cut last line", body: "{\"a\":1}\n{\"a\":", fail: "the body is cut: at byte 13 (line 2, column 6), "},
		{name: "two on a line", body: "{\"a\":1} {\"a\":2}", fail: "something follows the line's value"},
		{name: "over lines", body: "{\"a\":\n1}", fail: "goes on over the end of its line"},
		{name: "bad line", body: "1\n{a:1}\n", fail: "at byte 3 (line 2, column 2)"},
		{name: "not UTF-8", body: "\"\xff\"", fail: "not UTF-8"},
		{name: "HTML", body: "<html></html>", fail: "HTML where ndjson"},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, "ndjson") })
	}
}

func TestCSV(t *testing.T) {
	plain := CSV{Header: true, Quote: true}
	for _, c := range []formatCase{
		{name: "header", body: "id,name\n1,a\n2,\"b,\"\"c\"\"\nd\"\n", pl: &Plan{CSV: plain}, records: `{"id":"1","name":"a"}|{"id":"2","name":"b,\"c\"\nd"}`},
		{name: "CRLF, BOM, no last line break", body: "\xef\xbb\xbfid\r\n007\r\n008", pl: &Plan{CSV: plain}, records: `{"id":"007"}|{"id":"008"}`},
		{name: "only a header", body: "id,name\n", pl: &Plan{CSV: plain}},
		{name: "empty", body: "", pl: &Plan{CSV: plain}},
		{name: "columns", body: "1;2\n3;4\n", pl: &Plan{CSV: CSV{Columns: []string{"a", "b"}, Comma: ";", Quote: true}}, records: `{"a":"1","b":"2"}|{"a":"3","b":"4"}`},
		{name: "columns of the header", body: "x,y,z\n1,2,3\n", pl: &Plan{CSV: CSV{Header: true, Columns: []string{"z", "x"}, Quote: true}}, records: `{"z":"3","x":"1"}`},
		{name: "numbered columns", body: "1,2\n", pl: &Plan{CSV: CSV{Quote: true}}, records: `{"column_1":"1","column_2":"2"}`},
		{name: "unnamed column", body: "a,\n1,2\n", pl: &Plan{CSV: plain}, records: `{"a":"1","column_2":"2"}`},
		{name: "skip and comment", body: "Report\nof today\n# note\na\tb\n#x\n1\t2\n", pl: &Plan{CSV: CSV{Header: true, Quote: true, Comma: "\t", Comment: "#", Skip: 2}}, records: `{"a":"1","b":"2"}`},
		{name: "without quotes", body: "a,b\n\"x,5\" y\r\n\n", pl: &Plan{CSV: CSV{Header: true}}, records: `{"a":"\"x","b":"5\" y"}`},
		{name: "keys and refs", body: "id,t\n2,5\n10,4\n", pl: &Plan{CSV: plain, Keys: []engine.Path{path("id")}, Refs: refs("last.id", "max.id", "body[0].t"), Compare: []func(a, b []byte) int{nil, Numbers}}, records: `{"id":"2","t":"5"}|{"id":"10","t":"4"}`, values: `"10"|"10"|"5"`},
		{name: "records path means nothing", body: "a\n1\n", pl: &Plan{CSV: plain, Path: path("rows"), HasPath: true}, records: `{"a":"1"}`},
		{name: "latin 1", body: "a\ncaf\xe9 \x80\n", contentType: "text/csv; charset=ISO-8859-1", pl: &Plan{CSV: plain}, records: `{"a":"café €"}`},
		{name: "NUL", body: "a\n\x00\n", pl: &Plan{CSV: plain}, records: `{"a":"\u0000"}`},
		{name: "not UTF-8", body: "a\n\xff\n", pl: &Plan{CSV: plain}, fail: "at byte 2 (line 2, column 1) stands 0xff"},
		{name: "ragged", body: "a,b\n1,2\n3\n", pl: &Plan{CSV: plain}, fail: "line 3: 1 fields where there are 2 columns"},
		{name: "ragged after skip", body: "x\na,b\n1,2,3\n", pl: &Plan{CSV: CSV{Header: true, Quote: true, Skip: 1}}, fail: "line 3: 3 fields"},
		{name: "cut in quotes", body: "a,b\n1,\"2", pl: &Plan{CSV: plain}, fail: "line 2"},
		{name: "bare quote", body: "a\nx\"y\n", pl: &Plan{CSV: plain}, fail: "line 2"},
		{name: "column twice", body: "a,b,a\n1,2,3\n", pl: &Plan{CSV: plain}, fail: "fields 1 and 3 of the header are both named `a`"},
		{name: "column unknown", body: "a,b\n1,2\n", pl: &Plan{CSV: CSV{Header: true, Columns: []string{"c"}, Quote: true}}, fail: "no column `c` (it has `a`, `b`)"},
		{name: "HTML", body: "<!doctype html>\n<p>no</p>", pl: &Plan{CSV: plain}, fail: "HTML where csv"},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, "csv") })
	}
}

func TestXML(t *testing.T) {
	s3 := `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b/&#x41;</NextContinuationToken><Delimiter> </Delimiter>
  <Contents><Key>one</Key><Size>1</Size></Contents>
  <Contents><Key>t&lt;wo</Key><Owner/><Tags>
  </Tags></Contents>
</ListBucketResult>
`
	contents := path("ListBucketResult.Contents")
	oai := `<OAI-PMH xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><ListRecords><record><header status="deleted"><identifier>1</identifier></header></record>` +
		`<resumptionToken cursor="0" completeListSize="9">tok</resumptionToken></ListRecords><x xsi:nil="true"/></OAI-PMH>`
	for _, c := range []formatCase{
		{name: "S3", body: s3, pl: &Plan{Path: contents, HasPath: true, Keys: []engine.Path{path("Key")},
			Refs: refs("body.ListBucketResult.IsTruncated", "body.ListBucketResult.NextContinuationToken", "last.Key", "body.ListBucketResult.Delimiter")},
			records: `{"Key":"one","Size":"1"}|{"Key":"t<wo","Owner":"","Tags":""}`, values: `"true"|"a&b/A"|"t<wo"|" "`},
		{name: "OAI-PMH, one record", body: oai, pl: &Plan{Path: path("OAI-PMH.ListRecords.record"), HasPath: true,
			Refs: refs("body.OAI-PMH.ListRecords.resumptionToken.#text", "body.OAI-PMH.ListRecords.resumptionToken['@completeListSize']", "body.OAI-PMH.x", "body.OAI-PMH.ListRecords.record[0].header")},
			records: `{"header":{"@status":"deleted","identifier":"1"}}`, values: `"tok"|"9"|null|{"@status":"deleted","identifier":"1"}`},
		{name: "all of one", body: `<r><a><b>1</b></a></r>`, pl: &Plan{Path: path("r.a[*].b"), HasPath: true}, records: `"1"`},
		{name: "all of two", body: `<r><a><b>1</b></a><c/><a><b>2</b></a></r>`, pl: &Plan{Path: path("r.a[*]"), HasPath: true, Refs: refs("body.r.c", "body")}, records: `{"b":"1"}|{"b":"2"}`, values: `""|{"r":{"a":[{"b":"1"},{"b":"2"}],"c":""}}`},
		{name: "the root is the record", body: `<r a="1">x</r>`, pl: &Plan{Path: path("r"), HasPath: true}, records: `{"@a":"1","#text":"x"}`},
		{name: "mixed content", body: "<r><p>a <b>bold</b> c</p></r>", pl: &Plan{Path: path("r.p"), HasPath: true}, records: `{"b":"bold","#text":"a  c"}`},
		{name: "CDATA and comment", body: "<r><p><![CDATA[<x>&]]><!-- no --></p></r>", pl: &Plan{Path: path("r.p"), HasPath: true}, records: `"<x>&"`},
		{name: "prefixes", body: `<n:r xmlns:n="u"><n:p n:q="1"/></n:r>`, pl: &Plan{Path: path("r.p"), HasPath: true}, records: `{"@q":"1"}`},
		{name: "latin 1", body: "<?xml version='1.0' encoding='ISO-8859-1'?><r><p>caf\xe9</p></r>", pl: &Plan{Path: path("r.p"), HasPath: true}, records: `"café"`},
		{name: "latin 1 by header", body: "<r><p>caf\xe9</p></r>", contentType: "text/xml; charset=latin1", pl: &Plan{Path: path("r.p"), HasPath: true}, records: `"café"`},
		{name: "a root named metadata", body: "<metadata><p/></metadata>", pl: &Plan{Path: path("metadata.p"), HasPath: true}, records: `""`},
		{name: "optional", body: "<r><n/></r>", pl: &Plan{Path: path("r.p"), HasPath: true, Optional: true}},
		{name: "missing", body: "<r><n>1</n></r>", pl: &Plan{Path: path("r.p"), HasPath: true}, code: CodePathMissing, fail: "`r` is an object with `n`"},
		{name: "no path", body: "<r><n>1</n></r>", code: CodePathMissing, fail: "the body is an object with `r`"},

		{name: "cut", body: "<r><p>1</p>", fail: "the body is cut: at line 1, column 12, an element is not closed"},
		{name: "cut in a tag", body: "<r><p", fail: "the body is cut"},
		{name: "wrong close", body: "<r><p></r>", fail: "element <p> closed by </r>"},
		{name: "two roots", body: "<r/><s/>", fail: "a second root element"},
		{name: "text after", body: "<r/>x", fail: "text outside the root element"},
		{name: "no element", body: "<?xml version='1.0'?>", fail: "there is no element"},
		{name: "declared entity", body: `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>`, fail: "invalid character entity &b;"},
		{name: "too deep", body: strings.Repeat("<r>", 1002), fail: "more than 1000 deep"},
		{name: "deep and large", body: strings.Repeat("<r>", 900) + strings.Repeat("x", 1<<20) + strings.Repeat("</r>", 900), fail: "too deep in each other for what they hold"},
		{name: "other encoding", body: "<?xml version='1.0' encoding='koi8-r'?><r/>", fail: "koi8-r is not one of"},
		{name: "not UTF-8", body: "<r>\xff</r>", fail: "invalid UTF-8"},
		{name: "JSON", body: `{"a":1}`, contentType: "application/json; charset=utf-8", fail: "the body is not XML (Content-Type: application/json)"},
		{name: "HTML", body: "<html><head></head></html>", fail: "HTML where xml is expected"},
		{name: "empty", body: "", fail: "the body is empty"},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, "xml") })
	}
}

// TestHeaderAdvice shows what the answer's own words add to an error.
func TestHeaderAdvice(t *testing.T) {
	for _, c := range []struct{ body, contentType, want string }{
		{"<b>x</b>", "text/html; charset=utf-8", "HTML where json is expected: a login, proxy or error page? (Content-Type: text/html)"},
		{"[\"\xe9\"]", "application/json; charset=iso-8859-1", "(the answer declares charset iso-8859-1; JSON must be UTF-8)"},
		{"<!-- x --> <html>", "", "HTML"},
		{"upstream timed out", "text/plain", "the body is not valid JSON: at byte 0, 'u' where a value should be (Content-Type: text/plain)"},
	} {
		var e *Error
		if err := new(Plan).Read([]byte(c.body), c.contentType, new(Page)); !errors.As(err, &e) || !strings.Contains(e.Msg, c.want) {
			t.Errorf("%q: %v, want %q", c.body, err, c.want)
		}
	}
}
