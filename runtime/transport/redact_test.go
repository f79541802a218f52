package transport

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// canaries are secrets with everything that encodings change.
var canaries = []string{
	"plain-canary-1", "a/b+c=d&e f?%", `quo"te\back` + "\ttab", "ümläut-€-geheim", "<tag>&amp;", "p@ss:w0rd/with+many=signs~", "abc", "-----\x01ctl",
}

func TestRedactorFindsEveryForm(t *testing.T) {
	for _, secret := range canaries {
		var r Redactor
		r.Add(secret)
		marshalled, _ := json.Marshal(secret)
		var unescaped bytes.Buffer
		e := json.NewEncoder(&unescaped)
		e.SetEscapeHTML(false)
		if err := e.Encode(secret); err != nil {
			t.Fatal(err)
		}
		for name, form := range map[string]string{
			"plain": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "query with %20": strings.ReplaceAll(url.QueryEscape(secret), "+", "%20"),
			"lower hex": lower(url.QueryEscape(secret)), "URL in a URL": url.QueryEscape(url.QueryEscape(secret)),
			"JSON": string(marshalled), "JSON without HTML escapes": unescaped.String(), "Go": strconv.Quote(secret), "HTML": html.EscapeString(secret),
			"URL": (&url.URL{Path: "/" + secret, RawQuery: url.Values{"k": {secret}}.Encode()}).String(),
		} {
			text := "before " + form + " after"
			got := r.String(text)
			if strings.Contains(got, form) || !strings.Contains(got, Mask) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Errorf("%q, %s: %q is left in %q", secret, name, form, got)
			}
		}
		if len(secret) < minBase64 {
			continue
		}
		for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
			if got := r.String("x " + enc.EncodeToString([]byte(secret)) + " y"); got != "x *** y" {
				t.Errorf("%q in base64 becomes %q", secret, got)
			}
		}
		encodings := []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding}
		for _, enc := range encodings {
			for before := range 7 {
				for after := range 4 {
					around := func(s string) string { return strings.Repeat("u", before) + s + strings.Repeat("z", after) }
					inside := map[string]string{"": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "JSON": inJSON(secret, true)}
					for name, in := range inside {
						form := enc.EncodeToString([]byte(around(in)))
						if got := r.String("x " + form); !strings.Contains(got, Mask) || shown(got, in) {
							t.Errorf("%q, %s, after %d and before %d bytes: %q becomes %q", secret, name, before, after, form, got)
						}
					}
					for _, outer := range encodings {
						twice := outer.EncodeToString([]byte(around(enc.EncodeToString([]byte(around(secret))))))
						if got := r.String("x " + twice); !strings.Contains(got, Mask) {
							t.Errorf("%q, twice in base64 after %d and before %d bytes: %q is shown", secret, before, after, got)
						}
					}
				}
			}
		}
	}
}

// lower turns %2F into %2f.
func lower(s string) string {
	return regexp.MustCompile("%..").ReplaceAllStringFunc(s, strings.ToLower)
}

// mixed percent-encodes s: which bytes stay raw, and the case of the digits, is drawn by lot.
func mixed(s string, lot *rand.Rand) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ' && lot.IntN(2) == 0:
			b.WriteByte('+')
		case c != '%' && c < 0x80 && lot.IntN(2) == 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, []string{"%%%02x", "%%%02X"}[lot.IntN(2)], c)
		}
	}
	return b.String()
}

func TestRedactorFindsAnyPercentEncoding(t *testing.T) {
	lot := rand.New(rand.NewPCG(1, 2))
	for _, secret := range append([]string{"s3/kr+t Val\"ü&9=zz", "a b c d", "a%2Fb%2fc"}, canaries...) {
		var r Redactor
		r.Add(secret)
		for range 50 {
			once := mixed(secret, lot)
			twice := mixed(once, lot)
			inJSON, _ := json.Marshal(once)
			inLog := strconv.Quote(string(inJSON))
			for _, form := range []string{once, twice, string(inJSON), inLog, html.EscapeString(once)} {
				got := r.String("k=" + form + "&x=1")
				middle, _ := strings.CutSuffix(strings.TrimPrefix(got, "k="), "&x=1")
				if strings.Trim(middle, `\"`) != Mask {
					t.Fatalf("%q as %q: %q", secret, form, got)
				}
			}
		}
	}
}

