package runtime

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/script"
)

// grounds are what something that is kept between runs stands on: hashes by name. A name is a key of the
// stream (`pagination`), a function of the hook (`hook.next`) or a variable (`config.org`).
type grounds map[string]string

const (
	onHook   = "hook."
	onConfig = "config."
)

// pagingRoles are the functions of a hook that decide what is asked for and where a chain goes on; record
// only makes something of what has come.
var pagingRoles = []string{"next", "request", "sign", "records", "classify"}

// askingRoles are those that change which records the API is asked for.
var askingRoles = []string{"next", "request"}

// asksFor are the parts of a stream that say which records its requests ask for.
var asksFor = []string{"request", "session", "details.request", "http.base_url", "http.query", "http.headers",
	"stream.http.base_url", "stream.http.query", "stream.http.headers"}

// outlined is the hook as parts, nil without one.
func (c *Connector) outlined() *script.Outline {
	c.outlining.Do(func() {
		if h := c.Spec.Hook; h != nil {
			c.outline = script.NewOutline(h.Text)
		}
	})
	return c.outline
}

// Stands is a hash of what stored positions of a stream depend on as it is written in the connector's file
// and its hook: where it differs, a walk begins anew. It is "" for a stream that there is not.
func (c *Connector) Stands(stream string) string {
	st := c.Spec.Stream(stream)
	if st == nil {
		return ""
	}
	return (&bound{job: &Job{Connector: c}, connector: c.Spec, program: c.program}).written(st).hash()
}

// written are the grounds of a stream's positions in the connector's file and its hook.
func (b *bound) written(st *spec.Stream) grounds {
	g := grounds{}
	for _, p := range st.Pieces {
		if p.Place {
			g[p.Name] = p.Hash[:16]
		}
	}
	for _, role := range pagingRoles {
		if name := b.function(st, role); name != "" {
			g[onHook+role] = b.job.Connector.outlined().Of(name).Hash
		}
	}
	return g
}

// reading is what is read of the configuration.
type reading struct {
	names map[string]bool
	any   bool // it may be any variable
}

func (r *reading) add(names []string, any bool) {
	if r.names == nil {
		r.names = map[string]bool{}
	}
	for _, n := range names {
		r.names[n] = true
	}
	r.any = r.any || any
}

func (r *reading) has(name string) bool { return r.any || r.names[name] }

// reads is what parts of a stream, and functions of the hook that it uses, read of the configuration.
func (b *bound) reads(st *spec.Stream, parts func(*spec.Piece) bool, roles []string) (r reading) {
	for i := range st.Pieces {
		if p := &st.Pieces[i]; parts(p) {
			r.add(p.Settings, p.Any)
		}
	}
	for _, role := range roles {
		if name := b.function(st, role); name != "" {
			p := b.job.Connector.outlined().Of(name)
			r.add(p.Config, p.Any)
		}
	}
	return r
}

func asking(p *spec.Piece) bool { return slices.Contains(asksFor, p.Name) }

// parentsRead adds what the requests of the streams read whose records make the stream's chains.
func (b *bound) parentsRead(st *spec.Stream, parts func(*spec.Piece) bool, r *reading) {
	for range b.connector.Streams { // a file with parents in a circle is refused
		name, _ := parentOf(st)
		if st = b.connector.Stream(name); st == nil {
			return
		}
		up := b.reads(st, parts, askingRoles)
		for n := range up.names {
			r.add([]string{n}, false)
		}
		r.add(nil, up.any)
	}
}

// times are the variables of type time and duration, and all others, that a walk's requests and its paging
// read: a walk keeps the value that a relative time had when it began.
func (sr *streamRun) times() []string {
	own := sr.reads(sr.spec, func(p *spec.Piece) bool { return p.Place || p.Name == "details.request" }, pagingRoles)
	var names []string
	for _, v := range sr.connector.Config {
		if own.has(v.Name) {
			names = append(names, v.Name)
		}
	}
	return names
}

