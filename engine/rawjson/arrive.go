package rawjson

// Bytes that are waited for before a look at them.
var firstLook = 4 << 10

const nextLook = 64 // behind a row: the comma, whitespace, and the next row's first byte

// Arriving validates one value, as Document does, while its bytes come: more waits for more of them and
// returns what there is so far, false when that was all. Only rows that are elements of an array are
// read before all has come. When it is false nothing is said of the value: Document has to.
func (s *Scanner) Arriving(more func() ([]byte, bool), w *Want) bool {
	s.b = nil
	for look := firstLook; ; look *= 2 {
		s.Reset(s.b)
		s.more = more
		s.pull(look)
		ok := s.Document(w)
		if ok || !s.err.Cut || len(s.Rows) > 0 || s.more == nil {
			s.more = nil
			return ok
		}
	}
}

// Holds says whether b is what Arriving has read.
func (s *Scanner) Holds(b []byte) bool {
	return len(b) == len(s.b) && len(b) > 0 && &b[0] == &s.b[0]
}

// pull waits until there are n bytes, or all.
func (s *Scanner) pull(n int) {
	for s.more != nil && len(s.b) < n {
		b, ok := s.more()
		if s.b = b; !ok {
			s.more = nil
		}
	}
}

// rest waits for all.
func (s *Scanner) rest() {
	for s.more != nil {
		s.pull(len(s.b) + 1)
	}
}

// reach waits for what follows a row that ends before i: another row's beginning, or, behind the last
// one, all.
func (s *Scanner) reach(i int) {
	if i+nextLook > len(s.b) {
		s.pull(i + nextLook)
	}
	if i = space(s.b, i); i < len(s.b) && s.b[i] != ',' {
		s.rest()
	}
}
