// Package http_test proves over HTTP, with the dispatcher and the vendor
// simulator as real processes, what the app's servers, phones and operators rely on.
package http_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/offlinepush/operator/hack/e2e/process"
)

// binaries are the programs, built once for all tests.
var binaries process.Binaries

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// atOnce is how many tests run at the same time: nearly all of their time they wait for a vendor's patience.
const atOnce = "8"

func run(m *testing.M) (code int, err error) {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "offlinepush-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if binaries, err = process.Build(context.Background(), dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}