func TestRedactorMasksWhatIsCut(t *testing.T) {
	var r Redactor
	r.Add("a-long-secret-that-is-cut")
	r.AddPassing("page-token-0123456789")
	for text, want := range map[string]string{
		"the token a-long-sec… is":        "the token ***… is",
		`"page-token-01…"`:                `"***…"`,
		"a-lo… and":                       "a-lo… and",
		"page%2Dtoken-0123456789&x=1":     "***&x=1",
		"a-long-secret-that is something": "a-long-secret-that is something",
	} {
		if got := r.String(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	for i := range passing {
		r.AddPassing(fmt.Sprintf("another-%04d-token", i))
	}
	if got := r.String("page-token-0123456789 another-0000-token another-0511-token"); got != "page-token-0123456789 *** ***" {
		t.Error(got)
	}
}

// shown says whether any 4 bytes of secret can be decoded from what is left of a base64 text.
func shown(left, secret string) bool {
	for _, piece := range strings.Split(strings.TrimPrefix(left, "x "), Mask) {
		piece = strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(piece)
		for cut := range 4 {
			if cut > len(piece) {
				break
			}
			p := piece[cut:]
			b, _ := base64.RawStdEncoding.DecodeString(p[:len(p)/4*4])
			for i := 0; i+4 <= len(secret); i++ {
				if bytes.Contains(b, []byte(secret[i:i+4])) {
					return true
				}
			}
		}
	}
	return false
}

func TestRedactorLeavesTheRest(t *testing.T) {
	var none *Redactor
	var r Redactor
	for _, s := range []string{"", "a", "ab"} {
		r.Add(s)
	}
	text := "a text ab with nothing in it"
	if r.String(text) != text || none.String(text) != text || r.Holds(text) {
		t.Error("changed a text without secrets")
	}
	none.Add("x")
	b := []byte(text)
	if got := r.Bytes(b); &got[0] != &b[0] {
		t.Error("copied")
	}
	r.Add("secret")
	r.Add("secret-and-more")
	if got := r.String("secret-and-more secret"); got != "*** ***" {
		t.Errorf("%q", got)
	}
	r.Add("trimmed-one\n")
	if got := r.String("a trimmed-one b"); got != "a *** b" {
		t.Errorf("%q", got)
	}
	r.Add("-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n")
	if got := r.String("line MIIEvQIBADANBgkqhkiG9w0B end"); got != "line *** end" {
		t.Errorf("%q", got)
	}
}

func TestRedactWriter(t *testing.T) {
	var r Redactor
	r.Add("s3cret-value")
	whole := "first s3cret-value line\nsecond\r third s3cret-value and no end s3cret-value"
	for size := 1; size <= len(whole); size++ {
		var out bytes.Buffer
		w := r.Writer(&out)
		for i := 0; i < len(whole); i += size {
			n, err := w.Write([]byte(whole[i:min(i+size, len(whole))]))
			if err != nil || n != min(size, len(whole)-i) {
				t.Fatalf("%d %v", n, err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), strings.ReplaceAll(whole, "s3cret-value", Mask); got != want {
			t.Fatalf("in pieces of %d: %q", size, got)
		}
	}
}

func TestRedactorWhileSecretsCome(t *testing.T) {
	var r Redactor
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			r.Add(fmt.Sprintf("token-%04d-x", i))
		}
	}()
	for range 200 {
		r.String("token-0000-x and more")
	}
	<-done
	if got := r.String("token-0199-x"); got != Mask {
		t.Error(got)
	}
}

func FuzzRedactor(f *testing.F) {
	for _, s := range canaries {
		f.Add(s, "before", "after")
	}
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		if len(secret) < MinSecret {
			return
		}
		var r Redactor
		r.Add(secret)
		if got := r.String(before + secret + after); strings.Contains(got, secret) && !strings.Contains(Mask, secret) && !strings.Contains(secret, "*") {
			t.Errorf("%q is left in %q", secret, got)
		}
	})
}

func BenchmarkRedactor(b *testing.B) {
	var r Redactor
	for _, s := range canaries {
		r.Add(s)
	}
	line := strings.Repeat(`level=INFO msg="page" stream=alerts pages=12 records=12000 `, 4)
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		r.String(line)
	}
}
