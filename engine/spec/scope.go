package spec

import "slices"

// Helpers lists the functions that every expression may call (format, section 2).
var Helpers = []string{"param", "match", "time", "add", "sha256", "hmac_sha256", "base64", "base64url", "json", "uuid"}

var (
	configNames   = []string{"config", "now", "run"}
	tokenNames    = append(slices.Clone(configNames), "token")
	chainNames    = []string{"config", "watermark", "partition", "window", "session", "now", "run"}
	requestNames  = []string{"config", "watermark", "partition", "window", "page", "session", "memo", "now", "run"}
	detailsNames  = append(slices.Clone(requestNames), "ids")
	responseNames = append(slices.Clone(requestNames), "status", "headers", "body", "link", "request", "records")
	recordNames   = append(slices.Clone(responseNames), "record")
)

// Names lists the data names that an expression of the scope may use, in the order of the format.
// The slice must not be changed.
func (s Scope) Names() []string {
	switch s {
	case ScopeDetails:
		return detailsNames
	case ScopeResponse:
		return responseNames
	case ScopeRecord:
		return recordNames
	case ScopeConfig:
		return configNames
	case ScopeToken:
		return tokenNames
	case ScopeChain:
		return chainNames
	}
	return requestNames
}

// members lists the parts of the data names whose parts are fixed. `config` and `partition` have
// those that the file declares.
var members = map[string][]string{
	"window":  {"from", "to"},
	"page":    {"index", "token", "offset", "number", "limit"},
	"session": {"id", "body"},
	"run":     {"id"},
	"request": {"url", "query"},
	"records": {"count", "first", "last"},
}

// scriptNames are names of JavaScript itself that begin an expression which looks like a plain
// dotted name, such as `Math.PI` or `null`.
var scriptNames = []string{"true", "false", "null", "undefined", "NaN", "Infinity", "this", "Math", "JSON", "Number", "String", "Boolean",
	"Array", "Object", "Date", "RegExp", "BigInt", "Symbol", "Map", "Set", "Error", "globalThis", "parseInt", "parseFloat", "isNaN", "isFinite",
	"encodeURIComponent", "decodeURIComponent", "encodeURI", "decodeURI"}
