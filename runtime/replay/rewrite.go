package replay

import (
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// rewrite is the case with the files in changed; new requests stand before their responses, new
// records before the verdict or at the end.
func (k *Case) rewrite(changed map[string][]byte) []byte {
	out := &txtar.Archive{Comment: k.archive.Comment}
	add := func(name string, data []byte) {
		out.Files = append(out.Files, txtar.File{Name: name, Data: lined(data)})
	}
	has := map[string]bool{}
	for _, f := range k.archive.Files {
		has[f.Name] = true
	}
	var records []string
	for name := range changed {
		if !has[name] && name != fileVerdict && !strings.HasSuffix(name, suffixRequest) {
			records = append(records, name)
		}
	}
	slices.Sort(records)
	for _, f := range k.archive.Files {
		if n, ok := strings.CutSuffix(f.Name, suffixResponse); ok && !has[n+suffixRequest] && changed[n+suffixRequest] != nil {
			add(n+suffixRequest, changed[n+suffixRequest])
		}
		if f.Name == fileVerdict {
			for _, name := range records {
				add(name, changed[name])
			}
			records = nil
		}
		if text, ok := changed[f.Name]; ok {
			f.Data = text
		}
		add(f.Name, f.Data)
	}
	for _, name := range records {
		add(name, changed[name])
	}
	if text, ok := changed[fileVerdict]; ok && !has[fileVerdict] {
		add(fileVerdict, text)
	}
	return txtar.Format(out)
}
