package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	pushv1 "github.com/offlinepush/operator/api/v1alpha1"
)

// RecordVariable names the environment variable with a folder into which CheckStatus writes one object for each kind, health
// and reason of Ready, and for each reason of another condition, that is not there yet. With config/argocd/testdata in it, tests of controllers add what they meet to the fixtures
// of the health checks.
const RecordVariable = "OFFLINEPUSH_RECORD_STATUS"

// volatile is what differs between two runs of a test.
var volatile = []struct {
	pattern *regexp.Regexp
	stable  string
}{
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "2026-01-01T00:00:00Z"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:8443"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "0123456789abcdef"},
}

// record keeps an object as a fixture for each of its reasons that has none.
func record(kind string, content map[string]any, health Health, conditions []metav1.Condition) error {
	folder := os.Getenv(RecordVariable)
	if folder == "" {
		return nil
	}
	text, err := fixture(kind, content)
	if err != nil {
		return err
	}
	for reason, decides := range reasonsOf(content, conditions) {
		known, err := filepath.Glob(filepath.Join(folder, kind, "*", reason+".yaml"))
		if err != nil || (!decides && len(known) > 0) {
			continue
		}
		if err := writeNew(filepath.Join(folder, kind, health.Status, reason+".yaml"), text); err != nil {
			return err
		}
	}
	return nil
}

// reasonsOf are the reasons of conditions and of a PushApp's rows, and whether Ready has them.
func reasonsOf(content map[string]any, conditions []metav1.Condition) map[string]bool {
	reasons := map[string]bool{}
	rows, _, _ := unstructured.NestedSlice(content, "status", "channels")
	for _, row := range rows {
		if fields, ok := row.(map[string]any); ok {
			reasons[fmt.Sprint(fields["reason"])] = false
		}
	}
	for _, c := range conditions {
		reasons[c.Reason] = reasons[c.Reason] || c.Type == pushv1.ConditionReady
	}
	return reasons
}

// fixture is an object's status without what differs between two runs.
func fixture(kind string, content map[string]any) ([]byte, error) {
	object := unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "offlinepush.io/v1alpha1", "kind": kind,
		"metadata": map[string]any{"name": "example", "namespace": "push"}, "status": content["status"],
	}}
	if generation, ok, _ := unstructured.NestedInt64(content, "metadata", "generation"); ok {
		object.SetGeneration(generation)
	}
	text, err := yaml.Marshal(object.Object)
	if err != nil {
		return nil, fmt.Errorf("recording a status: %w", err)
	}
	if namespace, _, _ := unstructured.NestedString(content, "metadata", "namespace"); namespace != "" {
		text = regexp.MustCompile(`\b`+regexp.QuoteMeta(namespace)+`\b`).ReplaceAll(text, []byte("push"))
	}
	for _, v := range volatile {
		text = v.pattern.ReplaceAll(text, []byte(v.stable))
	}
	return text, nil
}

// writeNew writes a file unless it exists.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("recording a status: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recording a status: %w", err)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
