package config_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kstatus "sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/yaml"

	"github.com/offlinepush/operator/controllers/testenv"
)

// fixture is a status that a controller wrote, below testdata/<kind>/<health>/<reason>.yaml. Tests of controllers add to them
// with OFFLINEPUSH_RECORD_STATUS.
type fixture struct {
	kind, health, reason string
	object               map[string]any
	text                 string
}

func fixtures(t *testing.T) []fixture {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("argocd", "testdata", "*", "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []fixture
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f := fixture{text: string(text), reason: strings.TrimSuffix(filepath.Base(path), ".yaml")}
		f.health = filepath.Base(filepath.Dir(path))
		f.kind = filepath.Base(filepath.Dir(filepath.Dir(path)))
		var object unstructured.Unstructured
		if err := yaml.Unmarshal(text, &object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		f.object = object.Object
		out = append(out, f)
	}
	return out
}

// TestHealthChecks: for every status that controllers write, Argo CD and readers of kstatus come to the same.
func TestHealthChecks(t *testing.T) {
	t.Parallel()
	for _, f := range fixtures(t) {
		t.Run(filepath.Join(f.kind, f.health, f.reason), func(t *testing.T) {
			t.Parallel()
			got, err := testenv.ArgoHealth(f.kind, f.object)
			if err != nil {
				t.Fatal(err)
			}
			seen, err := kstatus.Compute(&unstructured.Unstructured{Object: f.object})
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != f.health || !got.AgreesWith(seen.Status) || got.Message == "" {
				t.Errorf("Argo CD says %+v, kstatus %s, want %s", got, seen.Status, f.health)
			}
			deleted := (&unstructured.Unstructured{Object: f.object}).DeepCopy()
			now := metav1.Now()
			deleted.SetDeletionTimestamp(&now)
			if got, err := testenv.ArgoHealth(f.kind, deleted.Object); err != nil || got.Status != testenv.HealthProgressing {
				t.Errorf("of the object being deleted Argo CD says %+v (%v)", got, err)
			}
		})
	}
}

// TestHealthChecksOfOddObjects: what is not complete yet is never taken for healthy.
func TestHealthChecksOfOddObjects(t *testing.T) {
	t.Parallel()
	ready := map[string]any{"type": "Ready", "status": "True", "reason": "Ready", "message": "all is well"}
	for name, status := range map[string]any{
		"no status":        nil,
		"no conditions":    map[string]any{"observedGeneration": int64(1)},
		"no Ready":         map[string]any{"observedGeneration": int64(1), "conditions": []any{}},
		"older generation": map[string]any{"observedGeneration": int64(0), "conditions": []any{ready}},
	} {
		for _, kind := range []string{"PushChannel", "PushApp", "PushTest"} {
			object := map[string]any{"metadata": map[string]any{"generation": int64(1)}}
			if status != nil {
				object["status"] = status
			}
			if got, err := testenv.ArgoHealth(kind, object); err != nil || got.Status != testenv.HealthProgressing {
				t.Errorf("%s, %s: Argo CD says %+v (%v)", kind, name, got, err)
			}
		}
	}
}

// TestEveryReasonHasAFixture compares the fixtures with the page of each kind, both ways.
func TestEveryReasonHasAFixture(t *testing.T) {
	t.Parallel()
	seen := map[string][]string{}
	for _, f := range fixtures(t) {
		for _, found := range regexp.MustCompile(`(?m)^[\s-]+reason: (\w+)$`).FindAllStringSubmatch(f.text, -1) {
			seen[f.kind] = append(seen[f.kind], found[1])
		}
	}
	for _, kind := range []string{"PushChannel", "PushApp", "PushTest"} {
		text, err := os.ReadFile(filepath.Join("..", "docs", "spec", strings.ToLower(kind)+".md"))
		if err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(string(text), "\n## Reasons\n")
		section, _, _ = strings.Cut(section, "\n## ")
		section, _, _ = strings.Cut(section, "\nEvents, ")
		var told []string
		for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]+`) \\|").FindAllStringSubmatch(section, -1) {
			told = append(told, strings.Split(strings.ReplaceAll(row[1], "`", ""), ", ")...)
		}
		slices.Sort(told)
		slices.Sort(seen[kind])
		if diff := cmp.Diff(slices.Compact(told), slices.Compact(seen[kind])); diff != "" {
			t.Errorf("reasons of a %s (-docs/spec +fixtures of the health checks):\n%s", kind, diff)
		}
	}
}

// TestHealthChecksJoinArgoCD applies them as docs/gitops.md says, over the settings of an Argo CD that runs.
func TestHealthChecksJoinArgoCD(t *testing.T) {
	t.Parallel()
	create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "argocd"}}, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "argocd", Name: "argocd-cm", Labels: map[string]string{"app.kubernetes.io/part-of": "argocd"}},
		Data:       map[string]string{"url": "https://argocd.example.com"},
	})
	file := filepath.Join("argocd", "argocd-cm.yaml")
	environment.Kubectl(t, "apply", "--server-side", "--field-manager", "offlinepush", "-f", file)
	got := environment.Kubectl(t, "get", "configmap", "argocd-cm", "-n", "argocd", "-o", "yaml")
	checkSettings(t, got)
}

// TestHealthChecksAsComponent builds a kustomization that installs Argo CD.
func TestHealthChecksAsComponent(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	here, err := filepath.Abs("argocd")
	if err != nil {
		t.Fatal(err)
	}
	component, err := filepath.Rel(folder, here)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"kustomization.yaml": "resources: [argocd.yaml]\ncomponents: [" + component + "]\n",
		"argocd.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}\n" +
			"data: {url: \"https://argocd.example.com\"}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checkSettings(t, environment.Kubectl(t, "kustomize", folder))
}

// checkSettings looks for the health checks beside what was there.
func checkSettings(t *testing.T, text string) {
	t.Helper()
	var settings corev1.ConfigMap
	if err := yaml.Unmarshal([]byte(text), &settings); err != nil {
		t.Fatal(err)
	}
	if settings.Data["url"] != "https://argocd.example.com" || settings.Labels["app.kubernetes.io/part-of"] != "argocd" {
		t.Errorf("Argo CD's own settings are gone: %v %v", settings.Labels, settings.Data)
	}
	for _, kind := range []string{"PushChannel", "PushApp", "PushTest"} {
		if !strings.Contains(settings.Data["resource.customizations.health.offlinepush.io_"+kind], "return hs") {
			t.Errorf("no health check for %s", kind)
		}
	}
}
