package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// record is one indicator. A record is immutable once it is in a set: an update replaces it.
type record struct {
	ord      int   // ordinal of its making, from 0
	id       int64 // increases with ord; above 2^53 for every record from bigFrom on
	created  int64 // microseconds since 1970
	updated  int64 // microseconds since 1970
	updateID int64 // increases with updated, new with every change
	revision int   // 0 as made, 1 after the first update, …
	uid      string
	kind     string // field type
	raw      json.RawMessage
}

const (
	bigFrom   = 1000              // ordinal from which ids no longer fit a float64
	bigID     = 9007199254740993  // 2^53 + 1
	smallID   = 100001            // id of ordinal 0
	updateLow = 73000000000000001 // update_id below which no record is, above 2^53
)

// epoch is the creation time of ordinal 0 (2026-01-01T00:00:00Z), in microseconds.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

// idOf is the id of the record made as number ord. Neighbours above bigFrom collapse into one when
// something reads them as float64.
func idOf(ord int) int64 {
	if ord < bigFrom {
		return int64(smallID + ord*3)
	}
	return bigID + int64(ord-bigFrom)
}

func stamp(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
}

var (
	kinds      = []string{"ipv4", "domain", "url", "sha256", "email", "ipv6"}
	severities = []string{"low", "medium", "high", "critical"}
	labels     = []string{"c2", "phishing", "ransomware", "scanner", "botnet", "apt", "dropper", "exfiltration"}
	feeds      = []string{"Abuse Desk", "Honeynet Zürich", "Tōkyō CERT", "Blue Team", "ISAC München", "Spam Trap №5"}
	countries  = []string{"DE", "US", "JP", "BR", "ZA", "NL", "IN"}
	notes      = []string{
		"seen in \"mass\" scans", "Köder-Seite einer Bank", "東京のC2サーバ", "path C:\\temp\\x.exe", "line one\nline two",
		"emoji 🦠 and a tab\there", "plain", "<script>alert(1)</script> & more",
	}
)

// render fills r.raw, which is a function of the seed and r's other fields alone.
func (r *record) render(seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, uint64(r.ord)))
	kind := kinds[rnd.IntN(len(kinds))]
	r.kind = kind
	r.uid = fmt.Sprintf("indicator--%08x-%04x-4%03x-a%03x-%012x",
		rnd.Uint32(), rnd.IntN(1<<16), rnd.IntN(1<<12), rnd.IntN(1<<12), r.ord)
	b := make([]byte, 0, 640)
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, r.id, 10)
	b = appendField(b, "uid", r.uid)
	b = append(b, `,"update_id":`...)
	b = strconv.AppendInt(b, r.updateID, 10)
	b = appendField(b, "type", kind)
	b = appendField(b, "value", observable(kind, rnd))
	b = append(b, `,"confidence":`...)
	b = strconv.AppendInt(b, int64(rnd.IntN(101)), 10)
	b = append(b, `,"score":`...)
	b = append(b, strconv.Itoa(rnd.IntN(10))+"."+strconv.Itoa(rnd.IntN(10))+"0"...) // 1.10 stays 1.10
	b = appendField(b, "severity", severities[rnd.IntN(len(severities))])
	b = append(b, `,"tags":[`...)
	for i := range rnd.IntN(4) {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, labels[rnd.IntN(len(labels))])
	}
	b = append(b, ']')
	b = appendField(b, "note", notes[rnd.IntN(len(notes))])
	b = append(b, `,"source":{"name":`...)
	b = appendString(b, feeds[rnd.IntN(len(feeds))])
	b = append(b, fmt.Sprintf(`,"reliability":"%c","geo":{"country":"%s","lat":%d.%02d00,"lon":-%d.%01d0e0}}`,
		'A'+rune(rnd.IntN(6)), countries[rnd.IntN(len(countries))], rnd.IntN(90), rnd.IntN(100), rnd.IntN(180), rnd.IntN(10))...)
	b = append(b, `,"hits":`...)
	b = strconv.AppendUint(b, rnd.Uint64()>>uint(rnd.IntN(60)), 10) // up to 20 digits
	b = append(b, `,"active":`...)
	b = strconv.AppendBool(b, rnd.IntN(5) > 0)
	b = append(b, `,"expires":null`...)
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, int64(r.revision), 10)
	b = append(b, `,"created_epoch":`...)
	b = strconv.AppendInt(b, r.created/1e6, 10)
	b = appendField(b, "created", stamp(r.created))
	b = appendField(b, "updated", stamp(r.updated))
	r.raw = append(b, '}')
}

func appendField(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	return appendString(append(b, '"', ':'), value)
}

func observable(kind string, r *rand.Rand) string {
	switch kind {
	case "ipv4":
		return fmt.Sprintf("203.0.%d.%d", r.IntN(256), r.IntN(256))
	case "ipv6":
		return fmt.Sprintf("2001:db8::%x:%x", r.IntN(1<<16), r.IntN(1<<16))
	case "domain":
		return fmt.Sprintf("%s-%x.example", labels[r.IntN(len(labels))], r.Uint32())
	case "url":
		return fmt.Sprintf("https://bücher-%x.example/a?b=%d&c=\\u00e9#ü", r.Uint32(), r.IntN(100))
	case "email":
		return fmt.Sprintf("mallory+%d@mail.example", r.IntN(1<<20))
	default:
		return fmt.Sprintf("%016x%016x%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
	}
}
