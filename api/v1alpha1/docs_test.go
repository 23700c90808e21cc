package v1alpha1_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// constants reads the text constants of a file whose names begin with a prefix.
func constants(t *testing.T, file, prefix string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is no text", spec.Names[0].Name)
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		return true
	})
	slices.Sort(values)
	return slices.Compact(values)
}

// documented reads the names at the beginning of table rows in a section of each kind's page.
func documented(t *testing.T, heading string) map[string][]string {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| (`[A-Za-z]+`(?:, `[A-Za-z]+`)*) \\|")
	name := regexp.MustCompile("`([A-Za-z]+)`")
	pages := map[string][]string{}
	for _, kind := range []string{"pushapp", "pushchannel", "pushtest"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", kind+".md"))
		if err != nil {
			t.Fatal(err)
		}
		_, section, found := strings.Cut(string(text), heading+"\n")
		if !found {
			t.Fatalf("docs/spec/%s.md has no %q", kind, heading)
		}
		section, _, _ = strings.Cut(section, "\n## ")
		for _, first := range row.FindAllStringSubmatch(section, -1) {
			for _, found := range name.FindAllStringSubmatch(first[1], -1) {
				pages[kind] = append(pages[kind], found[1])
			}
		}
	}
	return pages
}

// all are the names on any page.
func all(pages map[string][]string) []string {
	names := slices.Sorted(maps.Keys(pages))
	var out []string
	for _, kind := range names {
		out = append(out, pages[kind]...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestReasonsAreDocumented: whoever meets a reason finds its meaning and its cure, and no page speaks of one that is gone.
func TestReasonsAreDocumented(t *testing.T) {
	t.Parallel()
	code, pages := constants(t, "reason_types.go", "Reason"), all(documented(t, "## Reasons"))
	for _, reason := range code {
		if !slices.Contains(pages, reason) {
			t.Errorf("docs/spec does not say what %s means: add a row to the table of its condition", reason)
		}
	}
	for _, reason := range pages {
		if !slices.Contains(code, reason) {
			t.Errorf("docs/spec speaks of %s, which is no reason", reason)
		}
	}
	if len(code) < 50 {
		t.Errorf("only %d reasons were found in the code", len(code))
	}
}

// TestConditionsAreDocumented does the same for the types of conditions.
func TestConditionsAreDocumented(t *testing.T) {
	t.Parallel()
	code := constants(t, "condition_types.go", "Condition")
	pages := all(documented(t, "## Conditions"))
	for _, name := range code {
		if !slices.Contains(pages, name) {
			t.Errorf("docs/spec does not say what %s means", name)
		}
	}
	for _, name := range pages {
		if !slices.Contains(code, name) {
			t.Errorf("docs/spec speaks of %s, which is no condition", name)
		}
	}
}

// TestReasonsAreUsed: a reason that no controller gives is a promise that nobody keeps.
func TestReasonsAreUsed(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	err := filepath.WalkDir(filepath.Join("..", "..", "controllers"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("reason_types.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, constant := range regexp.MustCompile(`(?m)^\t(Reason\w+) = `).FindAllStringSubmatch(string(text), -1) {
		if constant[1] == "ReasonPending" {
			continue // The CRDs' defaults give it.
		}
		if !regexp.MustCompile(`pushv1\.` + constant[1] + `\b`).MatchString(code.String()) {
			t.Errorf("no controller gives %s: remove it", constant[1])
		}
	}
}
