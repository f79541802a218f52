package transport

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf16"
)

// Mask stands where a secret would.
const Mask = "***"

// MinSecret is the least length, in bytes, of a secret that is looked for: shorter ones would tear
// holes into every text.
const MinSecret = 3

// minBase64 is the least length of a secret whose base64 form is looked for inside longer base64
// text; of shorter ones too few characters are certain.
const minBase64 = 5

// Redactor removes secrets from texts: as they are, percent-encoded as a query or a path, inside
// base64 at any alignment, escaped as in JSON, Go and HTML. The zero value is ready. It is safe for
// use by several goroutines.
type Redactor struct {
	mu       sync.Mutex
	secrets  map[string]struct{}
	forms    map[string]struct{}
	replacer atomic.Pointer[strings.Replacer] // nil: to be built
	any      atomic.Bool
}

// Add makes secret a text that is never shown. Shorter ones than MinSecret are ignored.
func (r *Redactor) Add(secret string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.secrets == nil {
		r.secrets, r.forms = map[string]struct{}{}, map[string]struct{}{}
	}
	r.add(secret)
	if t := strings.TrimSpace(secret); t != secret {
		r.add(t)
	}
	if strings.Contains(secret, "\n") { // a key file: its lines appear one by one
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= 20 && !strings.HasPrefix(line, "-----") {
				r.add(line)
			}
		}
	}
}

func (r *Redactor) add(secret string) {
	if len(secret) < MinSecret {
		return
	}
	if _, ok := r.secrets[secret]; ok {
		return
	}
	r.secrets[secret] = struct{}{}
	for _, f := range forms(secret) {
		r.forms[f] = struct{}{}
	}
	r.replacer.Store(nil)
	r.any.Store(true)
}

// forms lists every way in which a secret is looked for.
func forms(s string) []string {
	q, p := url.QueryEscape(s), url.PathEscape(s)
	out := []string{
		s, q, p, lowerHex(q), lowerHex(p), strings.ReplaceAll(q, "+", "%20"),
		url.QueryEscape(q), // a URL within a URL
		html.EscapeString(s),
	}
	if b, err := json.Marshal(s); err == nil { // <, > and & as \u003c
		out = append(out, inner(string(b)), strings.ReplaceAll(inner(string(b)), "/", `\/`))
	}
	for _, quoted := range []string{inner(strconv.Quote(s)), inner(strconv.QuoteToASCII(s)), asciiJSON(s, `\u%04x`), asciiJSON(s, `\u%04X`)} {
		out = append(out, quoted, strings.ReplaceAll(quoted, "/", `\/`))
	}
	if len(s) >= minBase64 {
		for offset := range 3 {
			std := base64At(base64.RawStdEncoding, s, offset)
			out = append(out, std, base64At(base64.RawURLEncoding, s, offset), url.QueryEscape(std))
		}
	}
	return out
}

// asciiJSON is s in a JSON string in which everything beyond ASCII is written with escape.
func asciiJSON(s, escape string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return s
	}
	var out strings.Builder
	for _, r := range inner(string(b)) {
		if r < 0x80 {
			out.WriteRune(r)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&out, escape, u)
		}
	}
	return out.String()
}

func inner(quoted string) string { return quoted[1 : len(quoted)-1] }

// lowerHex turns %2F into %2f.
func lowerHex(s string) string {
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			for j := i + 1; j <= i+2; j++ {
				if b[j] >= 'A' && b[j] <= 'F' {
					b[j] += 'a' - 'A'
				}
			}
			i += 2
		}
	}
	return string(b)
}

// base64At returns the characters of the base64 form that s determines alone when offset bytes
// (0, 1, 2) stand before it in its group of three.
func base64At(e *base64.Encoding, s string, offset int) string {
	text := e.EncodeToString(append(make([]byte, offset), s...))
	return text[(offset*8+5)/6 : (offset+len(s))*8/6]
}

// String returns s with every secret replaced by Mask.
func (r *Redactor) String(s string) string {
	if r == nil || s == "" || !r.any.Load() {
		return s
	}
	return r.compiled().Replace(s)
}

// Bytes returns b with every secret replaced by Mask: b itself when it holds none.
func (r *Redactor) Bytes(b []byte) []byte {
	if r == nil || len(b) == 0 || !r.any.Load() {
		return b
	}
	s := string(b)
	if t := r.compiled().Replace(s); t != s {
		return []byte(t)
	}
	return b
}

// Holds says whether s contains a secret.
func (r *Redactor) Holds(s string) bool { return r.String(s) != s }

// compiled returns the replacer of all forms: the longest form that fits at a place wins.
func (r *Redactor) compiled() *strings.Replacer {
	if c := r.replacer.Load(); c != nil {
		return c
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, 0, len(r.forms))
	for f := range r.forms {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	pairs := make([]string, 0, 2*len(list))
	for _, f := range list {
		pairs = append(pairs, f, Mask)
	}
	c := strings.NewReplacer(pairs...)
	r.replacer.Store(c)
	return c
}
