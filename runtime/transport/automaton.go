package transport

import "bytes"

// automaton finds many texts in one pass (Aho and Corasick, "Efficient string matching", 1975). A plus
// and a space are the same to it: a query may write either for a space.
type automaton struct {
	root  [256]int32 // node behind the root by byte, 0: none
	nodes []acNode   // [0] is the root
}

// acNode is what was read when a text, or the beginning of one, ends here. Its children are a list.
type acNode struct {
	b           byte
	child, next int32 // first child, next sibling; 0: none
	fail        int32 // the longest other beginning that ends here too
	depth       int32 // bytes from the root
	found       int32 // length of the longest whole text that ends here, 0: none
}

// minCut is the least length of a secret's beginning that is masked before an ellipsis.
const minCut = 6

const ellipsis = "…"

func newAutomaton() *automaton { return &automaton{nodes: make([]acNode, 1)} }

func fold(c byte) byte {
	if c == '+' {
		return ' '
	}
	return c
}

// add makes text one that is looked for; ready must follow.
func (a *automaton) add(text string) {
	at := int32(0)
	for i := range len(text) {
		c := fold(text[i])
		to := a.step(at, c)
		if to == 0 {
			to = int32(len(a.nodes))
			a.nodes = append(a.nodes, acNode{b: c, next: a.nodes[at].child, depth: int32(i + 1)})
			a.nodes[at].child = to
			if at == 0 {
				a.root[c] = to
			}
		}
		at = to
	}
	a.nodes[at].found = int32(len(text))
}

// step is the child of a node by byte, 0 without.
func (a *automaton) step(at int32, c byte) int32 {
	if at == 0 {
		return a.root[c]
	}
	for n := a.nodes[at].child; n != 0; n = a.nodes[n].next {
		if a.nodes[n].b == c {
			return n
		}
	}
	return 0
}

// ready fills in where to go on when a byte does not fit.
func (a *automaton) ready() *automaton {
	queue := make([]int32, 0, len(a.nodes))
	for n := a.nodes[0].child; n != 0; n = a.nodes[n].next {
		queue = append(queue, n)
	}
	for i := 0; i < len(queue); i++ {
		at := queue[i]
		for n := a.nodes[at].child; n != 0; n = a.nodes[n].next {
			f := a.move(a.nodes[at].fail, a.nodes[n].b)
			a.nodes[n].fail = f
			a.nodes[n].found = max(a.nodes[n].found, a.nodes[f].found)
			queue = append(queue, n)
		}
	}
	return a
}

// move is where c leads from a node.
func (a *automaton) move(at int32, c byte) int32 {
	for {
		if n := a.step(at, c); n != 0 || at == 0 {
			return n
		}
		at = a.nodes[at].fail
	}
}

// find tells each place in text where one of the texts stands, by its ends.
func (a *automaton) find(text []byte, tell func(from, to int)) {
	at := int32(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == ellipsis[0] && a.nodes[at].depth >= minCut && bytes.HasPrefix(text[i:], []byte(ellipsis)) {
			tell(i-int(a.nodes[at].depth), i)
		}
		if at == 0 {
			at = a.root[fold(c)]
		} else {
			at = a.move(at, fold(c))
		}
		if n := int(a.nodes[at].found); n > 0 {
			tell(i+1-n, i+1)
		}
	}
}
