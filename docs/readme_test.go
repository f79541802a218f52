package docs_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lastpage/lastpage/engine/spec"
	"github.com/lastpage/lastpage/runtime/demo"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

// blocks are the fenced blocks of one language in a text.
func blocks(text, language string) []string {
	var list []string
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		if m[1] == language {
			list = append(list, m[2])
		}
	}
	return list
}

// build compiles the command.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "runner")
	cmd := exec.Command("go", "build", "-o", bin, "./cmd/runner")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// call runs the command in a folder and returns its exit code, records and messages.
func call(t *testing.T, dir, bin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, msg bytes.Buffer
	cmd := exec.CommandContext(t.Context(), bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &msg
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Fatal(err)
		}
	}
	return cmd.ProcessState.ExitCode(), out.String(), msg.String()
}

// TestReadme does what the README says, with the command as it is built here.
func TestReadme(t *testing.T) {
	bin := build(t)
	t.Run("first command", func(t *testing.T) { firstCommand(t, bin) })
	t.Run("connector", func(t *testing.T) { readmeConnector(t, bin) })
}

// firstCommand runs the README's first command as a shell would, and then twice against a
// server that stays: the second run goes on where the first one ended.
func firstCommand(t *testing.T, bin string) {
	text := read(t, "README.md")
	commands := blocks(text, "sh")
	first, ok := strings.CutPrefix(strings.TrimSpace(commands[0]), "go run ./cmd/runner ")
	if !ok {
		t.Fatalf("the first command is %q", commands[0])
	}
	server, err := demo.Start(t.Context(), demo.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	alone, twice := t.TempDir(), t.TempDir()
	for n, c := range []struct{ dir, more string }{{alone, ""}, {twice, " --set base_url=" + server.URL}, {twice, " --set base_url=" + server.URL}} {
		code, _, msg := call(t, c.dir, "sh", "-c", `exec "$0" `+first+c.more, bin)
		rows := strings.Split(strings.TrimSpace(msg), "\n")
		last := rows[len(rows)-1]
		if code != 0 || !strings.HasPrefix(last, "complete, proved") {
			t.Fatalf("run %d: exit %d\n%s", n+1, code, msg)
		}
		if n == 0 && !strings.Contains(text, last) {
			t.Errorf("the README does not show what the run says: %s", last)
		}
	}
	for _, c := range commands[1:] {
		for _, row := range strings.Split(strings.TrimSpace(c), "\n") {
			if !strings.HasPrefix(row, "go run ./cmd/runner ") && !strings.HasPrefix(row, "make ") {
				t.Errorf("no test runs %q", row)
			}
		}
	}
}

// readmeConnector runs the README's connector, with the faults that the text names.
func readmeConnector(t *testing.T, bin string) {
	dir := t.TempDir()
	text := read(t, "README.md")
	connector := blocks(text, "yaml")[0]
	faults := regexp.MustCompile(`--set '(faults=[^']+)'`).FindStringSubmatch(text)
	if n := strings.Count(connector, "\n"); n != 20 || faults == nil {
		t.Fatalf("the connector has %d lines; faults %q", n, faults)
	}
	fallback := regexp.MustCompile(`(?m)^ *fallback: .*\n`)
	for _, c := range []struct {
		name, yaml, fault, verdict string
		code, records              int
	}{
		{"plain", connector, "faults=", "complete, proved: 4,000 of 4,000 records in 16 pages, 0 retries", 0, 4000},
		{"faults", connector, faults[1], "complete, proved: 4,000 of 4,000 records in 16 pages, 1 retry, 1 recovery", 0, 4000},
		{"no fallback", fallback.ReplaceAllString(connector, ""), faults[1], "incomplete: ", 3, 1250},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, err := demo.Start(t.Context(), demo.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			if err := os.WriteFile(filepath.Join(dir, "indicators.yaml"), []byte(c.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, msg := call(t, dir, bin, "run", "indicators.yaml", "--fresh", "--set", "base_url="+server.URL, "--set", c.fault)
			rows := strings.Split(strings.TrimSpace(msg), "\n")
			if n := strings.Count(out, "\n"); code != c.code || n != c.records || !strings.HasPrefix(rows[len(rows)-1], c.verdict) {
				t.Errorf("exit %d, %d records\n%s", code, n, msg)
			}
		})
	}
}

// TestManualConnectors: a connector that a page of the manual shows whole is valid.
func TestManualConnectors(t *testing.T) {
	for _, f := range files(t, ".md") {
		for _, text := range blocks(f.text, "yaml") {
			if !strings.HasPrefix(text, "connector:") {
				continue
			}
			if _, err := spec.Parse(f.path, []byte(text), spec.Options{}); err != nil {
				t.Errorf("%s: %v", f.path, err)
			}
		}
	}
}

var (
	link   = regexp.MustCompile(`\]\(([^)#:\s]+)(#[^)\s]*)?\)`)
	target = regexp.MustCompile("(?m)(?:^| |`)make ([a-z][a-z-]*)")
)

// TestManualLinks: what a page links to exists, and every page of the manual is in the index of its
// folder, whose own page is in the index above.
func TestManualLinks(t *testing.T) {
	for _, f := range files(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(f.text, -1) {
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(f.path), m[1])); err != nil {
				t.Errorf("%s: nothing at %s", f.path, m[1])
			}
		}
		dir, page := path.Split(f.path)
		if page == "README.md" {
			page = path.Base(dir) + "/" + page
			dir = path.Dir(path.Clean(dir)) + "/"
		}
		if !strings.HasPrefix(dir, "docs/") {
			continue
		}
		if index := dir + "README.md"; !strings.Contains(read(t, index), "]("+page+")") {
			t.Errorf("%s does not list %s", index, page)
		}
	}
}

// TestMakeTargets: a target that a page names is in the Makefile.
func TestMakeTargets(t *testing.T) {
	makefile := read(t, "Makefile")
	for _, name := range []string{"README.md", "CONTRIBUTING.md"} {
		for _, block := range append(blocks(read(t, name), "sh"), inline(read(t, name))...) {
			for _, m := range target.FindAllStringSubmatch(block, -1) {
				if !strings.Contains(makefile, "\n"+m[1]+":") {
					t.Errorf("%s: make %s: the Makefile has no such target", name, m[1])
				}
			}
		}
	}
}

// inline are the code spans of a text.
func inline(text string) []string {
	return regexp.MustCompile("`[^`\n]+`").FindAllString(text, -1)
}
