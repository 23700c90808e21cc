package metrics

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	_ "sigs.k8s.io/controller-runtime/pkg/controller" // registers what others lists

	_ "github.com/offlinepush/operator/controllers/condition"   // registers its metric
	_ "github.com/offlinepush/operator/controllers/manager"     // registers its metric
	_ "github.com/offlinepush/operator/controllers/pushapp"     // would register one
	_ "github.com/offlinepush/operator/controllers/pushchannel" // registers its metric
	_ "github.com/offlinepush/operator/controllers/pushtest"    // would register one
)

var update = flag.Bool("update", false, "write docs/metrics.md")

func TestPage(t *testing.T) {
	t.Parallel()
	const path = "../../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, []byte(Page()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Page(), string(got)); diff != "" {
		t.Errorf("docs/metrics.md is old: go test ./hack/metrics -args -update (-want +got):\n%s", diff)
	}
}

// TestManagersMetrics compares what the controllers register with what people are told of.
func TestManagersMetrics(t *testing.T) {
	t.Parallel()
	described := make(chan *prometheus.Desc, 10_000)
	metrics.Registry.(interface{ Describe(chan<- *prometheus.Desc) }).Describe(described)
	close(described)
	found := map[string]string{} // labels by name
	parts := regexp.MustCompile(`fqName: "(\w+)", help: "(.*?)", .*constLabels: \{.*?\}, variableLabels: \{(.*?)\}`)
	for d := range described {
		if match := parts.FindStringSubmatch(d.String()); match != nil {
			found[match[1]] = match[3] + ": " + match[2]
		}
	}
	ours := map[string]string{}
	for _, m := range manager() {
		ours[m.Name] = strings.Join(m.Labels, ",") + ": " + m.Help
	}
	registered := map[string]string{}
	for name, rest := range found {
		if strings.HasPrefix(name, "offlinepush_") {
			registered[name] = rest
		}
	}
	if diff := cmp.Diff(ours, registered); diff != "" {
		t.Errorf("the manager's metrics (-described +registered):\n%s", diff)
	}
	for _, m := range others() {
		if m.Scope != managerScope {
			continue
		}
		got, _, _ := strings.Cut(found[m.Name], ":")
		if has := strings.Split(got, ","); slices.ContainsFunc(m.Labels, func(l string) bool { return !slices.Contains(has, l) }) {
			t.Errorf("controller-runtime has no %s with the labels %v, but %q", m.Name, m.Labels, found[m.Name])
		}
	}
}
