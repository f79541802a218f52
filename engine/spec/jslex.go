package spec

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind tells what a token of an expression is.
type tokenKind uint8

const (
	tokName  tokenKind = iota // identifiers and keywords
	tokValue                  // numbers, strings, templates, regular expressions
	tokPunct
)

// token is one token of a JavaScript expression.
type token struct {
	kind tokenKind
	text string
	off  int // byte offset in the text that was read
}

// lexError says where a JavaScript text breaks off.
type lexError struct {
	off int
	msg string
}

func (e *lexError) Error() string { return fmt.Sprintf("byte %d: %s", e.off, e.msg) }

// lexer cuts JavaScript into tokens, well enough to find the brace that closes `${`: strings,
// templates, regular expressions, comments and nested braces hide braces. It does not check
// syntax: package script does.
type lexer struct {
	s      string
	i      int
	tokens []token
}

// expressionEnd reads the expression that begins at s[i] and returns its tokens and the offset of
// the `}` that ends it.
func expressionEnd(s string, i int) ([]token, int, *lexError) {
	l := &lexer{s: s, i: i}
	end, err := l.braces()
	return l.tokens, end, err
}

// braces reads up to the `}` that has no partner and returns its offset.
func (l *lexer) braces() (int, *lexError) {
	depth := 0
	for l.i < len(l.s) {
		start := l.i
		c := l.s[l.i]
		switch {
		case c == '}' && depth == 0:
			return start, nil
		case c == '\'' || c == '"':
			if err := l.str(c); err != nil {
				return 0, err
			}
			l.add(tokValue, start)
		case c == '`':
			if err := l.template(); err != nil {
				return 0, err
			}
			l.add(tokValue, start)
		case strings.HasPrefix(l.s[l.i:], "//"):
			end := strings.IndexByte(l.s[l.i:], '\n')
			if end < 0 {
				return 0, &lexError{start, "the comment hides the end of the expression"}
			}
			l.i += end
		case strings.HasPrefix(l.s[l.i:], "/*"):
			end := strings.Index(l.s[l.i+2:], "*/")
			if end < 0 {
				return 0, &lexError{start, "the comment is not closed"}
			}
			l.i += 2 + end + 2
		case c == '/' && l.regexMayStand():
			if err := l.regex(); err != nil {
				return 0, err
			}
			l.add(tokValue, start)
		case c >= '0' && c <= '9' || c == '.' && l.i+1 < len(l.s) && l.s[l.i+1] >= '0' && l.s[l.i+1] <= '9':
			for l.i < len(l.s) && (nameByte(l.s[l.i]) || l.s[l.i] == '.') {
				l.i++
			}
			l.add(tokValue, start)
		case c < utf8.RuneSelf && nameByte(c) || c >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(l.s[l.i:])
			if c >= utf8.RuneSelf && !unicode.IsLetter(r) {
				l.i += size
				continue
			}
			for l.i < len(l.s) {
				r, size := utf8.DecodeRuneInString(l.s[l.i:])
				if !(r < utf8.RuneSelf && nameByte(byte(r))) && !(r >= utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r))) {
					break
				}
				l.i += size
			}
			l.add(tokName, start)
		case strings.IndexByte(" \t\n\v\f\r", c) >= 0:
			l.i++
		default:
			switch c {
			case '{':
				depth++
			case '}':
				depth--
			}
			l.i++
			for _, long := range []string{"...", "=>", "?."} {
				if strings.HasPrefix(l.s[start:], long) {
					l.i = start + len(long)
					break
				}
			}
			l.add(tokPunct, start)
		}
	}
	return 0, &lexError{len(l.s), "the expression is not closed"}
}

