package tracing_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/offlinepush/operator/dispatcher/tracing"
)

// docs/traces.md has a row for every attribute and every result, and for nothing else.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/traces.md")
	if err != nil {
		t.Fatal(err)
	}
	var attributes []string
	for _, a := range tracing.Attributes() {
		attributes = append(attributes, string(a))
	}
	for pattern, want := range map[string][]string{
		"(?m)^\\| `((?:offlinepush|http)\\.[\\w.]+)` \\|": attributes,
		"(?m)^\\| `(\\w+)` \\| [^|]*\\|$":                 tracing.Results(),
		"(?m)^\\| `(\\w+)` \\| (?:internal|client) \\|":   {tracing.AcceptSpan, tracing.ExpandSpan, tracing.PushSpan},
	} {
		var got []string
		for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(page, -1) {
			got = append(got, string(match[1]))
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("docs/traces.md by %s (-want +got):\n%s", pattern, diff)
		}
	}
}
