package runtime

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/lastpage/lastpage/engine"
	"github.com/lastpage/lastpage/engine/rawjson"
	"github.com/lastpage/lastpage/engine/spec"
)

// verdictGone is of a chain that was let go before its end: its values are in no list any more.
const verdictGone = "gone"

// listsValues reports whether the stream's chains are made of lists of values and of nothing that a parent
// or a session tells, so that a list that has changed is followed while a walk is under way.
func (sr *streamRun) listsValues() bool {
	parent, _ := parentOf(sr.spec)
	return parent == "" && sessionPartition(sr.spec) == nil && slices.ContainsFunc(sr.spec.Partitions, func(p *spec.Partition) bool { return p.Values != nil })
}

// valuesHash is that of the lists of values; 0 when they cannot be had.
func (sr *streamRun) valuesHash(ctx context.Context) uint64 {
	h := xxhash.New()
	for _, p := range sr.spec.Partitions {
		for _, v := range p.Values {
			list, err := sr.valuesOf(ctx, v)
			if err != nil {
				return 0
			}
			h.Write(quote(v.Name))
			for _, one := range list {
				h.Write(rawjson.Sorted([]byte{','}, one))
			}
		}
	}
	return h.Sum64() | 1
}

// vanished lets the chains go whose values are in no list any more, and takes up those again whose values
// are back.
func (sr *streamRun) vanished(ctx context.Context) error {
	lists := map[string]map[string]struct{}{}
	for _, name := range sr.ownNames() {
		set := map[string]struct{}{}
		for _, v := range sr.lists[name] {
			set[string(rawjson.Sorted(nil, v))] = struct{}{}
		}
		lists[name] = set
	}
	unread := map[string]bool{} // by base of what is gone: whether its walk had not ended
	var gone []string
	batch := chainWrites{sr: sr}
	err := sr.eachChain(ctx, false, func(row engine.Chain) error {
		values, window, base, err := parseKey(row.Key)
		if err != nil {
			return err
		}
		was := row.Reason == NoticePartitionGone
		switch is := !among(values, lists); {
		case is == was:
			return nil
		case is:
			if _, ok := unread[base]; !ok {
				gone = append(gone, base)
			}
			unread[base] = unread[base] || !row.Done
			if row.Done && window == nil {
				return nil
			}
			if !row.Done {
				row.Done, row.Verdict = true, verdictGone
			}
			row.Reason = NoticePartitionGone
		default:
			if row.Verdict == verdictGone {
				row.Done, row.Verdict = false, ""
			}
			row.Reason = ""
		}
		row.Updated = sr.now()
		return batch.put(ctx, engine.Commit{Chain: row})
	})
	if err != nil {
		return err
	}
	for _, base := range gone {
		how := "was read to its end before and is in no list any more"
		if unread[base] {
			how = "is in no list any more, and its walk had not ended: records of it may be missing"
		}
		sr.notice("", NoticePartitionGone, "the partition "+base+" "+how)
	}
	return batch.flush(ctx)
}

// among reports whether each of a chain's values is in the list of its name, and every list has given one.
func among(values json.RawMessage, lists map[string]map[string]struct{}) bool {
	n := 0
	for k, v := range rawjson.Members(values) {
		name, _ := rawjson.String(k)
		if _, ok := lists[name][string(rawjson.Sorted(nil, v))]; !ok {
			return false
		}
		n++
	}
	return n == len(lists)
}

var (
	// configUse finds where the configuration is read: the name that is, or none where it is read whole or by
	// a name that is computed. The key of a connector file is left out by its colon.
	configUse = regexp.MustCompile(`\bconfig\b(?:\s*\??\.\s*([A-Za-z_$][\w$]*)|\s*(?:\?\.)?\[\s*(?:"([^"]+)"|'([^']+)')\s*\]|(:))?`)
	comment   = regexp.MustCompile(`(?m)(?:^|\s)#[^\n]*`)
)

// uses counts the names of the configuration that a text reads; whole says that it may read any.
func uses(text string, count map[string]int) (whole bool) {
	for _, m := range configUse.FindAllStringSubmatch(text, -1) {
		if name := m[1] + m[2] + m[3]; name != "" {
			count[name]++
		} else if m[4] == "" {
			whole = true
		}
	}
	return whole
}

// onlyListed are the names of the configuration that nothing reads but lists of partition values: what
// they say makes chains, and changes none of their requests.
func (sr *streamRun) onlyListed() map[string]bool {
	read := map[string]int{}
	text := comment.ReplaceAllStringFunc(string(sr.job.Connector.Source), func(s string) string {
		if strings.Contains(s, "${") {
			return s // it may be a part of a string
		}
		return ""
	})
	if uses(text, read) {
		return nil
	}
	if h := sr.connector.Hook; h != nil && uses(h.Text, read) {
		return nil
	}
	listed := map[string]int{}
	seen := map[spec.Pos]bool{} // a list may be an alias of another
	for _, st := range sr.connector.Streams {
		if st.Name == sr.spec.Name && !sr.listsValues() {
			continue // its chains are not listed again while a walk is under way
		}
		for _, p := range st.Partitions {
			for _, v := range p.Values {
				eachExpr(v.List, func(e *spec.Expr) {
					if !seen[e.Pos] {
						seen[e.Pos] = true
						uses(e.Source, listed)
					}
				})
			}
		}
	}
	only := map[string]bool{}
	for name, n := range listed {
		only[name] = n >= read[name]
	}
	return only
}

// eachExpr calls fn with the expressions of a template.
func eachExpr(n *spec.Node, fn func(*spec.Expr)) {
	if n == nil {
		return
	}
	if n.Text != nil {
		for _, p := range n.Text.Parts {
			if p.Expr != nil {
				fn(p.Expr)
			}
		}
	}
	for _, one := range n.List {
		eachExpr(one, fn)
	}
	for _, f := range n.Fields {
		eachExpr(f.Value, fn)
	}
}
