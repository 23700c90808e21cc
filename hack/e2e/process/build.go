// Package process runs the dispatcher and the vendor simulator as the real
// programs that they are: it builds them, starts them on free loopback ports,
// gives the dispatcher a configuration the way the kubelet mounts one, kills,
// stops and restarts them, and keeps everything that they write and answer.
package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	// All that the programs are made of, so that go test knows when a result in its cache is of other programs.
	_ "github.com/offlinepush/operator/dispatcher/backup"
	_ "github.com/offlinepush/operator/dispatcher/server"
	_ "github.com/offlinepush/operator/dispatcher/simulator"
)

const module = "github.com/offlinepush/operator"

// Binaries is a folder with the programs.
type Binaries struct{ dir string }

// Build compiles the programs into dir, with the race detector if the caller has it.
func Build(ctx context.Context, dir string) (Binaries, error) {
	var flags []string
	if Race {
		flags = append(flags, "-race")
	}
	return build(ctx, dir, flags, "dispatcher", "vendorsim")
}

func build(ctx context.Context, dir string, flags []string, programs ...string) (Binaries, error) {
	args := append([]string{"build", "-buildvcs=false", "-o", dir + string(filepath.Separator)}, flags...)
	for _, p := range programs {
		args = append(args, module+"/cmd/"+p)
	}
	cmd := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are constants and a temporary folder
	cmd.Env = os.Environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return Binaries{}, fmt.Errorf("building the programs: %w\n%s", err, out)
	}
	return Binaries{dir: dir}, nil
}

func (b Binaries) path(program string) string { return filepath.Join(b.dir, program) }
