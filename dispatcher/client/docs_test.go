package client_test

import (
	"os"
	"strings"
	"testing"
)

// TestPageShowsTheExamples as they are tested.
func TestPageShowsTheExamples(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/client.md")
	if err != nil {
		t.Fatal(err)
	}
	tested, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.ReplaceAll(string(tested), "\n\t", "\n") // one level of indentation less
	shown := strings.Split(string(page), "```go\n")[1:]
	if len(shown) < 4 {
		t.Fatalf("the page shows %d examples", len(shown))
	}
	for _, part := range shown {
		block, _, _ := strings.Cut(part, "```")
		if !strings.Contains(code, block) {
			t.Errorf("no test has what the page shows:\n%s", block)
		}
	}
}
