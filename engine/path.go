package engine

// Path is a way down into a JSON document: `data.items`, `hits.hits[*]._source`,
// `query.pages.*`, `['@odata.nextLink']`. The empty path is the document itself (written `$`).
type Path []Step

// StepKind tells the three kinds of step apart.
type StepKind uint8

const (
	StepField StepKind = iota // .name or ['name']
	StepIndex                 // [0], or [-1] counted from the end
	StepAll                   // [*] or .*: every element of an array, every value of an object
)

// Step is one step of a Path.
type Step struct {
	Kind  StepKind
	Field string // with StepField
	Index int    // with StepIndex; negative counts from the end
}

// Root says in which part of an answer a Ref begins.
type Root uint8

const (
	RootBody   Root = iota // body.<path>
	RootHeader             // header.<Name>, case ignored
	RootLink               // link.<rel>, link.<rel>.<attribute>
	RootFirst              // first.<path>: field of the first record as received
	RootLast               // last.<path>: field of the last record as received
	RootMax                // max.<path>: greatest value over the page's records
	RootMin                // min.<path>: least value over the page's records
	RootStatus             // status
)

// Ref is a reference: where a value stands in an answer (format, section 2).
type Ref struct {
	Source string // as written
	Root   Root
	Name   string // header name, or rel of a link
	Attr   string // attribute of a link, "" for its URL
	Path   Path   // below body, first, last, max, min
}
