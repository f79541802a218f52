package page

import (
	"strings"
	"unicode/utf8"
)

// western says whether a charset is one of the single-byte ones that are read: latin 1 by its names,
// and windows-1252, as which the web reads all of them.
func western(charset string) bool {
	switch strings.ToLower(charset) {
	case "iso-8859-1", "iso_8859-1", "latin1", "l1", "us-ascii", "ascii", "windows-1252", "cp1252":
		return true
	}
	return false
}

// windows1252 holds the characters of the bytes 0x80 to 0x9f.
var windows1252 = [32]rune{
	'€', 0x81, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0x8D, 'Ž', 0x8F,
	0x90, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0x9D, 'ž', 'Ÿ',
}

// fromWestern returns the text as UTF-8.
func fromWestern(body []byte) []byte {
	out := make([]byte, 0, len(body)+len(body)/4)
	for _, c := range body {
		switch {
		case c < utf8.RuneSelf:
			out = append(out, c)
		case c < 0xA0:
			out = utf8.AppendRune(out, windows1252[c-0x80])
		default:
			out = utf8.AppendRune(out, rune(c))
		}
	}
	return out
}

// firstInvalid returns the offset of the first byte that is not UTF-8, the length when all are.
func firstInvalid(body []byte) int64 {
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && n == 1 {
			return int64(i)
		}
		i += n
	}
	return int64(len(body))
}
