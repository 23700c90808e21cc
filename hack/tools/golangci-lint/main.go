// Command golangci-lint is golangci-lint with kube-api-linter built in, which golangci-lint takes only as a plugin.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"
	_ "sigs.k8s.io/kube-api-linter" // registers the plugin "kubeapilinter".
)

func main() {
	if err := commands.Execute(buildInfo()); err != nil {
		fmt.Fprintln(os.Stderr, "golangci-lint:", err)
		os.Exit(exitcodes.Failure)
	}
}

// buildInfo leaves the version at "(devel)": golangci-lint then keys its cache by the binary itself,
// so that a new plugin version never meets results of the old one.
func buildInfo() commands.BuildInfo {
	info := commands.BuildInfo{Version: "(devel)"}
	if build, ok := debug.ReadBuildInfo(); ok {
		info.GoVersion = build.GoVersion
	}
	return info
}