func (l *lexer) add(kind tokenKind, start int) {
	l.tokens = append(l.tokens, token{kind, l.s[start:l.i], start})
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func (l *lexer) str(quote byte) *lexError {
	start := l.i
	for l.i++; l.i < len(l.s); l.i++ {
		switch l.s[l.i] {
		case quote:
			l.i++
			return nil
		case '\\':
			l.i++
		}
	}
	return &lexError{start, "the string is not closed"}
}

// template reads `…${…}…`; the tokens of what is embedded are kept.
func (l *lexer) template() *lexError {
	start := l.i
	for l.i++; l.i < len(l.s); l.i++ {
		switch {
		case l.s[l.i] == '`':
			l.i++
			return nil
		case l.s[l.i] == '\\':
			l.i++
		case strings.HasPrefix(l.s[l.i:], "${"):
			l.i += 2
			l.tokens = append(l.tokens, token{tokPunct, "(", l.i - 2})
			end, err := l.braces()
			if err != nil {
				return err
			}
			l.tokens = append(l.tokens, token{tokPunct, ")", end})
			l.i = end
		}
	}
	return &lexError{start, "the template is not closed"}
}

// regexMayStand reports whether a slash begins a regular expression here, not a division.
func (l *lexer) regexMayStand() bool {
	if len(l.tokens) == 0 {
		return true
	}
	switch last := l.tokens[len(l.tokens)-1]; last.kind {
	case tokValue:
		return false
	case tokName:
		switch last.text {
		case "return", "typeof", "in", "of", "instanceof", "new", "delete", "void", "case", "do", "else":
			return true
		}
		return false
	default:
		return last.text != ")" && last.text != "]" && last.text != "}"
	}
}

func (l *lexer) regex() *lexError {
	start := l.i
	class := false
	for l.i++; l.i < len(l.s); l.i++ {
		switch c := l.s[l.i]; {
		case c == '\\':
			l.i++
		case c == '\n':
			return &lexError{start, "the regular expression is not closed"}
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			for l.i++; l.i < len(l.s) && nameByte(l.s[l.i]); {
				l.i++
			}
			return nil
		}
	}
	return &lexError{start, "the regular expression is not closed"}
}

// freeName is a name that an expression takes from outside, with the member that is read of it.
type freeName struct {
	name   string
	off    int
	member string // of name.member or name?.member, else ""
	at     int    // offset of the member
}

// freeNames lists the names of tokens that are not members, keys of objects, parameters or
// variables of the expression's own.
func freeNames(tokens []token) []freeName {
	own := ownNames(tokens)
	var names []freeName
	for i, t := range tokens {
		if t.kind != tokName || own[t.text] {
			continue
		}
		before, after := "", ""
		if i > 0 && tokens[i-1].kind == tokPunct {
			before = tokens[i-1].text
		}
		if i+1 < len(tokens) && tokens[i+1].kind == tokPunct {
			after = tokens[i+1].text
		}
		if before == "." || before == "?." || after == ":" && (before == "{" || before == ",") {
			continue
		}
		name := freeName{name: t.text, off: t.off}
		if (after == "." || after == "?.") && i+2 < len(tokens) && tokens[i+2].kind == tokName {
			name.member, name.at = tokens[i+2].text, tokens[i+2].off
		}
		names = append(names, name)
	}
	return names
}

// ownNames are the names that an expression declares itself, as parameters or variables.
func ownNames(tokens []token) map[string]bool {
	own := map[string]bool{}
	for i, t := range tokens {
		switch {
		case t.text == "=>" && i > 0 && tokens[i-1].kind == tokName:
			own[tokens[i-1].text] = true
		case t.text == "=>" && i > 0 && tokens[i-1].text == ")":
			for depth, j := 0, i-1; j >= 0; j-- {
				switch {
				case tokens[j].kind == tokPunct && tokens[j].text == ")":
					depth++
				case tokens[j].kind == tokPunct && tokens[j].text == "(":
					depth--
				case tokens[j].kind == tokName:
					own[tokens[j].text] = true
				}
				if depth == 0 {
					break
				}
			}
		case t.kind == tokName && (t.text == "function" || t.text == "catch"):
			for j := i + 1; j < len(tokens) && tokens[j].text != ")"; j++ {
				if tokens[j].kind == tokName {
					own[tokens[j].text] = true
				}
			}
		case t.kind == tokName && (t.text == "let" || t.text == "const" || t.text == "var"):
			if i+1 < len(tokens) && tokens[i+1].kind == tokName {
				own[tokens[i+1].text] = true
			}
		}
	}
	return own
}
