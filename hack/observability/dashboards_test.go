package observability

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/offlinepush/operator/hack/observability/dashboard"
)

// TestDashboards parses what every panel and every variable asks for.
func TestDashboards(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t)
	for name, d := range dashboard.All() {
		asked := 0
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				asked++
				if err := c.check(strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")); err != nil {
					t.Errorf("%s, %s: %v", name, p.Title, err)
				}
				checkLegend(t, name, target)
			}
			if p.Type != "row" && len(p.Targets) == 0 {
				t.Errorf("%s, %s asks for nothing", name, p.Title)
			}
		}
		if asked < 8 {
			t.Errorf("%s asks for %d things", name, asked)
		}
		checkVariables(t, c, name, d)
	}
}

// checkLegend wants labels in the legend that the expression keeps.
func checkLegend(t *testing.T, name string, target dashboard.Target) {
	t.Helper()
	kept := regexp.MustCompile(`by \(([^)]*)\)`).FindStringSubmatch(target.Expr)
	for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
		if kept == nil || !slices.Contains(strings.Split(kept[1], ", "), label[1]) {
			t.Errorf("%s: the legend %q is not of %s", name, target.LegendFormat, target.Expr)
		}
	}
}

// checkVariables wants every variable of an expression to be there, with values that a metric has.
func checkVariables(t *testing.T, c catalogue, name string, d dashboard.Dashboard) {
	t.Helper()
	known := map[string]bool{"__rate_interval": true}
	for _, v := range d.Templating.List {
		known[v.Name] = true
		query, ok := v.Query.(map[string]string)
		if !ok {
			continue
		}
		parts := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(query["query"])
		if parts == nil {
			t.Errorf("%s: the variable %s asks for %q", name, v.Name, query["query"])
			continue
		}
		if _, labels, err := c.find(parts[1]); err != nil || !slices.Contains(labels, parts[2]) {
			t.Errorf("%s: the variable %s asks for %s of %s, error %v", name, v.Name, parts[2], parts[1], err)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for _, used := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !known[used[1]] {
					t.Errorf("%s: %s has no variable %s", name, target.Expr, used[1])
				}
			}
		}
	}
}

// TestDashboardsAreApplied compares the files with what kustomize makes a ConfigMap of.
func TestDashboardsAreApplied(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(root + "config/grafana/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		ConfigMapGenerator []struct{ Files []string }
	}
	if err := yaml.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	applied := map[string]bool{}
	for _, m := range list.ConfigMapGenerator {
		for _, f := range m.Files {
			applied[strings.TrimSuffix(f, ".json")] = true
		}
	}
	want := slices.Sorted(maps.Keys(dashboard.All()))
	for what, got := range map[string]map[string]bool{"kustomization.yaml": applied, "the folder": names(t, root+"config/grafana", ".json")} {
		if got := slices.Sorted(maps.Keys(got)); !slices.Equal(got, want) {
			t.Errorf("%s of config/grafana has %v, want %v", what, got, want)
		}
	}
}
