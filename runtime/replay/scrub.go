package replay

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/runtime/transport"
)

// fakes replaces secrets by values that are made up, the same one each time.
type fakes struct {
	pairs    []string // real, fake, …
	known    map[string]bool
	tokenSeq int
	pages    int // tokens of pages
}

func (f *fakes) add(real, fake string) {
	if len(real) < transport.MinSecret || f.known[real] {
		return
	}
	if f.known == nil {
		f.known = map[string]bool{}
	}
	f.known[real] = true
	inJSON := func(s string) string { q := quoted(s); return q[1 : len(q)-1] }
	for _, form := range []func(string) string{
		func(s string) string { return s }, url.QueryEscape, url.PathEscape, inJSON,
		func(s string) string { return strings.ReplaceAll(inJSON(s), "&", `\u0026`) },
		func(s string) string { return strings.ReplaceAll(inJSON(s), "/", `\/`) },
	} {
		f.pairs = append(f.pairs, form(real), form(fake))
	}
}

// pageToken makes up what stands for the token of a page that the connector calls secret. Of a URL it is
// the query that is replaced, or the path where there is none, so that the case can be played: the rest
// of it is no secret.
func (f *fakes) pageToken(token string) {
	if u, err := url.Parse(token); err == nil && (u.Host != "" || strings.HasPrefix(token, "/") || u.RawQuery != "") {
		if token = u.RawQuery; token == "" {
			token = strings.TrimPrefix(u.EscapedPath(), "/")
		}
	}
	if f.known[token] {
		return
	}
	f.pages++
	fake := fmt.Sprintf("token-%d", f.pages)
	if rawjson.Kind([]byte(token)) == '0' && rawjson.Valid([]byte(token)) == nil { // it may stand without quotes
		fake = fmt.Sprint(9_000_000_000 + f.pages)
	}
	f.add(token, fake)
}

// tokens finds the credentials in an answer of a token endpoint or login: the texts that the run keeps
// secret, and those whose names say so.
func (f *fakes) tokens(a *response, redact *transport.Redactor) {
	found := func(name, value, _ string) {
		if f.known[value] || !credential(name) && !redact.Holds(value) || f.made(value) {
			return
		}
		f.tokenSeq++
		f.add(value, fmt.Sprintf("%stoken-%d", madeUp, f.tokenSeq))
	}
	for name, values := range a.header {
		for _, v := range values {
			if !slices.Contains(noise, name) && (credential(name) || redact.String(v) == transport.Mask) {
				found(name, v, "")
			}
		}
	}
	fields(a.body, found)
}

// madeUp is how what stands for a secret begins.
const madeUp = "made-up-"

// made reports whether a value is made up, or holds one that is.
func (f *fakes) made(value string) bool { return strings.Contains(value, madeUp) }

func (f *fakes) text(s string) string {
	if len(f.pairs) == 0 {
		return s
	}
	return strings.NewReplacer(f.pairs...).Replace(s)
}

// scrub removes secrets from a text: known ones are replaced by made-up ones, whatever form of one is
// left by ***.
func (r *Recorder) scrub(b []byte) []byte {
	return r.redact.Bytes([]byte(r.fakes.text(string(b))))
}

func (r *Recorder) scrubText(s string) string { return string(r.scrub([]byte(s))) }

// noise are answer headers that no connector reads.
var noise = []string{
	"Accept-Ranges", "Age", "Alt-Svc", "Cache-Control", "Connection", "Content-Encoding", "Content-Length", "Content-Security-Policy", "Date", "Etag",
	"Expires", "Keep-Alive", "Last-Modified", "Nel", "Permissions-Policy", "Pragma", "Referrer-Policy", "Report-To", "Server", "Set-Cookie",
	"Strict-Transport-Security", "Transfer-Encoding", "Vary", "Via", "X-Content-Type-Options", "X-Frame-Options", "X-Powered-By", "X-Xss-Protection",
}

func (r *Recorder) scrubHeader(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		if slices.Contains(noise, name) || strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "Cf-") {
			continue
		}
		if name == "Content-Type" && strings.HasPrefix(strings.Join(values, ""), "application/json") {
			continue // understood
		}
		for _, v := range values {
			out.Add(name, r.scrubText(v))
		}
	}
	return out
}

// scrubRequest is what a case asks for: the headers that are the API's own and hold no secret.
func (r *Recorder) scrubRequest(s *request) *request {
	out := &request{method: s.method, header: http.Header{}, body: r.scrub(s.body)}
	u := *s.target
	u.User, u.Scheme, u.Host = nil, "", ""
	u.RawQuery = r.scrubText(u.RawQuery)
	if p := r.scrubText(u.EscapedPath()); p != u.EscapedPath() {
		u.RawPath = ""
		if u.Path, u.RawPath = p, ""; !strings.HasPrefix(u.Path, "/") {
			u.Path = "/" + u.Path
		}
	}
	out.target = &u
	for name, values := range s.header {
		if !plumbing[name] && !r.redact.Holds(strings.Join(values, "\n")) {
			out.header[name] = values
		}
	}
	out.text = out.format(out)
	return out
}

func quoted(s string) string { return string(rawjson.AppendString(nil, s)) }

func unquoted(raw []byte) string {
	if s, ok := rawjson.String(raw); ok {
		return s
	}
	return string(raw)
}
