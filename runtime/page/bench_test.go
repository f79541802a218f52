package page

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine"
)

// flat renders a page of n records of about 250 bytes, as a list API sends it.
func flat(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"ind-%08d","type":"ipv4","value":"10.%d.%d.%d","confidence":%d,"created_at":"2026-01-02T03:04:05Z","updated_at":"2026-03-%02dT%02d:%02d:%02dZ","tags":["scanner","bruteforce"],"source":"feed-%d","score":%d.5,"active":true,"asn":null}`,
			i, i>>16&255, i>>8&255, i&255, i%100, i%28+1, i/3600%24, i/60%60, i%60, i%7, i%10)
	}
	b.WriteString(`],"meta":{"next":"b2Zmc2V0PTEwMDA","total":400000,"more":true}}`)
	return b.Bytes()
}

// nested renders a page of n records of about 2 KB, shaped like STIX objects.
func nested(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"more":true,"next":"MTAwMA","objects":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"indicator","spec_version":"2.1","id":"indicator--%032x","created":"2026-01-02T03:04:05.678Z","modified":"2026-03-02T03:%02d:%02d.678Z","name":"File hash for Poison Ivy variant %d","description":"`, i, i/60%60, i%60, i)
		for range 5 {
			b.WriteString(`This file hash indicates that a sample of \"Poison Ivy\" – a remote access tool – is present on the system. `)
		}
		b.WriteString(`","pattern":"[file:hashes.'SHA-256' = 'ef537f25c895bfa782526529a9b63d97aa631564d5d789c2b765448c8635fb6c']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","labels":["malicious-activity","anonymization"],"kill_chain_phases":[`)
		for k := range 4 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"kill_chain_name":"lockheed-martin-cyber-kill-chain","phase_name":"phase-%d","x":{"order":%d,"weights":[0.1,0.25,1e-3]}}`, k, k)
		}
		b.WriteString(`],"external_references":[`)
		for k := range 4 {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"source_name":"capec","external_id":"CAPEC-%d","url":"https://capec.mitre.org/data/definitions/%d.html"}`, k, k)
		}
		b.WriteString(`],"object_marking_refs":["marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"],"confidence":85,"revoked":false}`)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

func path(s string) engine.Path {
	p, err := engine.ParsePath(s)
	if err != nil {
		panic(err)
	}
	return p
}

func ref(s string) engine.Ref {
	r, err := engine.ParseRef(s)
	if err != nil {
		panic(err)
	}
	return r
}

func refs(all ...string) (out []engine.Ref) {
	for _, s := range all {
		out = append(out, ref(s))
	}
	return out
}

func BenchmarkRead(b *testing.B) {
	var pretty bytes.Buffer
	for i, c := range []byte(flat(1000)) {
		pretty.WriteByte(c)
		if c == ',' && i%3 > 0 || c == '{' {
			pretty.WriteString("\n    ")
		}
	}
	lines := bytes.ReplaceAll(bytes.TrimSuffix(bytes.TrimPrefix(flat(1000), []byte(`{"data":[`)), []byte(`],"meta":{"next":"b2Zmc2V0PTEwMDA","total":400000,"more":true}}`)), []byte(`},{`), []byte("}\n{"))
	for _, c := range []struct {
		name string
		body []byte
		plan *Plan
	}{
		{"flat/split", flat(1000), &Plan{Path: path("data"), HasPath: true}},
		{"flat/split+ids+scalars", flat(1000), &Plan{Path: path("data"), HasPath: true, Keys: []engine.Path{path("id")}, Refs: refs("body.meta.next", "body.meta.total", "body.meta.more")}},
		{"flat/split+ids+scalars+max+field", flat(1000), &Plan{Path: path("data"), HasPath: true, Keys: []engine.Path{path("id")}, Fields: []engine.Path{path("updated_at")}, Refs: refs("body.meta.next", "body.meta.total", "max.updated_at", "last.id")}},
		{"flat100/split+ids+scalars", flat(100), &Plan{Path: path("data"), HasPath: true, Keys: []engine.Path{path("id")}, Refs: refs("body.meta.next", "body.meta.total", "body.meta.more")}},
		{"nested/split", nested(1000), &Plan{Path: path("objects"), HasPath: true}},
		{"nested/split+ids+scalars", nested(1000), &Plan{Path: path("objects"), HasPath: true, Keys: []engine.Path{path("id"), path("modified")}, Refs: refs("body.next", "body.more")}},
		{"pretty/split+ids", pretty.Bytes(), &Plan{Path: path("data"), HasPath: true, Keys: []engine.Path{path("id")}}},
		{"ndjson/split+ids", lines, &Plan{Format: "ndjson", Keys: []engine.Path{path("id")}}},
		{"csv", bytes.Repeat([]byte("ind-0001,10.0.0.1,2026-01-02T03:04:05Z,scanner,feed-3,0.5\n"), 1000), &Plan{Format: "csv", CSV: CSV{Columns: []string{"id", "value", "created_at", "type", "source", "score"}, Quote: true}}},
		{"xml", []byte("<r>" + strings.Repeat("<i><id>ind-0001</id><value>10.0.0.1</value><created_at>2026-01-02T03:04:05Z</created_at></i>", 1000) + "</r>"), &Plan{Format: "xml", Path: path("r.i"), HasPath: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var p Page
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.plan.Read(c.body, "application/json", &p); err != nil {
					b.Fatal(err)
				}
			}
			if len(p.Records) != 1000 && len(p.Records) != 100 {
				b.Fatal(len(p.Records))
			}
		})
	}
}
