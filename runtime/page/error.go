package page

// Error says why a body is not a page.
type Error struct {
	Code   string // body, records_path_missing, records_not_array, key_missing
	Msg    string // one sentence: what is wrong and, where it is clear, what to try
	Offset int64  // byte of the body, 0 when the error is not at one place
}

func (e *Error) Error() string { return e.Msg }

// The codes of an Error.
const (
	CodeBody        = "body"                 // not what the connector reads: cut, garbage after it, HTML, not UTF-8
	CodePathMissing = "records_path_missing" // nothing stands at records.path
	CodeNotArray    = "records_not_array"    // something else than a list stands there
	CodeKeyMissing  = "key_missing"          // no record of the page has any of its key fields
)
