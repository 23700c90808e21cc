package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BinariesVariable names the environment variable with the folder of kube-apiserver, etcd and kubectl. It chooses the
// version that tests run against; when unset, the newest supported one is taken.
const BinariesVariable = "OFFLINEPUSH_K8S_BIN"

// binaryFolder returns a folder that holds kube-apiserver, etcd and kubectl.
func binaryFolder(root string) (string, error) {
	folder := os.Getenv(BinariesVariable)
	if folder == "" {
		var err error
		if folder, err = newestBinaries(root); err != nil {
			return "", err
		}
	}
	for _, name := range []string{"kube-apiserver", "etcd", "kubectl"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			return "", fmt.Errorf("%s is missing in %s: `make test` builds it, as does `hack/k8s/build.sh envtest`; "+
				"or set %s to a folder that has it", name, folder, BinariesVariable)
		}
	}
	return folder, nil
}

// newestBinaries asks the script that builds them, so that the place and the version are said once.
func newestBinaries(root string) (string, error) {
	script := filepath.Join(root, "hack", "k8s", "build.sh")
	output, err := exec.Command(script, "--print-path", "newest").Output() //nolint:gosec,noctx // A script of this repository that only prints.
	if err != nil {
		return "", fmt.Errorf("asking %s for the newest Kubernetes: %w", script, err)
	}
	return strings.TrimSpace(string(output)), nil
}

// moduleRoot returns the nearest folder above the test that holds go.mod.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding go.mod: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("finding go.mod: no folder above the test holds it")
		}
		folder = parent
	}
}
