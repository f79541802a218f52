package transport

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
)

// Mask stands where a secret would.
const Mask = "***"

// MinSecret is the least length, in bytes, of a secret that is looked for: shorter ones would tear
// holes into every text.
const MinSecret = 3

// minBase64 is the least length of a secret whose base64 form is looked for inside longer base64
// text; of shorter ones too few characters are certain.
const minBase64 = 5

// maxTwice is the greatest length of a secret that is looked for in base64 of base64.
const maxTwice = 256

// passing is how many of the latest secrets that AddPassing was given are looked for.
const passing = 512

// Redactor removes secrets from texts: as they are, percent-encoded in any way (each byte raw or
// encoded, in either case, a space also as a plus), inside base64 at any alignment, escaped as in JSON,
// Go and HTML, and what these make of one another. Of a text that "…" cuts short, the beginning of a
// secret before it goes too. The time it takes grows with the text alone. The zero value is ready. It is
// safe for use by several goroutines.
type Redactor struct {
	mu      sync.Mutex
	secrets map[string]struct{}
	forms   map[string]struct{}
	latest  []string // ring of the passing ones
	next    int      // place in the ring
	found   atomic.Pointer[[]*automaton]
	any     atomic.Bool
	told    func(string)
}

// Tell makes fn be told each text that AddPassing is given for the first time, or again when 512 others
// have come between. It is called before the first text is.
func (r *Redactor) Tell(fn func(passing string)) { r.told = fn }

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
	r.found.Store(nil)
	r.any.Store(true)
}

// AddPassing makes secret a text that is not shown until 512 others have come after it: the token of a
// page, of which a walk has any number. Base64 of it is not looked for.
func (r *Redactor) AddPassing(secret string) {
	if r == nil || len(secret) < MinSecret {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.secrets[secret]; ok {
		return
	}
	for _, s := range r.latest {
		if s == secret {
			return
		}
	}
	if len(r.latest) < passing {
		r.latest = append(r.latest, secret)
	} else {
		r.latest[r.next] = secret
		r.next = (r.next + 1) % passing
	}
	r.found.Store(nil)
	r.any.Store(true)
	if r.told != nil {
		r.told(secret)
	}
}

// forms lists the texts that are looked for, in every view of a text (views).
func forms(s string) []string {
	out := plainForms(s)
	if len(s) < minBase64 {
		return out
	}
	inner := map[string]struct{}{s: {}, url.QueryEscape(s): {}, url.PathEscape(s): {}}
	for _, html := range []bool{true, false} {
		inner[inJSON(s, html)] = struct{}{}
	}
	for text := range inner { // OAuth's Basic header encodes the secret first (RFC 6749, section 2.3.1)
		out = append(append(out, base64Forms(text)...), base64Ends(text)...)
	}
	if len(s) > maxTwice {
		return out
	}
	for _, once := range base64Forms(s) {
		out = append(out, base64Forms(once)...)
	}
	return out
}

// inJSON is s as it stands between the quotes of a JSON text.
func inJSON(s string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	_ = e.Encode(s) // a string is always written
	return strings.TrimSuffix(b.String(), "\"\n")[1:]
}

// base64Forms are the characters that s determines in a base64 text that holds it, at any alignment.
func base64Forms(s string) []string {
	var out []string
	for offset := range 3 {
		out = append(out, base64At(base64.RawStdEncoding, s, offset), base64At(base64.RawURLEncoding, s, offset))
	}
	return out
}

// base64Ends are the same where s is the end of what was encoded, to the last character and the padding:
// only part of its bits are of s.
func base64Ends(s string) []string {
	var out []string
	for offset := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding, base64.StdEncoding, base64.URLEncoding} {
			out = append(out, e.EncodeToString(append(make([]byte, offset), s...))[(offset*8+5)/6:])
		}
	}
	return out
}

// plainForms is s, and what it is when it is percent-encoded itself.
func plainForms(s string) []string {
	if plain, err := url.PathUnescape(s); err == nil && plain != s && len(plain) >= MinSecret {
		return []string{s, plain}
	}
	return []string{s}
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
	if spans := r.spans([]byte(s)); len(spans) > 0 {
		return string(masked(s, spans))
	}
	return s
}

// Bytes returns b with every secret replaced by Mask: b itself when it holds none.
func (r *Redactor) Bytes(b []byte) []byte {
	if r == nil || len(b) == 0 || !r.any.Load() {
		return b
	}
	if spans := r.spans(b); len(spans) > 0 {
		return masked(b, spans)
	}
	return b
}

// Holds says whether s contains a secret.
func (r *Redactor) Holds(s string) bool {
	return r != nil && s != "" && r.any.Load() && len(r.spans([]byte(s))) > 0
}

// masked is text with Mask in place of each span.
func masked[T string | []byte](text T, spans []extent) []byte {
	out := make([]byte, 0, len(text))
	at := 0
	for _, s := range spans {
		out = append(append(out, text[at:s.from]...), Mask...)
		at = s.to
	}
	return append(out, text[at:]...)
}

// spans are the places of secrets in b, in order and apart.
func (r *Redactor) spans(b []byte) []extent {
	var found []extent
	automata := r.automata()
	for _, v := range views(b) {
		for _, a := range automata {
			a.find(v.text, func(from, to int) { found = append(found, v.source(from, to)) })
		}
	}
	return apart(found)
}

// automata returns what finds the forms: of the lasting secrets, and of the passing ones.
func (r *Redactor) automata() []*automaton {
	if p := r.found.Load(); p != nil {
		return *p
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*automaton
	if len(r.forms) > 0 {
		lasting := newAutomaton()
		for f := range r.forms {
			lasting.add(f)
		}
		list = append(list, lasting.ready())
	}
	if len(r.latest) > 0 {
		short := newAutomaton()
		for _, s := range r.latest {
			for _, f := range plainForms(s) {
				short.add(f)
			}
		}
		list = append(list, short.ready())
	}
	r.found.Store(&list)
	return list
}
