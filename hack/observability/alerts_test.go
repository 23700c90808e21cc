package observability

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

const runbooks = "https://github.com/offlinepush/operator/blob/main/docs/runbooks/"

// read decodes a file strictly.
func read(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(b, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// alerts are the rules of config/prometheus by the name of their file.
func alerts(t *testing.T) map[string]*monitoringv1.PrometheusRule {
	t.Helper()
	all := map[string]*monitoringv1.PrometheusRule{}
	for name := range names(t, root+"config/prometheus/alerts", ".yaml") {
		all[name] = &monitoringv1.PrometheusRule{}
		read(t, filepath.Join(root, "config/prometheus/alerts", name+".yaml"), all[name])
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

// names are the files of a folder without their suffix.
func names(t *testing.T, folder, suffix string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range files {
		found[strings.TrimSuffix(filepath.Base(f), suffix)] = true
	}
	return found
}

// camel turns store-down into StoreDown.
func camel(name string) string {
	return regexp.MustCompile(`(^|-)(\w)`).ReplaceAllStringFunc(name, func(s string) string {
		return strings.ToUpper(strings.TrimPrefix(s, "-"))
	})
}

// TestAlerts wants one alert per file, with everything that people need who are woken by it.
func TestAlerts(t *testing.T) {
	t.Parallel()
	c := readCatalogue(t)
	for name, object := range alerts(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if object.Name != "offlinepush-"+name || len(object.Spec.Groups) != 1 || len(object.Spec.Groups[0].Rules) != 1 {
				t.Fatalf("%s must hold one alert, have the file's name, and have %d groups", object.Name, len(object.Spec.Groups))
			}
			rule := object.Spec.Groups[0].Rules[0]
			if want := "OfflinePush" + camel(name); rule.Alert != want {
				t.Errorf("the alert is %s, want %s", rule.Alert, want)
			}
			if severity := rule.Labels["severity"]; severity != "critical" && severity != "warning" {
				t.Errorf("severity is %q", severity)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Annotations["runbook_url"] != runbooks+name+".md" {
				t.Errorf("annotations are %v", rule.Annotations)
			}
			if err := c.check(rule.Expr.String()); err != nil {
				t.Error(err)
			}
			checkRunbook(t, name, rule)
		})
	}
}

func checkRunbook(t *testing.T, name string, rule monitoringv1.Rule) {
	t.Helper()
	page, err := os.ReadFile(root + "docs/runbooks/" + name + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"# " + rule.Alert + "\n", "**Severity** " + rule.Labels["severity"], "\n## Impact\n", "\n## Find out\n", "\n```\n", "\n## Cure\n"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("docs/runbooks/%s.md lacks %q", name, part)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(filepath.Join(root, "docs/runbooks", link[1])); err != nil {
			t.Errorf("docs/runbooks/%s.md leads nowhere: %v", name, err)
		}
	}
	index, err := os.ReadFile(root + "docs/runbooks/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if row := fmt.Sprintf("| [%s](%s.md) | %s |", rule.Alert, name, rule.Labels["severity"]); !strings.Contains(string(index), row) {
		t.Errorf("docs/runbooks/README.md lacks %q", row)
	}
}

// TestEveryAlertHasItsFiles looks for what is there without an alert, and for alerts that are not applied.
func TestEveryAlertHasItsFiles(t *testing.T) {
	t.Parallel()
	want := slices.Sorted(maps.Keys(alerts(t)))
	books := names(t, root+"docs/runbooks", ".md")
	delete(books, "README")
	var list struct{ Resources []string }
	b, err := os.ReadFile(root + "config/prometheus/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &list); err != nil {
		t.Fatal(err)
	}
	applied := map[string]bool{}
	for _, path := range list.Resources {
		if name, ok := strings.CutPrefix(path, "alerts/"); ok {
			applied[strings.TrimSuffix(name, ".yaml")] = true
		}
	}
	for what, got := range map[string]map[string]bool{
		"docs/runbooks": books, "testdata/alerts": names(t, "testdata/alerts", ".yaml"), "config/prometheus/kustomization.yaml": applied,
	} {
		if got := slices.Sorted(maps.Keys(got)); !slices.Equal(got, want) {
			t.Errorf("%s has\n%v, want\n%v", what, got, want)
		}
	}
}

// TestAlertsFire plays every fixture with promtool: silence, the alert with its words, and silence again.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	var rules, tests []string
	for name, object := range alerts(t) {
		folder := t.TempDir()
		b, err := yaml.Marshal(object.Spec)
		if err != nil {
			t.Fatal(err)
		}
		fixture, err := os.ReadFile("testdata/alerts/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		checkFixture(t, name, object.Spec.Groups[0].Rules[0].Alert, fixture)
		rules, tests = append(rules, filepath.Join(folder, "rules.yaml")), append(tests, filepath.Join(folder, name+".yaml"))
		for path, content := range map[string][]byte{rules[len(rules)-1]: b, tests[len(tests)-1]: fixture} {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	promtool := buildPromtool(t)
	run(t, promtool, append([]string{"check", "rules", "--lint-fatal"}, rules...)...)
	run(t, promtool, append([]string{"test", "rules"}, tests...)...)
}

// checkFixture wants the alert looked at before it fires, while it does, and after it ended.
func checkFixture(t *testing.T, name, alert string, fixture []byte) {
	t.Helper()
	var file struct {
		Tests []struct {
			Looks []struct {
				Alert string `json:"alertname"`
				Fires []any  `json:"exp_alerts"`
			} `json:"alert_rule_test"`
		}
	}
	if err := yaml.Unmarshal(fixture, &file); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var seen []bool
	for _, test := range file.Tests {
		for _, look := range test.Looks {
			if look.Alert != alert {
				t.Errorf("the fixture of %s looks at %s", name, look.Alert)
			}
			seen = append(seen, len(look.Fires) > 0)
		}
	}
	if !slices.Equal(seen, []bool{false, true, false}) {
		t.Errorf("the fixture of %s wants the alert as %v, not off, on, off", name, seen)
	}
}

// buildPromtool builds Prometheus's own tool of the version that go.mod pins, without the clouds that it could discover.
func buildPromtool(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "promtool")
	run(t, "go", "build", "-buildvcs=false", "-tags", "remove_all_sd", "-ldflags", "-s -w", "-o", path, "github.com/prometheus/prometheus/cmd/promtool")
	return path
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args[:2], " "), err, output)
	}
}

// TestMonitors compares what Prometheus is told to read with what there is.
func TestMonitors(t *testing.T) {
	t.Parallel()
	var pods monitoringv1.PodMonitor
	read(t, root+"config/prometheus/dispatcher_podmonitor.yaml", &pods)
	var service monitoringv1.ServiceMonitor
	read(t, root+"config/prometheus/manager_servicemonitor.yaml", &service)
	if len(pods.Spec.PodMetricsEndpoints) != 1 || len(service.Spec.Endpoints) != 1 {
		t.Fatal("each monitor must have one endpoint")
	}
	pod, manager := pods.Spec.PodMetricsEndpoints[0], service.Spec.Endpoints[0]
	if *pod.Port != "admin" || pods.Spec.Selector.MatchLabels["app.kubernetes.io/name"] != "offlinepush-dispatcher" || !pods.Spec.NamespaceSelector.Any {
		t.Errorf("the dispatchers' monitor reads %v of %v", *pod.Port, pods.Spec.Selector)
	}
	if manager.Port != "https" || !manager.HonorLabels || service.Spec.Selector.MatchLabels["app.kubernetes.io/name"] != "offlinepush-manager" {
		t.Errorf("the manager's monitor reads %v of %v", manager.Port, service.Spec.Selector)
	}
	jobs := map[string]bool{}
	for _, relabel := range slices.Concat(pod.RelabelConfigs, manager.RelabelConfigs) {
		if relabel.TargetLabel == "job" {
			jobs[*relabel.Replacement] = true
		}
	}
	for name, object := range alerts(t) {
		for _, job := range regexp.MustCompile(`job="([^"]+)"`).FindAllStringSubmatch(object.Spec.Groups[0].Rules[0].Expr.String(), -1) {
			if !jobs[job[1]] {
				t.Errorf("%s asks for the job %s, there are %v", name, job[1], jobs)
			}
		}
	}
}
