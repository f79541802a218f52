package rawjson

import (
	"fmt"
	"sync"
)

// MaxDepth is how deep arrays and objects may stand in each other, the same as in encoding/json.
const MaxDepth = 10_000

// SyntaxError says where bytes stop being JSON and what is wrong there.
type SyntaxError struct {
	Offset int64 // of the first byte that cannot stand there; the length of the input when it is cut
	Cut    bool  // the input ends before the value does
	Msg    string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Msg) }

var scanners = sync.Pool{New: func() any { return new(Scanner) }}

// Valid checks that b is exactly one JSON value (RFC 8259) in UTF-8, with whitespace around it. The
// escape of a lone surrogate passes; a byte order mark does not. The error is a *SyntaxError.
func Valid(b []byte) error {
	s := scanners.Get().(*Scanner)
	defer scanners.Put(s)
	s.Reset(b)
	defer s.Reset(nil)
	if s.Document(nil) {
		return nil
	}
	return s.Err()
}

// fail notes the first error and returns -1.
func (s *Scanner) fail(i int, msg string) int {
	if s.err == nil {
		s.err = &SyntaxError{Offset: int64(i), Cut: i >= len(s.b), Msg: msg}
	}
	return -1
}

// unexpected notes that the byte at i does not begin or follow what it should.
func (s *Scanner) unexpected(i int, want string) int {
	if i >= len(s.b) {
		return s.fail(len(s.b), "cut: it ends where "+want+" should follow")
	}
	switch c := s.b[i]; {
	case c == 0xEF && i == 0:
		return s.fail(i, "it begins with a byte order mark, which JSON does not allow")
	case c < ' ' || c == 0x7F:
		return s.fail(i, fmt.Sprintf("control character 0x%02x where %s should be", c, want))
	case c >= 0x80:
		return s.fail(i, fmt.Sprintf("byte 0x%02x where %s should be", c, want))
	default:
		return s.fail(i, fmt.Sprintf("%q where %s should be", c, want))
	}
}
