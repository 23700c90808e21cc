package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Kubectl runs the kubectl that belongs to the kube-apiserver, as cluster administrator, and returns what it printed. A
// failure ends the test.
func (e *Environment) Kubectl(t *testing.T, arguments ...string) string {
	t.Helper()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, e.cluster.KubeConfig, 0o600); err != nil {
		t.Fatalf("writing a kubeconfig: %v", err)
	}
	kubectl := e.cluster.ControlPlane.KubectlPath
	command := exec.CommandContext(t.Context(), kubectl, append([]string{"--kubeconfig", kubeconfig}, arguments...)...) //nolint:gosec // The test's own arguments.
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %v: %v\n%s", arguments, err, output)
	}
	return string(output)
}
