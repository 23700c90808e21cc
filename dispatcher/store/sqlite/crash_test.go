package sqlite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/offlinepush/operator/dispatcher/store/storetest"
)

// crashDir tells a copy of the test binary to write to that store until it is killed.
const crashDir = "STORETEST_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		os.Exit(crashHelper(dir))
	}
	os.Exit(m.Run())
}

func crashHelper(dir string) int {
	ctx := context.Background()
	s, err := Open(ctx, options(dir))
	if err == nil {
		err = storetest.WriteUntilKilled(ctx, s, time.Minute, os.Stdout)
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func TestCrash(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	storetest.Crash(t, opener(t, dir), 1, func() *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		cmd.Stderr = os.Stderr
		return cmd
	})
}