// stands are the grounds of the stream's positions: its parts as written, and the values of the
// configuration that those, its chains, its auth and its parents' requests read, relative times as they are
// given. Addresses and secrets may change, and so may the lists that chains are made of, and times that
// requests do not name.
func (sr *streamRun) stands() grounds {
	g := sr.written(sr.spec)
	all := sr.reads(sr.spec, func(*spec.Piece) bool { return true }, pagingRoles)
	sr.parentsRead(sr.spec, func(p *spec.Piece) bool { return asking(p) || p.Name == "partitions" }, &all)
	times, listed := sr.times(), sr.onlyListed()
	for _, v := range sr.connector.Config {
		moves := (v.Type == "time" || v.Type == "duration") && !slices.Contains(times, v.Name)
		if !all.has(v.Name) || listed[v.Name] || v.Secret || v.Type == "url" || moves {
			continue
		}
		if v.Type == "time" {
			g.value(v.Name, sr.config.given[v.Name])
		} else {
			g.value(v.Name, sr.config.values[v.Name])
		}
	}
	return g
}

// asked are the grounds of the stream's bookmarks: the path of its request as it is written, and the values
// of the configuration that say which records requests ask for. Times and durations are not among them,
// as the watermark takes their place, nor are addresses, secrets and the lists that chains are made of.
func (sr *streamRun) asked() grounds {
	g := grounds{}
	for _, p := range sr.spec.Pieces {
		if p.Name == "request.path" || p.Name == "request.url" {
			g[p.Name] = p.Hash[:16]
		}
	}
	all := sr.reads(sr.spec, asking, askingRoles)
	sr.parentsRead(sr.spec, asking, &all)
	lists := map[string]int{}
	for _, p := range sr.spec.Partitions {
		for _, v := range p.Values {
			eachExpr(v.List, func(e *spec.Expr) { uses(e.Source, lists) })
		}
	}
	for _, v := range sr.connector.Config {
		switch {
		case !all.has(v.Name), lists[v.Name] > 0, v.Secret, v.Type == "url", v.Type == "time", v.Type == "duration":
		default:
			g.value(v.Name, sr.config.values[v.Name])
		}
	}
	return g
}

func (g grounds) value(name string, v json.RawMessage) {
	g[onConfig+name] = fmt.Sprintf("%016x", xxhash.Sum64(v))
}

func (g grounds) hash() string {
	h := xxhash.New()
	for _, name := range sortedKeys(g) {
		h.WriteString(name + "=" + g[name] + "\n")
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// marshal writes the grounds for a bookmark.
func (g grounds) marshal() json.RawMessage {
	b, _ := json.Marshal(g) // strings
	return b
}

// groundsOf reads what marshal wrote; nil where nothing was.
func groundsOf(raw json.RawMessage) (g grounds) {
	_ = json.Unmarshal(raw, &g) // none or another layout: nothing is known
	return g
}

// moved are the names of those grounds that are not what they were. With both, a name that is new or gone
// counts, too.
func (g grounds) moved(was grounds, both bool) []string {
	var names []string
	for _, name := range sortedKeys(g) {
		if old, ok := was[name]; ok && old != g[name] || !ok && both {
			names = append(names, name)
		}
	}
	for _, name := range sortedKeys(was) {
		if _, ok := g[name]; !ok && both {
			names = append(names, name)
		}
	}
	return names
}

// changed says what of the names a person has changed.
func changed(names []string) string {
	var words []string
	for _, name := range names {
		if role, ok := strings.CutPrefix(name, onHook); ok {
			words = append(words, "the hook's "+role+"()")
		} else if strings.HasPrefix(name, onConfig) {
			words = append(words, "the value of `"+name+"`")
		} else {
			words = append(words, "the connector's `"+strings.TrimPrefix(name, "stream.")+"`")
		}
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
