// Command crd compares the CRDs with those that were released, and fails on a change that would refuse or drop what people
// have applied.
//
//	go run ./hack/crd config/crd/released config/crd/bases
package main

import (
	"fmt"
	"os"
	"path/filepath"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: crd RELEASED-FOLDER FOLDER")
		os.Exit(2)
	}
	broken, err := check(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "crd:", err)
		os.Exit(1)
	}
	for _, what := range broken {
		fmt.Fprintln(os.Stderr, "crd:", what)
	}
	if len(broken) > 0 {
		fmt.Fprintln(os.Stderr, "crd: keep what was there beside the new, or, for what was never released, run: make crd-release")
		os.Exit(1)
	}
}

// check lists what the CRDs of a folder take away from the released ones.
func check(released, now string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(released, "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no CRDs in %s (%w)", released, err)
	}
	var broken []string
	for _, file := range files {
		before, err := read(file)
		if err != nil {
			return nil, err
		}
		after, err := read(filepath.Join(now, filepath.Base(file)))
		if err != nil {
			return nil, err
		}
		broken = append(broken, compare(before, after)...)
	}
	return broken, nil
}

func read(file string) (*apiextensionsv1.CustomResourceDefinition, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a CRD: %w", err)
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(text, crd); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return crd, nil
}
