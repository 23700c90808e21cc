package providertest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/message"
	"github.com/offlinepush/operator/dispatcher/provider"
)

// Table compares a vendor's table with a list that was transcribed from its documents.
func Table(t *testing.T, table []provider.Code, want map[string]message.Class) {
	t.Helper()
	got := make(map[string]message.Class, len(table))
	for _, c := range table {
		if _, twice := got[c.Code]; twice {
			t.Errorf("%s is in the table twice", c.Code)
		}
		if !strings.HasSuffix(c.Why, ".") {
			t.Errorf("%s: does not say why in a sentence", c.Code)
		}
		got[c.Code] = c.Class
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the table differs from the vendor's documents (-want +got):\n%s", diff)
	}
}

// Docs compares the table in a document with the one in the code.
func Docs(t *testing.T, file string, table []provider.Code) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| Code | Class | What it means, what cures it |\n| --- | --- | --- |\n"
	_, got, found := strings.Cut(string(b), head)
	if !found {
		t.Fatalf("%s has no table of codes", file)
	}
	got, _, _ = strings.Cut(got, "\n\n")
	var want strings.Builder
	for _, c := range table {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", c.Code, c.Class, c.Why)
	}
	if diff := cmp.Diff(strings.TrimSpace(want.String()), strings.TrimSpace(got)); diff != "" {
		t.Errorf("%s: replace the table by\n\n%s%s\n(-want +got):\n%s", file, head, want.String(), diff)
	}
}
